const WINDOW_MS = 10_000;
const LINES_MAX = 20;

/** Lines that others can cause as often as they like: beyond some in a while they are counted only. */
export class LogLimiter {
  readonly #log: (line: string) => void;
  readonly #now: () => number;
  #windowEndMs = -Infinity;
  #lines = 0;
  #left = 0;

  /** @param now - monotonic milliseconds */
  constructor(log: (line: string) => void, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  line(text: string): void {
    const now = this.#now();
    if (now >= this.#windowEndMs) {
      if (this.#left > 0) this.#log(`and ${this.#left} more of the like`);
      this.#windowEndMs = now + WINDOW_MS;
      this.#lines = 0;
      this.#left = 0;
    }
    if (this.#lines < LINES_MAX) this.#log(text);
    else this.#left += 1;
    this.#lines += 1;
  }
}
