import type { LinkControl } from '../contracts/cluster.ts';
import { defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { NodeId } from '../raft/core/types.ts';
import type { RangeNs } from './profile.ts';
import type { Simulation } from './simulation.ts';

/** What the network knows of a node. */
export interface Endpoint {
  readonly node: NodeId;
  isUp(): boolean;
  receive(from: NodeId, bytes: Uint8Array): void;
  disconnected(peer: NodeId): void;
}

interface Link {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly random: Random;
  cuts: number;
  /** Messages of an earlier connection are lost with it. */
  connection: number;
  /** The order on a connection is kept. */
  lastNs: number;
  held: (() => void)[];
}

/** The links between nodes: one connection per direction, as the real transport has. */
export class SimNetwork {
  readonly #sim: Simulation;
  readonly #latency: RangeNs;
  readonly #links = new Map<string, Link>();
  readonly #endpoints = new Map<NodeId, Endpoint>();

  constructor(sim: Simulation, latency: RangeNs, nodes: readonly NodeId[]) {
    this.#sim = sim;
    this.#latency = latency;
    for (const from of nodes) {
      for (const to of nodes) {
        if (from === to) continue;
        const random = sim.random(`network/${from}>${to}`);
        const link = { from, to, random, cuts: 0, connection: 0, lastNs: 0, held: [] };
        this.#links.set(`${from}>${to}`, link);
      }
    }
  }

  join(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.node, endpoint);
  }

  /** The connections of a node that went down are gone, and what was on them. */
  left(node: NodeId): void {
    for (const link of this.#links.values()) {
      if (link.from !== node && link.to !== node) continue;
      this.#disconnect(link);
    }
  }

  /** @returns false when it certainly was not sent */
  send(from: NodeId, to: NodeId, bytes: Uint8Array): boolean {
    const link = this.#link(from, to);
    if (link.cuts === 0 && this.#endpoints.get(to)?.isUp() !== true) return false;
    const copy = bytes.slice();
    const { connection } = link;
    const { minNs, maxNs } = this.#latency;
    link.lastNs = Math.max(link.lastNs, this.#sim.now() + link.random.integer(minNs, maxNs));
    const arrive = (): void => {
      if (link.connection !== connection) return;
      if (link.cuts > 0) return void link.held.push(arrive);
      this.#endpoints.get(to)?.receive(from, copy);
    };
    this.#sim.at(link.lastNs, arrive);
    return true;
  }

  readonly control: LinkControl = {
    cut: async (links) => {
      const cut = links.map(({ from, to }) => this.#link(from, to));
      for (const link of cut) link.cuts += 1;
      return {
        [Symbol.asyncDispose]: async () => {
          for (const link of cut) {
            link.cuts = Math.max(0, link.cuts - 1);
            if (link.cuts === 0) this.#release(link);
          }
        },
      };
    },
    slow: async () => ({ [Symbol.asyncDispose]: async () => {} }),
    reset: async () => 0,
    resetEvery: async () => ({ [Symbol.asyncDispose]: async () => {} }),
    healAll: async () => {
      for (const link of this.#links.values()) {
        link.cuts = 0;
        this.#release(link);
      }
    },
    traffic: async () => ({
      forwardedBytes: 0,
      heldBytes: 0,
      delayedBytes: 0,
      connections: 0,
      resets: 0,
    }),
  };

  #release(link: Link): void {
    const { held } = link;
    link.held = [];
    for (const arrive of held) this.#sim.after(0, arrive);
  }

  #disconnect(link: Link): void {
    link.connection += 1;
    link.held = [];
    const sender = this.#endpoints.get(link.from);
    if (sender?.isUp() === true) this.#sim.after(0, () => sender.disconnected(link.to));
  }

  #link(from: string, to: string): Link {
    return defined(this.#links.get(`${from}>${to}`), `there is a link ${from} > ${to}`);
  }
}
