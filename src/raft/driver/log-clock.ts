const MS = 1_000_000;

/**
 * Log time as this node counts it on: from the latest that it applied, at the rate of its own clock.
 * The leader's reading is the stamp of its entries. Never behind what was applied here.
 *
 * Each node's clock has its own origin, so only its progress counts; while no node is up, no log time
 * passes.
 */
export class LogClock {
  #timeMs = 0;
  /** On the node's clock, when it was `#timeMs`. */
  #atNs: number;

  constructor(nowNs: number) {
    this.#atNs = nowNs;
  }

  /** Whole milliseconds, so that they last: nanoseconds would leave the safe integers in 104 days. */
  readMs(nowNs: number): number {
    const passedMs = Math.max(0, Math.floor((nowNs - this.#atNs) / MS));
    return Math.min(this.#timeMs + passedMs, Number.MAX_SAFE_INTEGER);
  }

  /** An entry of this log time was applied. */
  applied(timeMs: number, nowNs: number): void {
    if (timeMs <= this.readMs(nowNs)) return;
    this.#timeMs = timeMs;
    this.#atNs = nowNs;
  }
}
