import type { LinkControl, LinkTraffic } from '../contracts/cluster.ts';
import type { Link, NodeId } from '../contracts/names.ts';
import type { LinkEvidence } from '../rundir/cluster-log.ts';

type Figure = keyof LinkTraffic;

/** Reads the counters of the links that a fault acts on, to see that it does. */
export class LinkWatch {
  readonly #control: LinkControl;
  readonly #links: readonly Link[];
  /** Before the fault: what it holds, delays or resets at its very beginning counts. */
  readonly #before: readonly LinkTraffic[];
  /** As soon as it was in force: what was in the kernel's hands until then has crossed rightly. */
  #inForce: readonly LinkTraffic[] = [];

  private constructor(
    control: LinkControl,
    links: readonly Link[],
    before: readonly LinkTraffic[],
  ) {
    this.#control = control;
    this.#links = links;
    this.#before = before;
  }

  /** To be called before the fault is injected. */
  static async begin(control: LinkControl, links: readonly Link[]): Promise<LinkWatch> {
    return new LinkWatch(control, links, await read(control, links));
  }

  /** To be called when it has taken effect. */
  async isInForce(): Promise<void> {
    this.#inForce = await read(this.#control, this.#links);
  }

  /** What has been seen so far. To be called before the fault is healed. */
  async evidence(victims: readonly NodeId[]): Promise<LinkEvidence> {
    const after = await read(this.#control, this.#links);
    const since = (earlier: readonly LinkTraffic[], figure: Figure) => (i: number) =>
      (after[i]?.[figure] ?? 0) - (earlier[i]?.[figure] ?? 0);
    const forwarded = since(this.#inForce, 'forwardedBytes');
    const held = since(this.#before, 'heldBytes');
    const total = (of: (i: number) => number, isAsked: (link: Link) => boolean = () => true) =>
      this.#links.reduce((sum, link, i) => (isAsked(link) ? sum + of(i) : sum), 0);
    return {
      links: this.#links.length,
      forwardedBytes: total(forwarded),
      leaked: this.#links
        .filter((_, i) => forwarded(i) > 0)
        .map((link) => `${link.from}->${link.to}`),
      heldFromVictimsBytes: total(held, ({ from }) => victims.includes(from)),
      heldToVictimsBytes: total(held, ({ to }) => victims.includes(to)),
      heldBytes: total(held),
      delayedBytes: total(since(this.#before, 'delayedBytes')),
      resets: total(since(this.#before, 'resets')),
      connections: total(since(this.#before, 'connections')),
    };
  }
}

function read(control: LinkControl, links: readonly Link[]): Promise<readonly LinkTraffic[]> {
  return Promise.all(links.map((link) => control.traffic(link)));
}
