import type { LinkDelay, LinkTraffic } from '../../contracts/cluster.ts';
import { assert } from '../../lib/assert.ts';
import { MILLISECOND } from '../../lib/duration.ts';

/** Whether a link lets anything through, and how slowly; and its books. */
export class LinkGate {
  /** How many cuts hold it. */
  #holders = 0;
  readonly #delays = new Set<LinkDelay>();
  /** The longest of them. */
  #delay: LinkDelay | undefined;
  readonly #books = {
    forwardedBytes: 0,
    heldBytes: 0,
    delayedBytes: 0,
    connections: 0,
    resets: 0,
  };

  get isOpen(): boolean {
    return this.#holders === 0;
  }

  get isSlow(): boolean {
    return this.#delay !== undefined;
  }

  /** @returns whether it was open until now */
  hold(): boolean {
    this.#holders += 1;
    return this.#holders === 1;
  }

  /** @returns whether it is open now */
  release(): boolean {
    assert(this.#holders > 0, 'released a link that nobody holds');
    this.#holders -= 1;
    return this.isOpen;
  }

  /** @param delay - known by its identity */
  slow(delay: LinkDelay): void {
    this.#delays.add(delay);
    this.#delay = longest(this.#delays);
  }

  hurry(delay: LinkDelay): void {
    this.#delays.delete(delay);
    this.#delay = longest(this.#delays);
  }

  /** When what arrives now may go on, by `performance.now()`; 0: at once. */
  dueMs(): number {
    if (this.#delay === undefined) return 0;
    const { delayNs, jitterNs } = this.#delay;
    const waitNs = delayNs + (2 * Math.random() - 1) * jitterNs;
    return performance.now() + waitNs / MILLISECOND;
  }

  /** When at the latest what arrives now may go on; 0: at once. */
  dueMsMax(): number {
    if (this.#delay === undefined) return 0;
    return performance.now() + (this.#delay.delayNs + this.#delay.jitterNs) / MILLISECOND;
  }

  count(what: keyof LinkTraffic, amount: number): void {
    this.#books[what] += amount;
  }

  traffic(): LinkTraffic {
    return { ...this.#books };
  }
}

function longest(delays: Iterable<LinkDelay>): LinkDelay | undefined {
  return [...delays].toSorted((a, b) => b.delayNs - a.delayNs || b.jitterNs - a.jitterNs)[0];
}
