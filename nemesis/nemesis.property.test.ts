import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nodeId, type NodeId } from '../src/contracts/names.ts';
import type {
  ClusterView,
  Nemesis,
  NemesisShape,
  ResolvedFault,
} from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { makeRandom } from '../src/lib/prng.ts';
import { UserError } from '../src/lib/user-error.ts';
import { linksIn } from './fault-value.ts';
import { nemeses } from './index.ts';

const named = (count: number): NodeId[] =>
  Array.from({ length: count }, (_, i) => nodeId(`n${i + 1}`));

const quorum = (count: number): number => Math.floor(count / 2) + 1;

const every = [...nemeses.values()].flatMap((nemesis) =>
  nemesis.shapes.map((shape) => ({ nemesis, shape })),
);
const steers = ({ requires }: Nemesis): boolean =>
  requires === 'membership' || requires === 'leadership';
/** Those that break something; what the cluster itself is asked for has tests of its own. */
const all = every.filter(({ nemesis }) => !steers(nemesis));

interface Situation {
  readonly nemesis: Nemesis;
  readonly shape: NemesisShape;
  readonly view: ClusterView;
  /** Those that vote. */
  readonly nodes: readonly NodeId[];
  readonly leader: NodeId;
  readonly seed: string;
  readonly fault: ResolvedFault;
}

/**
 * A cluster of up to 9 voters that a shape makes sense for, a leader among them, up to 3 nodes without a
 * vote, and a seed.
 */
function situations(isMeant: (nemesis: Nemesis, shape: NemesisShape) => boolean) {
  const meant = every.filter(({ nemesis, shape }) => isMeant(nemesis, shape));
  return fc
    .record({
      which: fc.constantFrom(...meant),
      count: fc.integer({ min: 1, max: 9 }),
      spares: fc.integer({ min: 0, max: 3 }),
      isFirst: fc.boolean(),
      leader: fc.nat(),
      seed: fc.string(),
    })
    .filter(({ which: { shape }, count, spares }) => {
      return count >= shape.nodesMin && spares >= (shape.sparesMin ?? 0);
    })
    .map(({ which, count, spares, isFirst, leader, seed }): Situation => {
      const everybody = named(count + spares);
      const first = everybody.slice(0, count);
      const nodes = isFirst ? first : everybody.slice(spares);
      const leads = defined(nodes[leader % count], 'one of them');
      const view = { nodes: everybody, voters: nodes, first, leader: leads };
      const fault = which.shape.resolve(view, makeRandom(seed));
      const known = defined(fault, 'a leader is known');
      return { ...which, view, nodes, leader: leads, seed, fault: known };
    });
}

const partitions = (...shapes: readonly string[]) =>
  situations(({ kind }, { shape }) => kind === 'partition' && shapes.includes(shape));

/** Which voters a node can send to, itself included, when the fault's links are cut. */
function seenBy(node: NodeId, { nodes, fault }: Situation): readonly NodeId[] {
  const cut = linksIn('partition', fault.value);
  return nodes.filter((to) => !cut.some((link) => link.from === node && link.to === to));
}

test('victims are some of the nodes, in their order; the leader is named where it was chosen', () => {
  const some = situations(() => true);
  fc.assert(
    fc.property(some, ({ view, leader, shape, fault }) => {
      expect(fault.victims.length).toBeGreaterThan(0);
      expect(view.nodes.filter((node) => fault.victims.includes(node))).toEqual(fault.victims);
      const isLeaderShape = /^(remove-)?leader/.test(shape.shape);
      expect(fault.leader).toBe(isLeaderShape ? leader : undefined);
      expect(fault.victims.includes(leader) || !isLeaderShape).toBe(true);
    }),
  );
});

test('the same seed chooses the same victims, and all of it survives a file', () => {
  const some = situations(() => true);
  fc.assert(
    fc.property(some, ({ nemesis, shape, view, seed, fault }) => {
      expect(shape.resolve(view, makeRandom(seed))).toEqual(fault);
      const read = JSON.parse(JSON.stringify(fault)) as ResolvedFault;
      expect(read.value).toEqual(fault.value);
      nemesis.check?.(read);
      expect(nemesis.links?.(read)).toEqual(nemesis.links?.(fault));
    }),
  );
});

test('exactly the shapes that are about the leader wait for one to be known', () => {
  const view = { nodes: named(7), voters: named(5), leader: undefined };
  for (const { shape } of all) {
    const isUnresolved = (hasLeader?: boolean): boolean =>
      shape.resolve(hasLeader === undefined ? view : { ...view, hasLeader }, makeRandom(1)) ===
      undefined;
    const isAboutLeader = shape.shape.startsWith('leader');
    expect(isUnresolved()).toBe(isAboutLeader);
    expect(isUnresolved(false)).toBe(isAboutLeader);
    // It must not stand in the middle: over it nobody would send anything to the other side.
    expect(isUnresolved(true)).toBe(isAboutLeader || shape.shape === 'bridge');
  }
});

test('an election is required exactly where a leader loses its office, and can be held', () => {
  for (const { nemesis, shape } of every) {
    const needsElection = shape.evidence.includes('election');
    expect(needsElection).toBe(shape.hitsLeader);
    const deposes = ['kill', 'pause', 'partition'].includes(nemesis.kind);
    const isRemoved = nemesis.kind === 'membership' && shape.shape === 'remove-leader';
    expect(needsElection).toBe((deposes && shape.shape.startsWith('leader')) || isRemoved);
    // Of two voters the one that is left is no quorum, unless the other has lost its vote.
    expect(shape.nodesMin).toBeGreaterThanOrEqual(needsElection ? (isRemoved ? 2 : 3) : 1);
  }
});

test('kill, pause, slow and reset hit as many nodes as their shapes say', () => {
  const some = situations((nemesis) => nemesis.kind !== 'partition' && !steers(nemesis));
  fc.assert(
    fc.property(some, ({ shape, nodes, fault }) => {
      expect(fault.victims.filter((victim) => !nodes.includes(victim))).toEqual([]);
      const sizes: Record<string, number> = {
        one: 1,
        minority: nodes.length - quorum(nodes.length),
        majority: quorum(nodes.length),
        all: nodes.length,
        leader: 1,
      };
      expect(fault.victims.length).toBe(sizes[shape.shape]);
    }),
  );
});

test('slow and reset act on exactly the links that a victim is an end of', () => {
  const some = situations(({ kind }) => kind === 'slow' || kind === 'reset');
  fc.assert(
    fc.property(some, ({ nemesis, view: { nodes }, fault }) => {
      const touched = nodes.flatMap((from) =>
        nodes
          .filter((to) => to !== from && [from, to].some((node) => fault.victims.includes(node)))
          .map((to) => `${from}->${to}`),
      );
      const links = defined(nemesis.links?.(fault), 'they act on links');
      expect(links.map(({ from, to }) => `${from}->${to}`).toSorted()).toEqual(touched.toSorted());
    }),
  );
});

test('a delay is 50 to 200 ms, and its jitter at most half of that', () => {
  const some = situations(({ kind }) => kind === 'slow');
  fc.assert(
    fc.property(some, ({ fault }) => {
      const { delayNs = 0, jitterNs = 0 } = fault.value as Record<string, number>;
      expect(delayNs).toBeGreaterThanOrEqual(50_000_000);
      expect(delayNs).toBeLessThanOrEqual(200_000_000);
      expect(jitterNs).toBeGreaterThan(0);
      expect(jitterNs).toBeLessThanOrEqual(delayNs / 2);
    }),
  );
});

test('resets come every 200 to 500 ms', () => {
  const some = situations(({ kind }) => kind === 'reset');
  fc.assert(
    fc.property(some, ({ fault }) => {
      const { everyNs } = fault.value as Record<string, number>;
      expect(everyNs).toBeGreaterThanOrEqual(200_000_000);
      expect(everyNs).toBeLessThanOrEqual(500_000_000);
    }),
  );
});

test('every partition but one-way cuts both directions, and every one cuts something', () => {
  const some = situations(({ kind }) => kind === 'partition');
  fc.assert(
    fc.property(some, ({ shape, fault }) => {
      const cut = linksIn('partition', fault.value);
      expect(cut.length).toBeGreaterThan(0);
      const texts = new Set(cut.map(({ from, to }) => `${from}->${to}`));
      expect(texts.size).toBe(cut.length);
      const isSymmetric = cut.every(({ from, to }) => texts.has(`${to}->${from}`));
      expect(isSymmetric).toBe(shape.shape !== 'one-way');
    }),
  );
});

test('one, minority and leader: each victim sees itself alone, the others see each other', () => {
  fc.assert(
    fc.property(partitions('one', 'minority', 'leader'), (situation) => {
      const { nodes, shape, fault } = situation;
      const others = nodes.filter((node) => !fault.victims.includes(node));
      for (const victim of fault.victims) expect(seenBy(victim, situation)).toEqual([victim]);
      for (const other of others) expect(seenBy(other, situation)).toEqual(others);
      expect(others.length).toBeGreaterThanOrEqual(quorum(nodes.length));
      const count = shape.shape === 'minority' ? nodes.length - quorum(nodes.length) : 1;
      expect(fault.victims.length).toBe(count);
    }),
  );
});

test('halves and leader-minority: two sides, as even as they can be with a quorum on one', () => {
  fc.assert(
    fc.property(partitions('halves', 'leader-minority'), (situation) => {
      const { nodes, fault } = situation;
      const others = nodes.filter((node) => !fault.victims.includes(node));
      expect(others.length).toBe(quorum(nodes.length));
      for (const node of nodes) {
        const side = fault.victims.includes(node) ? fault.victims : others;
        expect(seenBy(node, situation)).toEqual(side);
      }
    }),
  );
});

test('who is cut off reaches the others over no node that has no vote either', () => {
  const cutting = partitions('one', 'minority', 'majority', 'halves', 'leader', 'leader-minority');
  fc.assert(
    fc.property(cutting, ({ view: { nodes }, fault: { victims, value } }) => {
      const cut = linksIn('partition', value).map(({ from, to }) => `${from}->${to}`);
      for (const victim of victims) {
        for (const spare of nodes.filter((node) => !victims.includes(node))) {
          expect(cut).toContain(`${victim}->${spare}`);
          expect(cut).toContain(`${spare}->${victim}`);
        }
      }
    }),
  );
});

test('majority: a majority sees itself alone, and nobody sees a quorum', () => {
  fc.assert(
    fc.property(partitions('majority'), (situation) => {
      const { nodes, fault } = situation;
      expect(fault.victims.length).toBe(quorum(nodes.length));
      for (const victim of fault.victims) expect(seenBy(victim, situation)).toEqual([victim]);
      for (const node of nodes) {
        expect(seenBy(node, situation).length).toBeLessThan(quorum(nodes.length));
      }
    }),
  );
});

test('ring: each node sees a majority but not all, and no two nodes see the same', () => {
  fc.assert(
    fc.property(partitions('ring'), (situation) => {
      const { nodes, fault } = situation;
      expect(fault.victims).toEqual(nodes);
      const seen = nodes.map((node) => seenBy(node, situation));
      for (const some of seen) {
        expect(some.length).toBeGreaterThanOrEqual(quorum(nodes.length));
        expect(some.length).toBeLessThan(nodes.length);
        // One neighbour more on each side than needed would be a weaker cut than it could be.
        expect(some.length - 2).toBeLessThan(quorum(nodes.length));
      }
      expect(new Set(seen.map((some) => some.join())).size).toBe(nodes.length);
    }),
  );
});

test('bridge: two sides of like size see nothing of each other, and one node sees all', () => {
  fc.assert(
    fc.property(partitions('bridge'), (situation) => {
      const { nodes, fault } = situation;
      const [bridge, ...others] = nodes.filter((node) => !fault.victims.includes(node));
      expect(others).toEqual([]);
      expect(seenBy(defined(bridge, 'one is no victim'), situation)).toEqual(nodes);
      const sides = new Map(
        fault.victims.map((node) => {
          const side = seenBy(node, situation).filter((seen) => seen !== bridge);
          return [side.join(), side];
        }),
      );
      const sizes = [...sides.values()].map((side) => side.length).toSorted((a, b) => a - b);
      expect(sizes.length).toBe(2);
      expect(sizes[0]).toBe(Math.floor((nodes.length - 1) / 2));
      expect(sizes[1]).toBe(Math.ceil((nodes.length - 1) / 2));
    }),
  );
});

test('one-way: one voter sends to nobody, or is sent nothing by anybody; both happen', () => {
  const directions = new Set<string>();
  fc.assert(
    fc.property(partitions('one-way'), (situation) => {
      const { nodes, fault } = situation;
      const victim = defined(fault.victims[0], 'there is one');
      expect(fault.victims).toEqual([victim]);
      const others = nodes.filter((node) => node !== victim);
      const isMute = seenBy(victim, situation).length === 1;
      directions.add(isMute ? 'mute' : 'deaf');
      expect(seenBy(victim, situation)).toEqual(isMute ? [victim] : nodes);
      for (const other of others) {
        expect(seenBy(other, situation)).toEqual(isMute ? nodes : others);
      }
    }),
  );
  expect(directions).toEqual(new Set(['mute', 'deaf']));
});

test('whatever stands in a file as a value: it names links, or that is a usage error', () => {
  const names = fc.constantFrom('n1', 'n2', 'n3', '', 7, null);
  const strange = fc.oneof(
    fc.jsonValue(),
    fc.record({ groups: fc.array(fc.array(names, { maxLength: 3 }), { maxLength: 3 }) }),
    fc.record({
      links: fc.array(fc.constantFrom('n1->n2', 'n2->n1', 'n1-n2', '->n1', 'n1->n1', 3)),
    }),
  );
  fc.assert(
    fc.property(strange, (value) => {
      const fault: ResolvedFault = {
        victims: [nodeId('n1')],
        leader: undefined,
        value: value as ResolvedFault['value'],
      };
      for (const nemesis of nemeses.values()) {
        const { links, refusal } = linksOrRefusal(nemesis, fault);
        expect(links?.length).not.toBe(0);
        expect((links ?? []).filter(({ from, to }) => from === to)).toEqual([]);
        const named = (links ?? []).flatMap(({ from, to }) => [from, to]);
        expect(named.filter((node) => !/^n[123]$/.test(node))).toEqual([]);
        expect([undefined, 'GONG-E131', 'GONG-E133', 'GONG-E134']).toContain(refusal?.code);
        expect([undefined, 'usage']).toContain(refusal?.kind);
      }
    }),
    { numRuns: 500 },
  );
});

function linksOrRefusal(nemesis: Nemesis, fault: ResolvedFault) {
  try {
    if (steers(nemesis)) nemesis.check?.(fault);
    return { links: nemesis.links?.(fault) };
  } catch (error) {
    if (error instanceof UserError) return { refusal: error };
    throw error;
  }
}
