import { setImmediate } from 'node:timers/promises';
import { decideKey, type KeyVerdict, type Model, type Operation } from '../../checker/index.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND } from '../lib/duration.ts';

export interface JudgeProgress {
  readonly keysDecided: number;
  readonly keysTotal: number;
  readonly keysInvalid: number;
}

export interface DecideOptions {
  /** Monotonic clock in nanoseconds. */
  readonly now: () => number;
  /** Of that clock, for all keys together. */
  readonly deadlineNs: number;
  /** What the search may hold for one key: keys are decided one by one. */
  readonly memoryBytesMax: number;
  /** Interrupts: keys that are not decided yet become `unknown`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each key. */
  readonly onProgress?: ((progress: JudgeProgress) => void) | undefined;
}

/** The longest that the event loop waits for the search, about. */
const TURN_NS = 20 * MILLISECOND;

/** Operations by key, each part ordered by invocation. */
export type Parts = ReadonlyMap<string | undefined, readonly Operation[]>;

/**
 * Decides every key, in two rounds. First every key may use an equal share of what is left, small keys
 * first, so that one hard key starves nobody; then what stayed open gets what the others did not need.
 * The event loop gets its turn all the while.
 */
export async function decideAll(
  parts: Parts,
  model: Model,
  options: DecideOptions,
): Promise<ReadonlyMap<string | undefined, KeyVerdict>> {
  const { now, deadlineNs, memoryBytesMax, signal } = options;
  const decided = new Map<string | undefined, KeyVerdict>();
  let keysInvalid = 0;
  let turnEnds = now() + TURN_NS;
  let open = [...parts.values()].toSorted((a, b) => a.length - b.length);
  for (let round = 0; round < 2; round++) {
    for (const [i, part] of open.entries()) {
      const key = part[0]?.key;
      const share = (deadlineNs - now()) / (open.length - i);
      const budget = { now, memoryBytesMax, deadlineNs: now() + share };
      const decision = decideKey(part, model, budget);
      let step = signal?.aborted === true ? undefined : decision.next();
      while (step !== undefined && step.done !== true) {
        if (now() >= turnEnds) {
          await setImmediate();
          turnEnds = now() + TURN_NS;
        }
        step = signal?.aborted === true ? undefined : decision.next();
      }
      const verdict = settled(decided.get(key), step?.value ?? interrupted(part));
      decided.set(key, verdict);
      if (verdict.valid === false && round === 0) keysInvalid++;
      options.onProgress?.({ keysDecided: decided.size, keysTotal: parts.size, keysInvalid });
    }
    open = open.filter((part) => isUnsettled(defined(decided.get(part[0]?.key), 'decided')));
    if (now() >= deadlineNs || open.length === 0) break;
  }
  return decided;
}

/** More time may change it, or its evidence. */
export function isUnsettled(verdict: KeyVerdict): boolean {
  if (verdict.valid === 'unknown') return verdict.reason === 'time';
  return !verdict.valid && !verdict.stuck.isExact;
}

/** Nothing masks a violation: what an earlier attempt knew stays known. */
export function settled(before: KeyVerdict | undefined, after: KeyVerdict): KeyVerdict {
  if (before === undefined || after.valid !== 'unknown') return after;
  return before.valid === false || after.reason === 'interrupted' ? before : after;
}

function interrupted(part: readonly Operation[]): KeyVerdict {
  const completions = part.filter((each) => each.outcome === 'ok').length;
  return {
    valid: 'unknown',
    key: part[0]?.key,
    operations: part.length,
    engine: undefined,
    reason: 'interrupted',
    progress: { completionsProven: 0, completions },
  };
}
