import {
  decideKey,
  verifyWitness,
  type Budget,
  type EngineName,
  type KeyVerdict,
  type Model,
  type Slice,
  type Table,
} from '../../checker/index.ts';

/** How a key is decided. */
export interface ProveOptions {
  /** Forces one engine; the best is chosen when absent. */
  readonly engine?: EngineName | undefined;
  /** Replays the witness of a valid key with the separate verifier. Default true. */
  readonly isVerified?: boolean | undefined;
}

/** A verdict on one key, and what the verifier says of it. Can be posted to another thread. */
export interface Proved {
  readonly verdict: KeyVerdict;
  /** The key is valid, and its witness was replayed. */
  readonly isVerified: boolean;
  /** What is wrong with the witness; undefined where nothing is, or nobody looked. */
  readonly wrong: string | undefined;
  /** What deciding and verifying took, in nanoseconds. */
  readonly decideNs: number;
  readonly verifyNs: number;
}

/** Decides one key in slices, and verifies it where it was decided. */
export function* prove(
  table: Table,
  model: Model,
  budget: Budget,
  { engine, isVerified = true }: ProveOptions,
): Generator<Slice, Proved> {
  const begin = budget.now();
  const verdict = yield* decideKey(table, model, budget, { engine });
  const decided = budget.now();
  const isReplayed = verdict.valid === true && isVerified;
  const wrong = isReplayed ? verifyWitness(table, model, verdict.witness) : undefined;
  return {
    verdict,
    isVerified: isReplayed && wrong === undefined,
    wrong,
    decideNs: decided - begin,
    verifyNs: isReplayed ? budget.now() - decided : 0,
  };
}

/** A verdict that took nothing, and proves nothing. */
export function unproved(verdict: KeyVerdict): Proved {
  return { verdict, isVerified: false, wrong: undefined, decideNs: 0, verifyNs: 0 };
}

/** More time may change it, or its evidence. */
export function isUnsettled({ verdict }: Proved): boolean {
  if (verdict.valid === 'unknown') return verdict.reason === 'time';
  return !verdict.valid && !verdict.stuck.isExact;
}

/**
 * The better of two attempts at one key. Nothing masks a violation: what an earlier attempt knew stays
 * known, how far it got as well.
 */
export function settled(before: Proved | undefined, after: Proved): Proved {
  if (before === undefined) return after;
  const took = {
    decideNs: before.decideNs + after.decideNs,
    verifyNs: before.verifyNs + after.verifyNs,
  };
  return { ...better(before, after), ...took };
}

function better(before: Proved, after: Proved): Proved {
  if (after.verdict.valid !== 'unknown') return after;
  if (before.verdict.valid !== 'unknown' || after.verdict.reason === 'interrupted') return before;
  const proven = before.verdict.progress.completionsProven;
  return proven > after.verdict.progress.completionsProven ? before : after;
}
