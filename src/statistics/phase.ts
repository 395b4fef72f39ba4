import { joined, stretch } from './stretch.ts';

/**
 * Where in the life of a run an operation falls. An operation lasts from its intended start to its
 * completion, and the worst of what it touches names it:
 * - `fault`: any of it lies between the injection of a fault and the end of its heal;
 * - `recovery`: otherwise, any of it lies in the time after a heal (`PhaseTracker`, `recoveryNs`);
 * - `steady`: nothing of it does.
 *
 * Recovery is a fixed time, and does not wait for the cluster to look well again: so phases mean the
 * same in every run, runs and shards compare and merge, and a cluster that needs longer cannot hide
 * that, because it shows in what is called steady.
 */
export type Phase = 'steady' | 'fault' | 'recovery';

export const PHASES: readonly Phase[] = ['steady', 'fault', 'recovery'];

/** How long after a heal counts as recovery. */
export const RECOVERY_NS = 2_000_000_000;

/** The time in which a fault was in force. */
export interface FaultStretch {
  /** Position in the plan, from 0. */
  readonly fault: number;
  /** `partition:leader-minority`. */
  readonly name: string;
  /** When its injection began: it bites a moment before it is known to be in force. */
  readonly beganNs: number;
  /** When its heal was done; null while it is in force. */
  readonly healedNs: number | null;
}

export type PhaseLengths = Readonly<Record<Phase, number>>;

/** Knows which faults are in force. It is told of every change before the completions that follow it. */
export class PhaseTracker {
  readonly recoveryNs: number;
  readonly #stretches: FaultStretch[] = [];
  #inForce = 0;
  /** The latest heal. */
  #healedNs = -Infinity;

  constructor(recoveryNs: number = RECOVERY_NS) {
    this.recoveryNs = recoveryNs;
  }

  began(fault: number, name: string, timeNs: number): void {
    this.#stretches.push({ fault, name, beganNs: timeNs, healedNs: null });
    this.#inForce++;
  }

  /** Nothing when this fault is not in force. */
  healed(fault: number, timeNs: number): void {
    const at = this.#stretches.findLastIndex((one) => one.fault === fault && one.healedNs === null);
    const begun = this.#stretches[at];
    if (begun === undefined) return;
    this.#stretches[at] = { ...begun, healedNs: timeNs };
    this.#inForce--;
    this.#healedNs = timeNs;
  }

  /**
   * The phase of an operation that completes now. It touched a fault if one is in force, or the latest
   * heal came after its start; earlier faults healed before that.
   */
  phaseOf(intendedNs: number): Phase {
    if (this.#inForce > 0 || intendedNs < this.#healedNs) return 'fault';
    return intendedNs < this.#healedNs + this.recoveryNs ? 'recovery' : 'steady';
  }

  get stretches(): readonly FaultStretch[] {
    return this.#stretches;
  }
}

export interface PhaseBounds {
  readonly startNs: number;
  readonly endNs: number;
  readonly recoveryNs: number;
}

/** How much of the time from start to end each phase has, in nanoseconds: they add up to it. */
export function phaseLengths(
  stretches: readonly FaultStretch[],
  { startNs, endNs, recoveryNs }: PhaseBounds,
): PhaseLengths {
  const clip = (timeNs: number): number => Math.min(Math.max(timeNs, startNs), endNs);
  const inForce = joined(
    stretches.map(({ beganNs, healedNs }) => stretch(beganNs, healedNs ?? Infinity)),
  );
  let fault = 0;
  let recovery = 0;
  for (const [i, one] of inForce.entries()) {
    const nextNs = inForce[i + 1]?.startNs ?? Infinity;
    fault += clip(one.endNs) - clip(one.startNs);
    recovery += clip(Math.min(one.endNs + recoveryNs, nextNs)) - clip(one.endNs);
  }
  return { steady: Math.max(0, endNs - startNs) - fault - recovery, fault, recovery };
}
