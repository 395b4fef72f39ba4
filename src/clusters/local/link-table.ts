import type { LinkDelay, LinkTraffic } from '../../contracts/cluster.ts';
import type { Link } from '../../contracts/names.ts';
import { assert, defined } from '../../lib/assert.ts';
import { MILLISECOND } from '../../lib/duration.ts';
import { LinkProxy } from './link-proxy.ts';
import type { LinkSpec } from './protocol.ts';

/** All links of a cluster, and the faults that are in force on them. */
export class LinkTable implements AsyncDisposable {
  readonly #proxies = new Map<string, LinkProxy>();
  /** What ends each fault, by the number that whoever asked for it chose. */
  readonly #heals = new Map<number, () => void>();

  /** @throws the operating system's error when one cannot listen; those that do are kept */
  async open(links: readonly LinkSpec[]): Promise<void> {
    for (const link of links) {
      assert(!this.#proxies.has(keyOf(link)), `link ${keyOf(link)} is open already`);
      this.#proxies.set(keyOf(link), await LinkProxy.listen(link));
    }
  }

  /** In force for all links when it returns. */
  cut(fault: number, links: readonly Link[]): void {
    const proxies = this.#proxiesOf(links);
    this.#begin(fault, () => {
      for (const proxy of proxies) proxy.hold();
      return () => {
        for (const proxy of proxies) proxy.release();
      };
    });
  }

  /** The same. */
  slow(fault: number, links: readonly Link[], delay: LinkDelay): void {
    const proxies = this.#proxiesOf(links);
    this.#begin(fault, () => {
      // A delay is known by its identity: this one is this fault's own.
      const own = { ...delay };
      for (const proxy of proxies) proxy.slow(own);
      return () => {
        for (const proxy of proxies) proxy.hurry(own);
      };
    });
  }

  /** The first time before it returns. */
  resetEvery(fault: number, links: readonly Link[], everyNs: number): void {
    this.#begin(fault, () => {
      this.reset(links);
      const timer = setInterval(() => this.reset(links), everyNs / MILLISECOND);
      return () => clearInterval(timer);
    });
  }

  /** @returns how many connections it ended now */
  reset(links: readonly Link[]): number {
    return this.#proxiesOf(links).reduce((count, proxy) => count + proxy.reset(), 0);
  }

  /** Does nothing when it was healed before, by `healAll`. */
  heal(fault: number): void {
    const heal = this.#heals.get(fault);
    this.#heals.delete(fault);
    heal?.();
  }

  healAll(): void {
    for (const fault of this.#heals.keys()) this.heal(fault);
  }

  traffic(link: Link): LinkTraffic {
    return this.#proxy(link).traffic();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.healAll();
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  /** @param begin - returns what ends it */
  #begin(fault: number, begin: () => () => void): void {
    assert(!this.#heals.has(fault), `fault ${fault} is in force already`);
    this.#heals.set(fault, begin());
  }

  #proxiesOf(links: readonly Link[]): readonly LinkProxy[] {
    return links.map((link) => this.#proxy(link));
  }

  #proxy(link: Link): LinkProxy {
    return defined(this.#proxies.get(keyOf(link)), `there is no link ${keyOf(link)}`);
  }
}

function keyOf(link: Link): string {
  return `${link.from}->${link.to}`;
}
