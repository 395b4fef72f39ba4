import type { LinkControl } from '../contracts/cluster.ts';
import type { Link, NodeId } from '../contracts/names.ts';
import type { LinkEvidence } from '../rundir/cluster-log.ts';

type Traffic = Awaited<ReturnType<LinkControl['traffic']>>;

/** Reads the counters of cut links, to see that they were cut. */
export class LinkWatch {
  readonly #control: LinkControl;
  readonly #links: readonly Link[];
  /** Before the cut: what a cut holds at its very beginning counts as held. */
  readonly #before: readonly Traffic[];
  /** As soon as it was in force: what was in the kernel's hands until then has crossed rightly. */
  #inForce: readonly Traffic[] = [];

  private constructor(control: LinkControl, links: readonly Link[], before: readonly Traffic[]) {
    this.#control = control;
    this.#links = links;
    this.#before = before;
  }

  /** To be called before the links are cut. */
  static async begin(control: LinkControl, links: readonly Link[]): Promise<LinkWatch> {
    return new LinkWatch(control, links, await read(control, links));
  }

  /** To be called when they are. */
  async cutIsInForce(): Promise<void> {
    this.#inForce = await read(this.#control, this.#links);
  }

  /** To be called before they are healed. */
  async end(victims: readonly NodeId[]): Promise<LinkEvidence> {
    const after = await read(this.#control, this.#links);
    const seen = this.#links.map((link, i) => ({
      link,
      forwardedBytes: (after[i]?.forwardedBytes ?? 0) - (this.#inForce[i]?.forwardedBytes ?? 0),
      heldBytes: (after[i]?.heldBytes ?? 0) - (this.#before[i]?.heldBytes ?? 0),
    }));
    const heldBytes = (isFromVictim: boolean): number =>
      sum(
        seen
          .filter(({ link }) => victims.includes(link.from) === isFromVictim)
          .map((one) => one.heldBytes),
      );
    return {
      links: seen.length,
      forwardedBytes: sum(seen.map((one) => one.forwardedBytes)),
      leaked: seen
        .filter(({ forwardedBytes }) => forwardedBytes > 0)
        .map(({ link }) => `${link.from}->${link.to}`),
      heldFromVictimsBytes: heldBytes(true),
      heldToVictimsBytes: heldBytes(false),
    };
  }
}

function read(control: LinkControl, links: readonly Link[]): Promise<readonly Traffic[]> {
  return Promise.all(links.map((link) => control.traffic(link)));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
