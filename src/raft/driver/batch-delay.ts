import type { Input } from '../core/types.ts';

/**
 * Proposals that wait for company: the first one waits for the delay, and all that came meanwhile go
 * into one step with it. Group commit gathers without any delay while the disk is busy; this trades
 * latency for fewer appends where it is not.
 */
export class BatchDelay {
  readonly #delayNs: number;
  #waiting: Input[] = [];
  #dueNs = Infinity;

  /** @param delayNs - 0: nothing ever waits */
  constructor(delayNs: number) {
    this.#delayNs = delayNs;
  }

  get isOn(): boolean {
    return this.#delayNs > 0;
  }

  /** When `take` gives something; Infinity when nothing waits. */
  get dueNs(): number {
    return this.#dueNs;
  }

  get length(): number {
    return this.#waiting.length;
  }

  add(proposal: Input, nowNs: number): void {
    if (this.#waiting.length === 0) this.#dueNs = nowNs + this.#delayNs;
    this.#waiting.push(proposal);
  }

  /** All that wait, when the first one has waited for long enough. */
  take(nowNs: number): readonly Input[] {
    if (nowNs < this.#dueNs) return [];
    const taken = this.#waiting;
    this.#waiting = [];
    this.#dueNs = Infinity;
    return taken;
  }
}
