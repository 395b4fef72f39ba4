/** A stretch of the run, nanoseconds since it began. */
export interface Stretch {
  readonly startNs: number;
  readonly endNs: number;
  readonly durationNs: number;
}

/**
 * Longest stretch between marks: with a mark for every ok completion it is the longest
 * unavailability. Marks come in order of time; those before the start count as the start.
 */
export class LongestGap {
  #lastNs: number;
  #longest: Stretch;

  constructor(startNs: number) {
    this.#lastNs = startNs;
    this.#longest = stretch(startNs, startNs);
  }

  mark(timeNs: number): void {
    if (timeNs - this.#lastNs > this.#longest.durationNs) {
      this.#longest = stretch(this.#lastNs, timeNs);
    }
    if (timeNs > this.#lastNs) this.#lastNs = timeNs;
  }

  /** @param endNs - end of what is looked at: the stretch from the last mark to it counts, too */
  longest(endNs: number): Stretch {
    return endNs - this.#lastNs > this.#longest.durationNs
      ? stretch(this.#lastNs, endNs)
      : this.#longest;
  }
}

function stretch(startNs: number, endNs: number): Stretch {
  return { startNs, endNs, durationNs: endNs - startNs };
}
