import type { Invocation } from '../../contracts/client.ts';
import type { NodeId } from '../../contracts/names.ts';
import { LogicalClient } from './logical-client.ts';
import type { ClientPorts } from './ports.ts';

/** A node that did not answer so many in a row is asked no more. */
const UNANSWERED_MAX = 3;

export interface FinalReadsOptions extends ClientPorts {
  readonly nodes: readonly NodeId[];
  readonly invocations: readonly Invocation[];
  /** From here on process ids are unused. */
  readonly firstProcess: number;
  /** Stops the asking. */
  readonly signal: AbortSignal;
}

/**
 * Asks every node everything, each through a process of its own: what was acknowledged must be there
 * on all of them, and a node that came back with less is found here.
 *
 * @returns the nodes that answered everything
 */
export async function askEveryNode(options: FinalReadsOptions): Promise<readonly NodeId[]> {
  const { nodes, firstProcess } = options;
  const answers = nodes.map(async (node, i) => {
    await using client = new LogicalClient(options, node, firstProcess + i, nodes.length);
    return await askOne(client, options);
  });
  // Settled, not the first error: no client may still be recording when this returns.
  const settled = await Promise.allSettled(answers);
  const complete = settled.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
  return nodes.filter((_, i) => complete[i]);
}

async function askOne(
  client: LogicalClient,
  { invocations, clock, pauseAfterFailNs, signal }: FinalReadsOptions,
): Promise<boolean> {
  let unanswered = 0;
  let isComplete = true;
  for (const invocation of invocations) {
    if (signal.aborted || unanswered >= UNANSWERED_MAX) return false;
    const { type } = await client.perform(invocation, clock.now());
    unanswered = type === 'ok' ? 0 : unanswered + 1;
    if (type !== 'ok') isComplete = false;
    if (type === 'fail') await clock.sleep(pauseAfterFailNs, signal);
  }
  return isComplete;
}
