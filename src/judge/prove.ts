import {
  decideKey,
  verifyWitness,
  type Budget,
  type EngineName,
  type KeyVerdict,
  type Model,
  type Step,
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
  /** What deciding took, gathering evidence of a violation, and verifying, in nanoseconds. */
  readonly decideNs: number;
  readonly evidenceNs: number;
  readonly verifyNs: number;
  /** The budget ended before it was done. */
  readonly isCutShort: boolean;
}

/** Decides one key in slices, and verifies it where it was decided. */
export function* prove(
  table: Table,
  model: Model,
  budget: Budget,
  { engine, isVerified = true }: ProveOptions,
): Generator<Step, Proved> {
  const begin = budget.now();
  const decision = decideKey(table, model, budget, { engine });
  let refuted: number | undefined;
  let step = decision.next();
  while (step.done !== true) {
    if (step.value === 'refuted') refuted = budget.now();
    yield step.value;
    step = decision.next();
  }
  const verdict = step.value;
  const told = budget.now();
  const decided = refuted ?? told;
  const isReplayed = verdict.valid === true && isVerified;
  const wrong = isReplayed ? verifyWitness(table, model, verdict.witness) : undefined;
  return {
    verdict,
    isVerified: isReplayed && wrong === undefined,
    wrong,
    decideNs: decided - begin,
    evidenceNs: told - decided,
    verifyNs: isReplayed ? budget.now() - told : 0,
    isCutShort: told >= budget.deadlineNs,
  };
}

/** A verdict that took nothing, and proves nothing. */
export function unproved(verdict: KeyVerdict): Proved {
  const took = { decideNs: 0, evidenceNs: 0, verifyNs: 0 };
  return { verdict, isVerified: false, wrong: undefined, ...took, isCutShort: false };
}

/** More time may change it, or its evidence. */
export function isUnsettled({ verdict, isCutShort }: Proved): boolean {
  if (verdict.valid === 'unknown') return verdict.reason === 'time';
  return !verdict.valid && isCutShort && !verdict.stuck.isExact;
}

/**
 * The better of two attempts at one key. Nothing masks a violation: what an earlier attempt knew stays
 * known, how far it got as well.
 */
export function settled(before: Proved | undefined, after: Proved): Proved {
  if (before === undefined) return after;
  const took = {
    decideNs: before.decideNs + after.decideNs,
    evidenceNs: before.evidenceNs + after.evidenceNs,
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
