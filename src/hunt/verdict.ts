import {
  decideKey,
  type HistoryEvent,
  type KeyVerdict,
  MODELS,
  type Operation,
  pair,
  partition,
} from '../../checker/index.ts';
import { workloads } from '../../workloads/index.ts';
import { defined, InvariantError } from '../lib/assert.ts';

/** What the checker made of a simulated history. */
export interface HistoryVerdict {
  readonly valid: boolean | 'unknown';
  /** The first key in time that is not linearizable. */
  readonly illegal: Extract<KeyVerdict, { readonly valid: false }> | undefined;
  readonly keys: number;
  /** Keys that were given up: neither right nor wrong. */
  readonly undecided: readonly string[];
  readonly operations: number;
}

/** Looks at the budget per key before it is given up: there are a few thousand steps of a search to each. */
const LOOKS_MAX = 400;
const MEMORY_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Decides a history key by key. Without a clock: what is decided must not depend on how fast this
 * machine is, so each key has a bound of work instead. Stops at the first key that is illegal.
 *
 * @param looksMax - that bound; a test's own
 * @throws InvariantError when the history is malformed
 */
export function decideHistory(
  workload: string,
  events: readonly HistoryEvent[],
  looksMax: number = LOOKS_MAX,
): HistoryVerdict {
  const paired = pair(events);
  if (!paired.ok) throw new InvariantError(`the history is malformed: ${paired.error.message}`);
  const { operations } = paired.history;
  const { model } = defined(workloads.get(workload), `there is a workload ${workload}`);
  const parts = [...partition(operations).values()];
  const undecided: string[] = [];
  let illegal: HistoryVerdict['illegal'];
  for (const part of parts) {
    const verdict = decide(part, model, looksMax);
    if (verdict.valid === 'unknown') undecided.push(verdict.key ?? '');
    if (verdict.valid !== false) continue;
    illegal = verdict;
    break;
  }
  return {
    valid: illegal !== undefined ? false : undecided.length > 0 ? 'unknown' : true,
    illegal,
    keys: parts.length,
    undecided,
    operations: operations.length,
  };
}

function decide(history: readonly Operation[], name: string, looksMax: number): KeyVerdict {
  const model = defined(MODELS.get(name), `there is a model ${name}`);
  let looks = 0;
  let isRefuted = false;
  const decision = decideKey(history, model, {
    // A clock that only looking at it moves.
    now: () => (isRefuted ? 0 : looks++),
    deadlineNs: looksMax,
    memoryBytesMax: MEMORY_BYTES_MAX,
  });
  for (;;) {
    const step = decision.next();
    if (step.done === true) return step.value;
    // The verdict is known: the evidence has a bound of its own.
    isRefuted ||= step.value === 'refuted';
  }
}
