import type { LinkControl } from '../contracts/cluster.ts';
import { defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { NodeId } from '../raft/core/types.ts';
import { controlOf } from './link-control.ts';
import type { MessageTrouble } from './link-trouble.ts';
import { type Endpoint, Link } from './link.ts';
import type { Happening } from './observer.ts';
import type { RangeNs } from './profile.ts';
import type { Simulation } from './simulation.ts';

/** Bytes, where a profile does not say it. */
const BUFFER_BYTES = 64 * 1024;

export interface SimNetworkParts {
  readonly sim: Simulation;
  readonly latency: RangeNs;
  /** See `LinkParts`; by default 64 KiB. */
  readonly bufferBytes?: number | undefined;
  readonly happened: (what: Happening) => void;
}

/**
 * The links between nodes, and what may be done to them: through `control` all that a real cluster
 * offers, and `trouble`.
 */
export class SimNetwork {
  readonly control: LinkControl;
  readonly #parts: SimNetworkParts;
  readonly #endpoints: Endpoint[] = [];
  /** By sender and receiver. */
  readonly #links = new Map<string, Map<string, Link>>();

  constructor(parts: SimNetworkParts) {
    this.#parts = parts;
    this.control = controlOf(parts.sim, (from, to) => this.link(from, to));
  }

  /** Lays the links between this one and those before it. */
  join(endpoint: Endpoint): void {
    this.#links.set(endpoint.node, new Map());
    for (const other of this.#endpoints) {
      this.#lay(endpoint, other);
      this.#lay(other, endpoint);
    }
    this.#endpoints.push(endpoint);
  }

  /** A node begins to dial its peers: it has read its disk. */
  joined(node: NodeId): void {
    for (const link of this.#from(node).values()) link.open();
  }

  /** A node's process listens: it begins. */
  listens(node: NodeId): void {
    for (const link of this.links()) if (link.to === node) link.receiverIsBack();
  }

  /** A node's process is gone, or its machine. */
  left(node: NodeId): void {
    for (const link of this.links()) {
      if (link.from === node) link.senderLeft();
      if (link.to === node) link.receiverLeft();
    }
  }

  /** @returns false when it certainly was not sent */
  send(from: NodeId, to: NodeId, bytes: Uint8Array): boolean {
    return this.#from(from).get(to)?.send(bytes) ?? false;
  }

  /**
   * Troubles messages of a link.
   *
   * @param random - draws for this trouble on this link only
   * @returns what ends it
   */
  trouble(
    { from, to }: { readonly from: string; readonly to: string },
    trouble: MessageTrouble,
    random: Random,
  ): () => void {
    return this.link(from, to).troubles.add(trouble, random);
  }

  link(from: string, to: string): Link {
    return defined(this.#from(from).get(to), () => `there is a link ${from} > ${to}`);
  }

  links(): readonly Link[] {
    return [...this.#links.values()].flatMap((links) => [...links.values()]);
  }

  #lay(from: Endpoint, to: Endpoint): void {
    const { sim, latency, bufferBytes = BUFFER_BYTES, happened } = this.#parts;
    const random = sim.random(`network/${from.node}>${to.node}`);
    const link = new Link({ sim, latency, bufferBytes, random, from, to, happened });
    this.#from(from.node).set(to.node, link);
  }

  #from(node: string): Map<string, Link> {
    return defined(this.#links.get(node), () => `there is a node ${node}`);
  }
}
