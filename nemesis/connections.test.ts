import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { launchLocalCluster } from '../src/clusters/local/launch.ts';
import type { LocalCluster } from '../src/clusters/local/local-cluster.ts';
import type { FakeStatus } from '../src/clusters/local/testdata/fake-node.ts';
import { fakeTarget } from '../src/clusters/local/testdata/fake-target.ts';
import type { Link, NodeId } from '../src/contracts/names.ts';
import { defined } from '../src/lib/assert.ts';
import { makeRandom } from '../src/lib/prng.ts';
import { linksIn } from './fault-value.ts';
import { partition } from './partition.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 120_000 });

function until(claim: () => Promise<void>): Promise<void> {
  return vi.waitFor(claim, { timeout: 30_000, interval: 10 });
}

async function launch(nodes: number): Promise<LocalCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'gong-connections-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = await launchLocalCluster({
    target: fakeTarget,
    nodes,
    dataDir: join(directory, 'data'),
    logDir: join(directory, 'logs'),
    settings: {},
    clusterId: 'connections',
  });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  await until(async () => void (await statuses(cluster)));
  return cluster;
}

async function ask(cluster: LocalCluster, node: NodeId, path: string): Promise<FakeStatus> {
  return (await (await fetch(cluster.url(node) + path)).json()) as FakeStatus;
}

async function statuses(cluster: LocalCluster): Promise<ReadonlyMap<NodeId, FakeStatus>> {
  const { nodes } = cluster;
  const all = nodes.map(async (node) => [node, await ask(cluster, node, '/status')] as const);
  return new Map(await Promise.all(all));
}

/** One message on each of these links, and what becomes of it. */
class Messages {
  readonly #cluster: LocalCluster;
  readonly #links: readonly Link[];
  readonly #name: string;
  #heldBefore: readonly number[] = [];

  private constructor(cluster: LocalCluster, links: readonly Link[], name: string) {
    this.#cluster = cluster;
    this.#links = links;
    this.#name = name;
  }

  static async send(cluster: LocalCluster, links: readonly Link[], name: string) {
    const messages = new Messages(cluster, links, name);
    messages.#heldBefore = await messages.#heldBytes();
    const send = (link: Link): Promise<unknown> =>
      ask(
        cluster,
        link.from,
        `/send?to=${link.to}&text=${encodeURIComponent(messages.#textOf(link))}`,
      );
    await Promise.all(links.map(send));
    return messages;
  }

  /** Those that have arrived by now. */
  async arrived(): Promise<readonly Link[]> {
    const all = await statuses(this.#cluster);
    return this.#links.filter((link) => all.get(link.to)?.received.includes(this.#textOf(link)));
  }

  /** Those of which all bytes wait in a link. */
  async held(): Promise<readonly Link[]> {
    const bytes = await this.#heldBytes();
    return this.#links.filter(
      (link, i) => (bytes[i] ?? 0) - (this.#heldBefore[i] ?? 0) >= this.#textOf(link).length,
    );
  }

  async allArrived(): Promise<void> {
    await until(async () => expect(await this.arrived()).toEqual(this.#links));
  }

  #textOf({ from, to }: Link): string {
    return `<${this.#name} ${from}>${to}>`;
  }

  async #heldBytes(): Promise<readonly number[]> {
    const all = this.#links.map((link) => this.#cluster.links.traffic(link));
    return (await Promise.all(all)).map((traffic) => traffic.heldBytes);
  }
}

/** Whom each node reached, itself included. */
type Reached = ReadonlyMap<NodeId, readonly NodeId[]>;

interface Seen {
  readonly nodes: readonly NodeId[];
  readonly victims: readonly NodeId[];
  readonly reached: Reached;
}

const isQuorum = (some: readonly NodeId[], nodes: readonly NodeId[]): boolean =>
  some.length > nodes.length / 2;

function victimsAreAlone({ nodes, victims, reached }: Seen): void {
  const others = nodes.filter((node) => !victims.includes(node));
  for (const node of victims) expect(reached.get(node)).toEqual([node]);
  for (const node of others) expect(reached.get(node)).toEqual(others);
}

function twoSides({ nodes, victims, reached }: Seen): void {
  const others = nodes.filter((node) => !victims.includes(node));
  expect(isQuorum(others, nodes)).toBe(true);
  for (const node of nodes) {
    expect(reached.get(node)).toEqual(victims.includes(node) ? victims : others);
  }
}

/** What each shape promises, said of the messages alone. */
const PROMISES: Readonly<Record<string, (seen: Seen) => void>> = {
  one: victimsAreAlone,
  minority: victimsAreAlone,
  leader: victimsAreAlone,
  majority(seen) {
    victimsAreAlone(seen);
    for (const some of seen.reached.values()) expect(isQuorum(some, seen.nodes)).toBe(false);
  },
  halves: twoSides,
  'leader-minority': twoSides,
  ring({ nodes, reached }) {
    for (const some of reached.values()) {
      expect(isQuorum(some, nodes)).toBe(true);
      expect(some.length).toBeLessThan(nodes.length);
    }
    expect(new Set([...reached.values()].map((some) => some.join())).size).toBe(nodes.length);
  },
  bridge({ nodes, victims, reached }) {
    const [bridge, ...others] = nodes.filter((node) => !victims.includes(node));
    expect(others).toEqual([]);
    const middle = defined(bridge, 'one node is no victim');
    expect(reached.get(middle)).toEqual(nodes);
    const sides = new Set(victims.map((node) => reached.get(node)?.join()));
    expect(sides.size).toBe(2);
    for (const node of victims) expect(reached.get(node)).toContain(middle);
  },
  'one-way'({ nodes, victims: [victim], reached }) {
    const node = defined(victim, 'there is one');
    const others = nodes.filter((other) => other !== node);
    const isMute = reached.get(node)?.length === 1;
    expect(reached.get(node)).toEqual(isMute ? [node] : nodes);
    for (const other of others) expect(reached.get(other)).toEqual(isMute ? nodes : others);
  },
};

test('every shape of a partition has its promise here', () => {
  expect(Object.keys(PROMISES).toSorted()).toEqual(
    partition.shapes.map(({ shape }) => shape).toSorted(),
  );
});

/** One shape on a cluster whose nodes have connections to some others, and not to the rest. */
async function tryShape(cluster: LocalCluster, shapeName: string, seed: string): Promise<Seen> {
  const { nodes } = cluster;
  const shape = partition.shapes.find((one) => one.shape === shapeName);
  const resolved = shape?.resolve({ nodes, voters: nodes, leader: nodes[1] }, makeRandom(seed));
  const fault = defined(resolved, `${shapeName} of ${nodes.length} nodes`);
  const pairs = nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  await cluster.links.reset(pairs);
  await until(async () => {
    for (const { dialled } of (await statuses(cluster)).values()) expect(dialled).toEqual([]);
  });
  const some = pairs.filter((_, i) => i % 2 === 0);
  await (await Messages.send(cluster, some, `${seed}-before`)).allArrived();
  const reached = new Map<NodeId, readonly NodeId[]>();
  let during: Messages;
  {
    await using cut = new AsyncDisposableStack();
    cut.use(await partition.inject(cluster, fault, shapeName));
    during = await Messages.send(cluster, pairs, `${seed}-during`);
    // Each one arrives or is seen to wait, whichever comes first.
    await until(async () => {
      const decided = new Set([...(await during.arrived()), ...(await during.held())]);
      expect(decided.size).toBe(pairs.length);
    });
    const [arrived, held] = [await during.arrived(), await during.held()];
    expect(arrived.filter((link) => held.includes(link))).toEqual([]);
    const isCut = new Set(linksIn('partition', fault.value).map(textOf));
    expect(held.map(textOf)).toEqual(pairs.map(textOf).filter((text) => isCut.has(text)));
    for (const node of nodes) {
      const heard = arrived.filter(({ from }) => from === node).map(({ to }) => to);
      reached.set(
        node,
        nodes.filter((to) => to === node || heard.includes(to)),
      );
    }
  }
  await during.allArrived();
  await (await Messages.send(cluster, pairs, `${seed}-after`)).allArrived();
  return { nodes, victims: fault.victims, reached };
}

function textOf({ from, to }: Link): string {
  return `${from}->${to}`;
}

test.for(
  [3, 4, 5, 7].map((count) => ({
    count,
    shapes: partition.shapes.filter(({ nodesMin }) => nodesMin <= count).map(({ shape }) => shape),
  })),
)(
  'of $count nodes exactly the connections that each shape promises work, and all after the heal',
  async ({ count, shapes }) => {
    const cluster = await launch(count);
    for (const shape of shapes) {
      const promise = defined(PROMISES[shape], `a promise of ${shape}`);
      promise(await tryShape(cluster, shape, shape));
    }
  },
);

test('one-way cuts what a node sends with one seed, and what it is sent with another', async () => {
  const cluster = await launch(3);
  const counts = new Set<number | undefined>();
  for (let seed = 1; counts.size < 2; seed++) {
    const { victims, reached } = await tryShape(cluster, 'one-way', `one-way-${seed}`);
    counts.add(reached.get(defined(victims[0], 'there is one'))?.length);
  }
  expect(counts).toEqual(new Set([1, 3]));
});
