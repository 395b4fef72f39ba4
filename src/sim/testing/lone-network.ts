import { MILLISECOND } from '../../lib/duration.ts';
import { nodeId, type NodeId } from '../../raft/core/types.ts';
import type { Endpoint } from '../link.ts';
import { SimNetwork } from '../network.ts';
import type { Happening } from '../observer.ts';
import type { RangeNs } from '../profile.ts';
import { Simulation } from '../simulation.ts';

export const LATENCY: RangeNs = { minNs: MILLISECOND, maxNs: 5 * MILLISECOND };

export interface Received {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The number that was sent. */
  readonly number: number;
  readonly atNs: number;
}

/** Nodes that do nothing but write down what they hear. */
export class LoneNetwork {
  readonly sim: Simulation;
  readonly network: SimNetwork;
  readonly received: Received[] = [];
  readonly disconnected: { readonly node: NodeId; readonly peer: NodeId; readonly atNs: number }[] =
    [];
  readonly happened: Happening[] = [];
  readonly #states = new Map<NodeId, 'up' | 'down' | 'off'>();

  constructor(seed: string, size: number, options: { readonly bufferBytes?: number } = {}) {
    this.sim = new Simulation(seed);
    this.network = new SimNetwork({
      sim: this.sim,
      latency: LATENCY,
      bufferBytes: options.bufferBytes,
      happened: (what) => void this.happened.push(what),
    });
    for (let i = 1; i <= size; i++) this.network.join(this.#endpoint(nodeId(`n${i}`)));
    for (let i = 1; i <= size; i++) this.start(`n${i}`);
  }

  start(name: string): void {
    const node = nodeId(name);
    this.#states.set(node, 'up');
    this.network.listens(node);
    this.network.joined(node);
  }

  stop(name: string, state: 'down' | 'off'): void {
    this.#states.set(nodeId(name), state);
    this.network.left(nodeId(name));
  }

  /** @param type - the first byte of a frame: 0 for a message of Raft, 1 for a forwarded request */
  send(from: string, to: string, number: number, type: 0 | 1 = 0): boolean {
    const bytes = new Uint8Array([type, number >> 8, number & 0xff]);
    return this.network.send(nodeId(from), nodeId(to), bytes);
  }

  pass(ns: number): Promise<void> {
    return this.sim.drive(this.sim.sleep(ns));
  }

  /** What was received on one link, in order. */
  numbers(from: string, to: string): number[] {
    return this.received
      .filter((one) => one.from === nodeId(from) && one.to === nodeId(to))
      .map(({ number }) => number);
  }

  count(kind: string): number {
    return this.happened.filter((what) => what.kind === kind).length;
  }

  #endpoint(node: NodeId): Endpoint {
    const stateOf = () => this.#states.get(node) ?? 'down';
    return {
      node,
      get state() {
        return stateOf();
      },
      receive: (from, bytes) => {
        const number = ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0);
        this.received.push({ from, to: node, number, atNs: this.sim.now() });
      },
      disconnected: (peer) => void this.disconnected.push({ node, peer, atNs: this.sim.now() }),
      whenRunning: (act) => {
        if (stateOf() === 'up') act();
      },
    };
  }
}
