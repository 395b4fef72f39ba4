import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AdminOutcome, AdminRequest, Cluster } from '../src/contracts/cluster.ts';
import { nodeId, type NodeId } from '../src/contracts/names.ts';
import type { ClusterView, Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { makeRandom } from '../src/lib/prng.ts';
import { membership } from './membership.ts';
import { transfer } from './transfer.ts';

const named = (count: number): NodeId[] =>
  Array.from({ length: count }, (_, i) => nodeId(`n${i + 1}`));

/** A cluster that has gone through some changes: its voters are any, and never fewer than at first. */
const views = fc
  .record({
    first: fc.integer({ min: 2, max: 7 }),
    spares: fc.integer({ min: 2, max: 4 }),
    joined: fc.nat(),
    leader: fc.nat(),
    order: fc.string(),
  })
  .map(({ first, spares, joined, leader, order }): ClusterView & { leader: NodeId } => {
    const nodes = named(first + spares);
    const size = first + (joined % (spares + 1));
    const some = makeRandom(order).shuffle(nodes).slice(0, size);
    const voters = nodes.filter((node) => some.includes(node));
    const leads = defined(voters[leader % size], 'one of them');
    return { nodes, voters, first: nodes.slice(0, first), leader: leads };
  });

function resolved(nemesis: Nemesis, shape: string, view: ClusterView, seed: string): ResolvedFault {
  const found = nemesis.shapes.find((one) => one.shape === shape);
  return defined(found?.resolve(view, makeRandom(seed)), `${shape} can be done`);
}

interface Change {
  readonly changes: readonly (readonly NodeId[])[];
  readonly heal?: readonly NodeId[];
}

function changeOf({ value }: ResolvedFault): Change {
  return value as unknown as Change;
}

const shapes = membership.shapes.map(({ shape }) => shape);

test('whoever votes now, every shape can be done; no step is empty, and none changes nothing', () => {
  fc.assert(
    fc.property(views, fc.constantFrom(...shapes), fc.string(), (view, shape, seed) => {
      const { changes } = changeOf(resolved(membership, shape, view, seed));
      expect(changes.length).toBeGreaterThan(0);
      for (const [i, voters] of changes.entries()) {
        expect(voters.length).toBeGreaterThan(0);
        expect(view.nodes.filter((node) => voters.includes(node))).toEqual(voters);
        expect(voters).not.toEqual(changes[i - 1] ?? view.voters);
      }
    }),
  );
});

test('when a fault is over, as many vote as in the beginning, or more: others find their victims', () => {
  fc.assert(
    fc.property(views, fc.constantFrom(...shapes), fc.string(), (view, shape, seed) => {
      const { changes, heal } = changeOf(resolved(membership, shape, view, seed));
      const left = heal ?? changes.at(-1) ?? [];
      expect(left.length).toBeGreaterThanOrEqual(view.first?.length ?? Infinity);
    }),
  );
});

test('the victims are those whose vote comes or goes, and no others', () => {
  fc.assert(
    fc.property(views, fc.constantFrom(...shapes), fc.string(), (view, shape, seed) => {
      const fault = resolved(membership, shape, view, seed);
      const steps = [view.voters, ...changeOf(fault).changes];
      const moved = view.nodes.filter(
        (node) => new Set(steps.map((s) => s.includes(node))).size > 1,
      );
      expect(fault.victims).toEqual(moved);
    }),
  );
});

test('add brings one, remove takes one, replace does both, several does it with two or more', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(views, fc.constantFrom(...shapes), fc.string(), (view, shape, seed) => {
      const { changes } = changeOf(resolved(membership, shape, view, seed));
      const to = changes.at(-1) ?? [];
      const from = changes.at(-2) ?? view.voters;
      const joined = to.filter((node) => !from.includes(node)).length;
      const left = from.filter((node) => !to.includes(node)).length;
      seen.add(`${shape} +${joined} -${left}`);
      // Before it, a cluster without a node to add went back to what it was in the beginning.
      const detour = changes.length > 1 && shape !== 'several' ? from : view.first;
      expect(detour).toEqual(view.first);
    }),
    { numRuns: 1000 },
  );
  const one = [...seen].filter((text) => !text.startsWith('several')).toSorted();
  expect(one).toEqual(['add +1 -0', 'remove +0 -1', 'remove-leader +0 -1', 'replace +1 -1']);
  expect(seen).toContain('several +2 -2');
});

test('the leader that is removed is the victim, and named', () => {
  fc.assert(
    fc.property(views, fc.string(), (view, seed) => {
      const fault = resolved(membership, 'remove-leader', view, seed);
      expect(fault).toMatchObject({ leader: view.leader, victims: [view.leader] });
    }),
  );
});

test('a leader that has no vote any more is not removed again: who leads next, is asked for', () => {
  const nodes = named(4);
  const view = { nodes, voters: nodes.slice(0, 3), leader: nodes[3] };
  const shape = membership.shapes.find((one) => one.shape === 'remove-leader');
  expect(shape?.resolve(view, makeRandom(1))).toBeUndefined();
});

test('leadership goes to a voter that does not lead; in a round each leads once, who led before last', () => {
  fc.assert(
    fc.property(views, fc.string(), (view, seed) => {
      const { to } = resolved(transfer, 'to-follower', view, seed).value as { to: NodeId[] };
      expect(to).toHaveLength(1);
      expect(view.voters).toContain(to[0]);
      expect(to).not.toContain(view.leader);
      const round = resolved(transfer, 'round', view, seed).value as { to: NodeId[] };
      expect(round.to.toSorted()).toEqual(view.voters.toSorted());
      expect(round.to.at(-1)).toBe(view.leader);
    }),
  );
});

/** A cluster of which only its members are changed, each time with this outcome. */
function cluster(outcomes: readonly AdminOutcome['type'][]) {
  const asked: (readonly NodeId[])[] = [];
  const change = async (voters: readonly NodeId[]): Promise<AdminRequest> => {
    const type = outcomes[asked.length] ?? 'done';
    asked.push(voters);
    const outcome = type === 'done' ? { type } : { type, error: 'not now' };
    return { asked: voters, outcome, attempts: 1, startedNs: 0, endedNs: 0 };
  };
  const control = { first: named(3), members: async () => undefined, change };
  return { asked, cluster: { nodes: named(5), membership: control } as unknown as Cluster };
}

const growing = { changes: [named(2), named(5)], heal: named(3) };
const fault = { victims: named(5), leader: undefined, value: growing };

test('the steps of a change are asked for one after the other, and what is healed at its end', async () => {
  const { asked, cluster: one } = cluster([]);
  const injected = await membership.inject(one, fault, 'several');
  expect(asked).toEqual(growing.changes);
  await injected[Symbol.asyncDispose]();
  expect(asked).toEqual([...growing.changes, growing.heal]);
});

test('a step that was not done is the last one, and all is told', async () => {
  const { asked, cluster: one } = cluster(['unknown']);
  const injected = await membership.inject(one, fault, 'several');
  expect(asked).toEqual([named(2)]);
  expect(injected).toMatchObject({ requests: [{ outcome: { type: 'unknown' } }] });
});

test('in the end the first configuration is restored, or that is an error', async () => {
  const { asked, cluster: one } = cluster(['done', 'refused']);
  await membership.healAll(one);
  expect(asked).toEqual([named(3)]);
  await expect(membership.healAll(one)).rejects.toThrow('was not restored: not now');
});

test('a value that names strangers is refused before anything is asked', async () => {
  const { asked, cluster: one } = cluster([]);
  const strange = { ...fault, value: { changes: [['n1', 'n9']] } };
  await expect(membership.inject(one, strange, 'add')).rejects.toMatchObject({ code: 'GONG-E132' });
  expect(asked).toEqual([]);
});
