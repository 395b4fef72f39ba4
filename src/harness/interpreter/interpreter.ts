import type { Clock } from '../../contracts/clock.ts';
import type { NodeId } from '../../contracts/names.ts';
import type { Generator } from '../../contracts/workload.ts';
import { assert, assertNever, InvariantError } from '../../lib/assert.ts';
import { SECOND } from '../../lib/duration.ts';
import { Desk } from './desk.ts';
import { LogicalClient } from './logical-client.ts';
import type { Pace } from './pace.ts';
import { boundTo, type Placement } from './placement.ts';
import type { ClientPorts } from './ports.ts';

/** What a client may take beyond its deadline before it counts as stuck. */
const GRACE_NS = 2 * SECOND;

export interface InterpreterOptions extends ClientPorts {
  readonly generator: Generator;
  readonly pace: Pace;
  readonly nodes: readonly NodeId[];
  /** Logical clients at a time. */
  readonly concurrency: number;
  /** Whom each of them asks; by default they are bound to the nodes in turn. */
  readonly place?: Placement | undefined;
  /** Stops the issuing; operations in flight are waited for. */
  readonly signal: AbortSignal;
}

/**
 * Has logical clients do what the generator draws, until it has no more or the signal comes. Deterministic, given its ports:
 * it reads no clock and starts no timer but through them, so that it runs in a simulation as well.
 *
 * @returns a process id from which on all are unused
 * @throws whatever a client or the recorder throws, after all other clients have stopped;
 *   InvariantError when a client does not keep its deadline
 */
export async function interpret(options: InterpreterOptions): Promise<number> {
  const { clock, nodes, concurrency, deadlineNs } = options;
  assert(concurrency > 0 && nodes.length > 0, 'at least one client and one node');
  const failed = new AbortController();
  const stop = AbortSignal.any([options.signal, failed.signal]);
  const done = new AbortController();
  const desk = new Desk({ generator: options.generator, clock, clients: concurrency });
  stop.addEventListener('abort', () => desk.close(), { once: true });
  const place = options.place ?? boundTo(nodes);
  const clients = Array.from({ length: concurrency }, (_, slot) => {
    return new LogicalClient(options, (one) => place(slot, one), slot, concurrency);
  });
  const working = clients.map(async (client, slot) => {
    try {
      await work({ client, slot, desk, options, stop });
    } catch (error) {
      failed.abort(error);
    }
  });
  const limit = unfinishedAfter(deadlineNs + GRACE_NS, { clock, stop, done: done.signal });
  try {
    await Promise.race([Promise.all(working), limit]);
  } finally {
    done.abort();
  }
  // The first error, when several clients failed: abort keeps the first reason.
  if (failed.signal.aborted) throw failed.signal.reason;
  return Math.max(...clients.map((client) => client.process)) + 1;
}

async function work({
  client,
  slot,
  desk,
  options: { pace, clock, pauseAfterFailNs },
  stop,
}: {
  readonly client: LogicalClient;
  readonly slot: number;
  readonly desk: Desk;
  readonly options: InterpreterOptions;
  readonly stop: AbortSignal;
}): Promise<void> {
  await using owned = new AsyncDisposableStack();
  owned.use(client);
  while (!stop.aborted) {
    const turnNs = await pace.turn(stop);
    const { process } = client;
    const handed = stop.aborted ? undefined : await desk.ask(slot, process);
    if (handed === undefined) return;
    const { invocation, heldUntilNs } = handed;
    if (heldUntilNs !== undefined) pace.heldUntil(heldUntilNs);
    const intendedNs = turnNs === undefined ? undefined : Math.max(turnNs, heldUntilNs ?? 0);
    const completion = await client.perform(invocation, intendedNs);
    desk.completed(process, invocation, completion);
    switch (completion.type) {
      case 'ok':
      case 'info':
        break;
      case 'fail':
        await clock.sleep(pauseAfterFailNs, stop);
        break;
      default:
        assertNever(completion);
    }
  }
}

/** Rejects when `stop` has fired and `done` has not within the limit. */
async function unfinishedAfter(
  limitNs: number,
  { clock, stop, done }: { clock: Clock; stop: AbortSignal; done: AbortSignal },
): Promise<void> {
  await aborted(AbortSignal.any([stop, done]));
  await clock.sleep(limitNs, done);
  if (!done.aborted)
    throw new InvariantError('a client did not keep the deadline of its operation');
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
