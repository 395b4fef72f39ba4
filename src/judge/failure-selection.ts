import type { FaultWindow } from './faults.ts';
import type { JudgeVerdict, ReportedFailure, ReportedStaleRead } from './verdict.ts';

/** Bounds of `verdict.json`, which otherwise grows with how broken the store is. */
export const FAILURES_MAX = 100;
export const STALE_READS_MAX = 5;

/** A failed key with one of its stale reads. */
interface Headline {
  readonly failure: ReportedFailure;
  readonly stale: ReportedStaleRead;
}

export interface SelectedFailures extends Pick<JudgeVerdict, 'failures' | 'stale'> {
  /** How many keys failed, those left out included. */
  readonly keys: number;
}

/**
 * Chooses, as failed keys come in any order, what goes into the verdict: the first `FAILURES_MAX` by the
 * position of what could not be placed, and the key of the stale read that tells most.
 *
 * That is one served by a node on the cut-off side, of a value that had been overwritten on the other
 * side during the same fault; among those, or where there is none, the most stale one. Lag of
 * replication alone proves less.
 */
export class FailureSelection {
  /** By position; one more than `FAILURES_MAX` for a moment. */
  readonly #first: ReportedFailure[] = [];
  #acrossTheCut: Headline | undefined;
  #mostStale: Headline | undefined;
  #staleReads = 0;
  #keys = 0;

  /** Failed keys so far. */
  get keys(): number {
    return this.#keys;
  }

  /** @param failure - with all of its stale reads */
  add(failure: ReportedFailure): void {
    this.#keys++;
    this.#staleReads += failure.staleReads.length;
    const bounded = { ...failure, staleReads: failure.staleReads.slice(0, STALE_READS_MAX) };
    for (const stale of failure.staleReads) {
      const headline = { failure: bounded, stale };
      this.#mostStale = worse(this.#mostStale, headline);
      if (isAcrossTheCut(stale)) this.#acrossTheCut = worse(this.#acrossTheCut, headline);
    }
    const { id } = failure.couldNotPlace;
    const after = this.#first.findIndex((each) => each.couldNotPlace.id > id);
    this.#first.splice(after < 0 ? this.#first.length : after, 0, bounded);
    if (this.#first.length > FAILURES_MAX) this.#first.pop();
  }

  /** @param windows - all faults of the history: when those ended that were in force is known now */
  selected(windows: readonly FaultWindow[]): SelectedFailures {
    const headline = this.#acrossTheCut ?? this.#mostStale;
    const kept = [...this.#first];
    if (headline !== undefined && !kept.includes(headline.failure)) {
      kept.splice(-1, 1, headline.failure);
    }
    return {
      keys: this.#keys,
      failures: kept.map((failure) => withFaults(failure, windows)),
      stale: {
        total: this.#staleReads,
        worst: headline === undefined ? null : staleWithFaults(headline.stale, windows),
      },
    };
  }
}

/** Of equals the one that was read first, so that the order of keys does not matter. */
function worse(a: Headline | undefined, b: Headline): Headline {
  if (a === undefined) return b;
  const difference = b.stale.staleByNs - a.stale.staleByNs;
  return difference > 0 || (difference === 0 && b.stale.read.id < a.stale.read.id) ? b : a;
}

/**
 * Needs the beginnings of faults alone, so it does not matter that a fault goes on when the read is
 * looked at.
 */
function isAcrossTheCut({ read, overwrittenBy, duringFaults }: ReportedStaleRead): boolean {
  const server = read.servedBy ?? read.node;
  const other = overwrittenBy.servedBy ?? overwrittenBy.node;
  if (server === null || other === null) return false;
  return duringFaults.some(
    ({ victims, startTime }) =>
      victims.includes(server) &&
      !victims.includes(other) &&
      (overwrittenBy.returnTime ?? 0) > startTime,
  );
}

function withFaults(failure: ReportedFailure, windows: readonly FaultWindow[]): ReportedFailure {
  return {
    ...failure,
    duringFaults: asTheyEnded(failure.duringFaults, windows),
    staleReads: failure.staleReads.map((stale) => staleWithFaults(stale, windows)),
  };
}

function staleWithFaults(
  stale: ReportedStaleRead,
  windows: readonly FaultWindow[],
): ReportedStaleRead {
  return { ...stale, duringFaults: asTheyEnded(stale.duringFaults, windows) };
}

/**
 * A fault that was in force when its key was judged has healed meanwhile. It was in force during the
 * operation all the same: the heal came later than everything on that key.
 */
function asTheyEnded(
  faults: readonly FaultWindow[],
  windows: readonly FaultWindow[],
): readonly FaultWindow[] {
  return faults.map((fault) => windows.find(({ start }) => start === fault.start) ?? fault);
}
