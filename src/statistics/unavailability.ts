import type { FaultStretch } from './phase.ts';
import { joined, overlap, stretch, type Stretch } from './stretch.ts';

/** A stretch without an ok completion counts as a window from here on. */
export const WINDOW_NS_MIN = 500_000_000;
/** So many windows are kept, the longest. */
export const WINDOWS_MAX = 100;
/** So many stretches without an ok completion wait for operations that were under way in them. */
const RECENT_MAX = 64;
/** A fault that healed at most so long before a window began is named with it. */
const AFTERMATH_NS = 10_000_000_000;

/** Which fault a window goes with. */
export interface WindowFault {
  /** Position in the plan, from 0. */
  readonly fault: number;
  readonly name: string;
  /** In force in some of the window; or healed shortly (10 s) before it. */
  readonly when: 'during' | 'after';
}

export interface UnavailabilityWindow extends Stretch {
  readonly fault: WindowFault | null;
}

/**
 * The stretches in which operations waited and none completed ok. Where nobody asks, nobody can be
 * refused: a gap between two operations of a low rate is none.
 */
export interface UnavailabilitySnapshot {
  /** The longest, of whatever length; without length when there is none. */
  readonly longest: Stretch;
  /** Shorter stretches are not among the windows. */
  readonly thresholdNs: number;
  /** How many windows there are, and their sum. */
  readonly count: number;
  readonly totalNs: number;
  /** The longest 100 of them, longest first. */
  readonly windows: readonly UnavailabilityWindow[];
}

/** The time between two ok completions that follow each other. */
interface Gap {
  readonly startNs: number;
  /** Infinity while it lasts. */
  endNs: number;
  /** From the first to the last moment in it at which an operation that did not end ok was under way. */
  failedFromNs: number;
  failedToNs: number;
  /** Since when operations were waiting that ended ok with it, or after it. */
  waitedFromNs: number;
}

/**
 * Finds unavailability as operations complete, in bounded memory. Between two ok completions it is:
 * - the time from the first to the last operation that did not end ok, the pauses between them included:
 *   whoever asks once a second and is refused ten times is refused for ten seconds;
 * - and the time for which operations waited that ended ok afterwards.
 * One stretch when the two meet, or the pause between them is shorter than either: a client whose
 * operation has timed out needs a moment until it tries again, and nobody was served in it. Otherwise
 * two.
 *
 * Operations come in the order of their completion, and one that waited all through a gap may complete
 * well after the one that ended it: so the latest gaps stay open for corrections.
 */
export class UnavailabilityWatch {
  #gap: Gap;
  /** Gaps that ended and could still matter, in their order. */
  readonly #recent: Gap[] = [];
  /** A gap that is not longer than a stretch that is known cannot hold a longer one. */
  #longestKnownNs = 0;
  readonly #kept: KeptWindows;
  #isAsked = false;

  /** @param startNs - when clients began */
  constructor(startNs: number) {
    this.#gap = openGap(startNs);
    this.#kept = new KeptWindows(startNs);
  }

  record(isOk: boolean, intendedNs: number, completedNs: number): void {
    this.#isAsked = true;
    this.#correct(isOk, intendedNs);
    const gap = this.#gap;
    const fromNs = Math.max(intendedNs, gap.startNs);
    if (!isOk) {
      addFailed(gap, fromNs, completedNs);
      return;
    }
    gap.waitedFromNs = fromNs;
    gap.endNs = completedNs;
    this.#gap = openGap(completedNs);
    const lengthNs = completedNs - gap.startNs;
    if (lengthNs > this.#longestKnownNs || lengthNs >= WINDOW_NS_MIN) this.#keep(gap);
  }

  /** False when nothing was recorded: then nothing can be said. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** @param endNs - when clients stopped */
  snapshot(endNs: number, faults: readonly FaultStretch[]): UnavailabilitySnapshot {
    const kept = this.#kept.copy();
    for (const gap of this.#recent) kept.addAll(stretchesOf(gap));
    kept.addAll(stretchesOf({ ...this.#gap, endNs }));
    return kept.snapshot(faults);
  }

  /** This operation was waiting in gaps that have ended meanwhile. */
  #correct(isOk: boolean, intendedNs: number): void {
    for (let i = this.#recent.length - 1; i >= 0; i--) {
      const gap = this.#recent[i];
      if (gap === undefined || gap.endNs <= intendedNs) return;
      const fromNs = Math.max(intendedNs, gap.startNs);
      const isChanged = isOk ? addWaited(gap, fromNs) : addFailed(gap, fromNs, gap.endNs);
      if (isChanged) this.#noteLongest(gap);
    }
  }

  #keep(gap: Gap): void {
    this.#recent.push(gap);
    this.#noteLongest(gap);
    if (this.#recent.length <= RECENT_MAX) return;
    const oldest = this.#recent.shift();
    if (oldest !== undefined) this.#kept.addAll(stretchesOf(oldest));
  }

  #noteLongest(gap: Gap): void {
    for (const { durationNs } of stretchesOf(gap)) {
      if (durationNs > this.#longestKnownNs) this.#longestKnownNs = durationNs;
    }
  }
}

function openGap(startNs: number): Gap {
  return {
    startNs,
    endNs: Infinity,
    failedFromNs: Infinity,
    failedToNs: -Infinity,
    waitedFromNs: Infinity,
  };
}

/** @returns whether the gap says more now */
function addFailed(gap: Gap, fromNs: number, toNs: number): boolean {
  if (fromNs >= gap.failedFromNs && toNs <= gap.failedToNs) return false;
  gap.failedFromNs = Math.min(gap.failedFromNs, fromNs);
  gap.failedToNs = Math.max(gap.failedToNs, toNs);
  return true;
}

/** @returns whether the gap says more now */
function addWaited(gap: Gap, fromNs: number): boolean {
  if (fromNs >= gap.waitedFromNs) return false;
  gap.waitedFromNs = fromNs;
  return true;
}

function stretchesOf({ endNs, failedFromNs, failedToNs, waitedFromNs }: Gap): Stretch[] {
  const failed = failedFromNs < failedToNs ? stretch(failedFromNs, failedToNs) : undefined;
  const waited = waitedFromNs < endNs ? stretch(waitedFromNs, endNs) : undefined;
  if (failed === undefined || waited === undefined) {
    return [failed, waited].filter((one) => one !== undefined);
  }
  const pauseNs = waited.startNs - failed.endNs;
  const isOne = pauseNs < Math.min(failed.durationNs, waited.durationNs);
  return isOne ? [stretch(Math.min(failedFromNs, waitedFromNs), endNs)] : [failed, waited];
}

/** Count, sum and longest of all windows, and the longest few themselves. */
class KeptWindows {
  #longest: Stretch;
  #count = 0;
  #totalNs = 0;
  #windows: Stretch[] = [];

  constructor(startNs: number) {
    this.#longest = stretch(startNs, startNs);
  }

  copy(): KeptWindows {
    const copy = new KeptWindows(0);
    copy.#longest = this.#longest;
    copy.#count = this.#count;
    copy.#totalNs = this.#totalNs;
    copy.#windows = [...this.#windows];
    return copy;
  }

  addAll(found: readonly Stretch[]): void {
    for (const one of found) {
      if (one.durationNs > this.#longest.durationNs) this.#longest = one;
      if (one.durationNs < WINDOW_NS_MIN) continue;
      this.#count++;
      this.#totalNs += one.durationNs;
      this.#windows.push(one);
    }
    if (this.#windows.length >= 2 * WINDOWS_MAX) this.#windows = longestOf(this.#windows);
  }

  snapshot(faults: readonly FaultStretch[]): UnavailabilitySnapshot {
    return {
      longest: this.#longest,
      thresholdNs: WINDOW_NS_MIN,
      count: this.#count,
      totalNs: this.#totalNs,
      windows: longestOf(this.#windows).map((one) => ({ ...one, fault: faultOf(one, faults) })),
    };
  }
}

function longestOf(windows: readonly Stretch[]): Stretch[] {
  return windows
    .toSorted((a, b) => b.durationNs - a.durationNs || a.startNs - b.startNs)
    .slice(0, WINDOWS_MAX);
}

/** The fault that was in force for most of the window, or else the one that healed last before it. */
function faultOf(window: Stretch, faults: readonly FaultStretch[]): WindowFault | null {
  let during: { readonly of: FaultStretch; readonly sharedNs: number } | undefined;
  let after: { readonly of: FaultStretch; readonly healedNs: number } | undefined;
  for (const of of faults) {
    const healedNs = of.healedNs ?? Infinity;
    const sharedNs = overlap(window, stretch(of.beganNs, healedNs))?.durationNs ?? 0;
    if (sharedNs > (during?.sharedNs ?? 0)) during = { of, sharedNs };
    const isBefore = healedNs <= window.startNs && window.startNs - healedNs <= AFTERMATH_NS;
    if (isBefore && healedNs > (after?.healedNs ?? -Infinity)) after = { of, healedNs };
  }
  const of = during?.of ?? after?.of;
  if (of === undefined) return null;
  return { fault: of.fault, name: of.name, when: during === undefined ? 'after' : 'during' };
}

/** What one part of a merged run saw, and when its clients were there. */
export interface UnavailabilityPart {
  readonly seen: UnavailabilitySnapshot;
  readonly startNs: number;
  readonly endNs: number;
}

/**
 * Of parts of one run: where several had clients, what all of those saw at the same time; elsewhere what
 * the one saw. No operation of any completed ok in it. It is all that there is when somebody was always
 * waiting in each and none left windows out; otherwise there may have been more.
 */
export function mergeUnavailability(
  parts: readonly UnavailabilityPart[],
  faults: readonly FaultStretch[],
): UnavailabilitySnapshot {
  // Where nobody had clients there is nothing to say.
  const present = joined(parts.map(({ startNs, endNs }) => stretch(startNs, endNs)));
  const kept = new KeptWindows(present[0]?.startNs ?? 0);
  kept.addAll(
    parts
      .map(withAbsence)
      .reduce((seen, next) => seen.flatMap((one) => sharedWith(one, next)), present),
  );
  return kept.snapshot(faults);
}

function sharedWith(one: Stretch, others: readonly Stretch[]): Stretch[] {
  return others.map((other) => overlap(one, other)).filter((both) => both !== undefined);
}

/** Neighbours stay apart: where they meet, an operation completed ok. */
function stretchesSeen({ seen: { windows, longest } }: UnavailabilityPart): Stretch[] {
  const isKnown =
    longest.durationNs === 0 || windows.some((one) => one.startNs === longest.startNs);
  return isKnown ? [...windows] : [...windows, longest];
}

/** Before its clients began and after they stopped, a part has nothing against unavailability. */
function withAbsence(part: UnavailabilityPart): Stretch[] {
  const { startNs, endNs } = part;
  const seen = stretchesSeen(part);
  const extended = seen.map((one) =>
    stretch(
      one.startNs <= startNs ? -Infinity : one.startNs,
      one.endNs >= endNs ? Infinity : one.endNs,
    ),
  );
  if (!extended.some((one) => one.startNs === -Infinity)) {
    extended.push(stretch(-Infinity, startNs));
  }
  if (!extended.some((one) => one.endNs === Infinity)) extended.push(stretch(endNs, Infinity));
  return extended;
}
