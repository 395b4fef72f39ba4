import type { Link } from '../../contracts/names.ts';
import { assert, defined } from '../../lib/assert.ts';
import { LinkProxy } from './link-proxy.ts';
import type { LinkSpec, Traffic } from './protocol.ts';

/** All links of a cluster, and the cuts that hold them. */
export class LinkTable implements AsyncDisposable {
  readonly #proxies = new Map<string, LinkProxy>();
  readonly #cuts = new Map<number, readonly LinkProxy[]>();

  /** @throws the operating system's error when one cannot listen; those that do are kept */
  async open(links: readonly LinkSpec[]): Promise<void> {
    for (const link of links) {
      assert(!this.#proxies.has(keyOf(link)), `link ${keyOf(link)} is open already`);
      this.#proxies.set(keyOf(link), await LinkProxy.listen(link));
    }
  }

  /** In force for all links when it returns. */
  cut(cut: number, links: readonly Link[]): void {
    assert(!this.#cuts.has(cut), `cut ${cut} is in force already`);
    const proxies = links.map((link) => this.#proxy(link));
    for (const proxy of proxies) proxy.hold();
    this.#cuts.set(cut, proxies);
  }

  /** Does nothing when it was healed before, by `healAll`. */
  heal(cut: number): void {
    const proxies = this.#cuts.get(cut);
    if (proxies === undefined) return;
    this.#cuts.delete(cut);
    for (const proxy of proxies) proxy.release();
  }

  healAll(): void {
    for (const cut of this.#cuts.keys()) this.heal(cut);
  }

  traffic(link: Link): Traffic {
    return this.#proxy(link).traffic();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  #proxy(link: Link): LinkProxy {
    return defined(this.#proxies.get(keyOf(link)), `there is no link ${keyOf(link)}`);
  }
}

function keyOf(link: Link): string {
  return `${link.from}->${link.to}`;
}
