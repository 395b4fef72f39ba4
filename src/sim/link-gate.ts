import type { LinkDelay, LinkTraffic } from '../contracts/cluster.ts';
import { assert } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { Simulation } from './simulation.ts';

/** One thing on its way over a link: a message, or a sign that a connection begins or ends. */
export interface Crossing {
  /** 0 for signs. */
  readonly size: number;
  /** The instant at which it arrives when it sets out now. */
  arrivalNs(): number;
  /** @returns whether anybody took it */
  arrive(): boolean;
  /** A cut makes it wait. @returns false when nobody would send it again: then it is gone */
  hold(): boolean;
}

interface Waiting {
  readonly crossing: Crossing;
  dueNs: number;
  /** False for what the end of a delay let go before its time. */
  isDelayed: boolean;
}

/**
 * Whether a link lets anything through, and how slowly; and its books. What enters waits as long as
 * the link is slow, then travels, and is held at the far end while the link is cut. So nothing
 * crosses a cut, not even what was under way when it came.
 */
export class LinkGate {
  readonly #sim: Simulation;
  readonly #random: Random;
  /** How many cuts hold it. */
  #cuts = 0;
  readonly #delays = new Set<LinkDelay>();
  /** The longest of them. */
  #delay: LinkDelay | undefined;
  /** What a slow link keeps, in the order of its coming. */
  #waiting: Waiting[] = [];
  #pumpsAtNs = Infinity;
  #held: { readonly crossing: Crossing; readonly isDelayed: boolean }[] = [];
  readonly #books = {
    forwardedBytes: 0,
    heldBytes: 0,
    delayedBytes: 0,
    connections: 0,
    resets: 0,
  };

  /** @param random - draws the jitter of slow links */
  constructor(sim: Simulation, random: Random) {
    this.#sim = sim;
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#cuts === 0;
  }

  get traffic(): LinkTraffic {
    return { ...this.#books };
  }

  count(what: 'connections' | 'resets'): void {
    this.#books[what] += 1;
  }

  enter(crossing: Crossing): void {
    if (this.#delay === undefined && this.#waiting.length === 0) this.#setOut(crossing, false);
    else {
      this.#waiting.push({ crossing, dueNs: this.#dueNs(), isDelayed: this.#delay !== undefined });
      this.#pump();
    }
  }

  cut(): void {
    this.#cuts += 1;
  }

  /**
   * Takes one cut back. After the last one what was held goes on, at once and in order.
   *
   * @param beforeRelease - called when it is open again, before anything is let go
   */
  heal(beforeRelease: () => void): void {
    assert(this.#cuts > 0, 'only a link that is cut is healed');
    this.#cuts -= 1;
    if (!this.isOpen) return;
    beforeRelease();
    const held = this.#held;
    this.#held = [];
    for (const { crossing, isDelayed } of held) this.#pass(crossing, isDelayed);
  }

  /** @param delay - known by its identity */
  slow(delay: LinkDelay): void {
    this.#delays.add(delay);
    this.#delay = longest(this.#delays);
  }

  /** Takes that very delay back: nothing waits longer than what arrives now. */
  hurry(delay: LinkDelay): void {
    this.#delays.delete(delay);
    this.#delay = longest(this.#delays);
    const { delayNs, jitterNs } = this.#delay ?? { delayNs: 0, jitterNs: 0 };
    const latestNs = this.#sim.now() + delayNs + jitterNs;
    for (const waiting of this.#waiting) {
      if (waiting.dueNs <= latestNs) continue;
      waiting.dueNs = latestNs;
      waiting.isDelayed = this.#delay !== undefined;
    }
    this.#pump();
  }

  #dueNs(): number {
    const nowNs = this.#sim.now();
    if (this.#delay === undefined) return nowNs;
    const { delayNs, jitterNs } = this.#delay;
    return nowNs + delayNs + this.#random.integer(-jitterNs, jitterNs);
  }

  /** The first in line goes when its time has come, and nobody before the one ahead of it. */
  #pump(): void {
    const nowNs = this.#sim.now();
    let gone = 0;
    for (const { crossing, dueNs, isDelayed } of this.#waiting) {
      if (dueNs > nowNs) break;
      this.#setOut(crossing, isDelayed);
      gone += 1;
    }
    if (gone > 0) this.#waiting = this.#waiting.slice(gone);
    const next = this.#waiting[0];
    if (next === undefined || this.#pumpsAtNs <= next.dueNs) return;
    const atNs = next.dueNs;
    this.#pumpsAtNs = atNs;
    this.#sim.at(atNs, () => {
      if (this.#pumpsAtNs === atNs) this.#pumpsAtNs = Infinity;
      this.#pump();
    });
  }

  #setOut(crossing: Crossing, isDelayed: boolean): void {
    this.#sim.at(crossing.arrivalNs(), () => {
      if (this.isOpen) return this.#pass(crossing, isDelayed);
      if (!crossing.hold()) return;
      this.#books.heldBytes += crossing.size;
      this.#held.push({ crossing, isDelayed });
    });
  }

  #pass(crossing: Crossing, isDelayed: boolean): void {
    if (!crossing.arrive()) return;
    this.#books.forwardedBytes += crossing.size;
    if (isDelayed) this.#books.delayedBytes += crossing.size;
  }
}

function longest(delays: Iterable<LinkDelay>): LinkDelay | undefined {
  return [...delays].toSorted((a, b) => b.delayNs - a.delayNs || b.jitterNs - a.jitterNs)[0];
}
