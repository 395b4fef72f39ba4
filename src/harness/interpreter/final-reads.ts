import type { Invocation } from '../../contracts/client.ts';
import type { NodeId } from '../../contracts/names.ts';
import { assertNever } from '../../lib/assert.ts';
import { SECOND } from '../../lib/duration.ts';
import { LogicalClient } from './logical-client.ts';
import type { ClientPorts } from './ports.ts';

/**
 * A node that let so many in a row time out, or refused so many, is asked no more. A refusal comes at
 * once: between two of them the pause doubles, so that a node has some seconds to find its leader.
 */
const UNANSWERED_MAX = 3;
const REFUSED_MAX = 10;
const PAUSE_NS_MAX = SECOND;

/** What one node made of its final reads. */
export interface FinalAnswers {
  readonly node: NodeId;
  /** How many were to be asked; fewer were when the node stayed silent. */
  readonly reads: number;
  readonly ok: number;
  /** Of the last read that did not succeed. */
  readonly error: string | undefined;
}

export interface FinalReadsOptions extends ClientPorts {
  readonly nodes: readonly NodeId[];
  readonly invocations: readonly Invocation[];
  /** From here on process ids are unused. */
  readonly firstProcess: number;
  /** Stops the asking. */
  readonly signal: AbortSignal;
}

/**
 * Asks every node everything, each through a process of its own. A linearizable read is forwarded to
 * the leader, or confirmed by it: so this shows that every node serves again after the faults, and that
 * what was acknowledged is still there; not what the node itself has on its disk. Of stale reads it
 * shows the latter, too.
 */
export async function askEveryNode(options: FinalReadsOptions): Promise<readonly FinalAnswers[]> {
  const { nodes, firstProcess } = options;
  const answers = nodes.map(async (node, i) => {
    await using client = new LogicalClient(options, () => node, firstProcess + i, nodes.length);
    return await askOne(client, node, options);
  });
  // Settled, not the first error: no client may still be recording when this returns.
  const settled = await Promise.allSettled(answers);
  return settled.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
}

async function askOne(
  client: LogicalClient,
  node: NodeId,
  { invocations, clock, pauseAfterFailNs, signal }: FinalReadsOptions,
): Promise<FinalAnswers> {
  let [ok, unanswered, refused] = [0, 0, 0];
  let error: string | undefined;
  for (const invocation of invocations) {
    if (signal.aborted || unanswered >= UNANSWERED_MAX || refused >= REFUSED_MAX) break;
    const completion = await client.perform(invocation);
    switch (completion.type) {
      case 'ok':
        ok++;
        [unanswered, refused] = [0, 0];
        continue;
      case 'info':
        unanswered++;
        break;
      case 'fail':
        await clock.sleep(Math.min(pauseAfterFailNs * 2 ** refused++, PAUSE_NS_MAX), signal);
        break;
      default:
        assertNever(completion);
    }
    error = completion.error;
  }
  return { node, reads: invocations.length, ok, error };
}
