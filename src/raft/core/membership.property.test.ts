import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { makeRandom } from '../../lib/prng.ts';
import { type Configuration, hasQuorum, isJoint, makeConfiguration } from './configuration.ts';
import { PAPER_RULES, type Rules } from './rules.ts';
import { change } from './testing/messages.ts';
import { TestNetwork, type TestNode } from './testing/network.ts';
import { type Entry, type LogIndex, nodeId, type NodeId, type Ready, type Term } from './types.ts';

const MS = 1_000_000;

/** Watches what must hold whoever the members are, while a random schedule runs. */
class Witness {
  readonly leaderOfTerm = new Map<Term, NodeId>();
  readonly committed = new Map<LogIndex, Entry>();
  readonly readsFrom = new Map<number, number>();
  acknowledged = 0;
  served = 0;
  changed = 0;
  /** Ends of joint configurations by leaders that did not begin them. */
  finishedByOthers = 0;
  readonly #beganIn = new Map<NodeId, Term>();

  onReady(node: TestNode, ready: Ready): void {
    if (ready.role === 'leader') {
      const known = this.leaderOfTerm.get(ready.term) ?? node.id;
      expect(known, `election safety (§5.2), term ${ready.term}`).toBe(node.id);
      this.leaderOfTerm.set(ready.term, node.id);
    }
    for (const entry of ready.committed) {
      const known = this.committed.get(entry.index) ?? entry;
      expect(entry, `state machine safety (§5.4.3), index ${entry.index}`).toEqual(known);
      this.committed.set(entry.index, entry);
      this.acknowledged = Math.max(this.acknowledged, entry.index);
    }
    for (const { id, readIndex } of ready.reads) {
      this.served += 1;
      const before = defined(this.readsFrom.get(id), 'a read that was asked');
      expect(readIndex, 'a read misses an acknowledged write (§8)').toBeGreaterThanOrEqual(before);
    }
    this.#countChanges(node.id, ready);
  }

  /** A sole voter leads before its term is on its disk: of such a term nobody else has heard. */
  crashed({ id, disk }: TestNode): void {
    for (const [term, leader] of this.leaderOfTerm) {
      if (leader === id && term > disk.hardState.term) this.leaderOfTerm.delete(term);
    }
  }

  #countChanges(id: NodeId, ready: Ready): void {
    if (ready.role !== 'leader' || !ready.entries.some(({ kind }) => kind === 'configuration'))
      return;
    if (isJoint(ready.configuration)) this.#beganIn.set(id, ready.term);
    else if (ready.configuration.learners.length === 0) {
      this.changed += 1;
      if (this.#beganIn.get(id) !== ready.term) this.finishedByOthers += 1;
    }
  }
}

/** Changes, crashes, loss and reordering, all at once; five nodes, of which some vote. */
function runSchedule(seed: number, rules: Rules, steps: number): Witness {
  const random = makeRandom(seed);
  const witness = new Witness();
  const size = random.pick([1, 2, 3, 3]);
  const network = new TestNetwork({
    size,
    spares: 5 - size,
    seed,
    rules,
    electionTimeout: { minNs: random.pick([250, 1000, 1900]) * MS, maxNs: 2000 * MS },
    pipeline: { maxEntriesPerAppend: random.pick([1, 4]) },
    onReady: (node, ready) => witness.onReady(node, ready),
  });
  const names = [...network.nodes.keys()];
  const [crashRate, lossRate] = [random.pick([0, 0.002, 0.01]), random.pick([0, 0.02, 0.15])];
  const changeRate = random.pick([0.005, 0.03]);
  const tickMs = random.pick([50, 150, 400]);
  let cut = new Set<NodeId>();
  for (let id = 1; id <= steps; id++) {
    const name = random.pick(names);
    const dice = random.float();
    if (!network.node(name).isUp) {
      if (dice < 0.2) network.restart(name);
    } else if (dice < crashRate) {
      network.crash(name);
      witness.crashed(network.node(name));
    } else if (dice < 0.15) network.sync(name);
    else if (dice < 0.22)
      network.step(name, { type: 'propose', id, data: Uint8Array.of(id & 255) });
    else if (dice < 0.27) {
      witness.readsFrom.set(id, witness.acknowledged);
      network.step(name, { type: 'read', id });
    } else if (dice < 0.27 + changeRate) {
      const voters = random.shuffle(names).slice(0, random.integer(1, names.length));
      network.step(name, change(id, ...voters));
    } else if (dice < 0.38) network.advance(random.integer(0, tickMs) * MS);
    else if (dice < 0.383) cut = new Set(names.filter(() => random.float() < 0.4));
    else if (dice < 0.387) cut = new Set();
    const index = random.float() < 0.7 ? 0 : random.integer(0, network.flights.length);
    const flight = network.flights[index];
    if (flight === undefined) continue;
    if (cut.has(flight.from) !== cut.has(flight.to) || random.float() < lossRate) {
      network.flights.splice(index, 1);
      continue;
    }
    if (random.float() < 0.03) network.flights.push(flight);
    network.deliver(flight);
  }
  if (rules === PAPER_RULES) expectProgress(network);
  return witness;
}

/** Once everything is healed somebody leads, every change comes to its end, and members apply a new entry. */
function expectProgress(network: TestNetwork): void {
  const nodes = [...network.nodes.values()];
  for (const node of nodes) if (!node.isUp) network.restart(node.id);
  network.flights = [];
  const leading = (): TestNode | undefined =>
    network.leaders.toSorted((a, b) => b.ready.term - a.ready.term)[0];
  const isAtRest = (): boolean => {
    const leader = leading();
    if (leader === undefined) return false;
    const { configuration, commitIndex, lastIndex, term } = leader.ready;
    // Others may have gone on without it: who votes follows it.
    const isFollowed = configuration.voters.every((voter) => {
      const { ready } = network.node(voter);
      return ready.leader === leader.id && ready.term === term;
    });
    return isFollowed && !isJoint(configuration) && commitIndex === lastIndex;
  };
  network.runUntil(isAtRest);
  const leader = defined(leading(), 'somebody leads');
  network.step(leader.id, { type: 'propose', id: -1, data: Uint8Array.of(0) });
  const index = leader.ready.lastIndex;
  // Of whoever votes then: learners of a change that is under way may have taken the place of others.
  network.runUntil(() => {
    const voters = leading()?.ready.configuration.voters ?? [];
    const has = (voter: NodeId): boolean => network.node(voter).ready.commitIndex >= index;
    return voters.length > 0 && voters.every(has);
  });
}

test('random changes under crashes, loss and reordering keep Figure 3, and come to an end (§6)', () => {
  const total = { committed: 0, served: 0, changed: 0, finishedByOthers: 0 };
  for (let seed = 1; seed <= 120; seed++) {
    try {
      const witness = runSchedule(seed, PAPER_RULES, 3000);
      total.committed += witness.committed.size;
      total.served += witness.served;
      total.changed += witness.changed;
      total.finishedByOthers += witness.finishedByOthers;
    } catch (cause) {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    }
  }
  // A run in which nothing happened proves nothing.
  expect(total.committed).toBeGreaterThan(2000);
  expect(total.served).toBeGreaterThan(1000);
  expect(total.changed).toBeGreaterThan(100);
  expect(total.finishedByOthers).toBeGreaterThan(10);
});

/** Without its other half. */
function onlyNew(configuration: Configuration): Configuration {
  return { ...configuration, outgoing: [] };
}

const WRONG_RULES: readonly { readonly name: string; readonly rules: Partial<Rules> }[] = [
  {
    name: 'commits by the majority of C_new alone while joint (§6)',
    rules: {
      leaderCommitIndex: (state) =>
        PAPER_RULES.leaderCommitIndex({ ...state, configuration: onlyNew(state.configuration) }),
    },
  },
  {
    name: 'ends a joint configuration before it is committed (§6)',
    rules: { mayEndJoint: () => true },
  },
];

test.each(WRONG_RULES)('a random schedule finds who $name', ({ rules }) => {
  const seeds = 1500;
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      runSchedule(seed, { ...PAPER_RULES, ...rules }, 3000);
    } catch {
      return;
    }
  }
  throw new Error(`not found in ${seeds} seeds`);
});

const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId);
const voterSet = fc.subarray(NAMES, { minLength: 1 });

test('changes by one server share a server in any two quorums: there both ways agree (thesis §4.1, §4.3)', () => {
  const quorums = (voters: readonly NodeId[]): NodeId[][] =>
    Array.from({ length: 2 ** NAMES.length }, (_, bits) =>
      NAMES.filter((_name, i) => (bits & (1 << i)) !== 0),
    ).filter((set) => hasQuorum(makeConfiguration(voters), (voter) => set.includes(voter)));
  fc.assert(
    fc.property(voterSet, fc.constantFrom(...NAMES), (before, one) => {
      const after = before.includes(one) ? before.filter((node) => node !== one) : [...before, one];
      fc.pre(after.length > 0);
      const joint = makeConfiguration(after, { outgoing: before });
      for (const a of quorums(before)) {
        for (const b of quorums(after)) {
          expect(
            a.some((node) => b.includes(node)),
            `${a.join()} and ${b.join()}`,
          ).toBe(true);
        }
        // And who decides while joint decides before and after.
        const decides = hasQuorum(joint, (voter) => a.includes(voter));
        expect(decides).toBe(hasQuorum(makeConfiguration(after), (voter) => a.includes(voter)));
      }
    }),
  );
});

/** Makes these changes one after the other, and says whom the cluster has in the end and what it did. */
function changed(first: readonly NodeId[], steps: readonly (readonly NodeId[])[], seed: number) {
  const order = [...first, ...NAMES.filter((name) => !first.includes(name))];
  const network = new TestNetwork({
    size: first.length,
    spares: NAMES.length - first.length,
    seed,
  });
  // The network names its nodes by itself: n1 is the first of `order`, and so on.
  const nameOf = (node: NodeId): string => `n${order.indexOf(node) + 1}`;
  for (const [i, voters] of steps.entries()) {
    const named = voters.map(nameOf);
    const isMade = (): boolean =>
      named.every((name) => {
        const { configuration } = network.node(name).ready;
        return configuration.voters.join() === named.join() && !isJoint(configuration);
      }) && network.leaders.some(({ id }) => named.includes(id));
    network.runUntil(() =>
      network.leaders.some(({ ready }) => ready.commitIndex === ready.lastIndex),
    );
    for (let attempt = 0; !isMade() && attempt < 20; attempt++) {
      for (const { id } of network.leaders) network.step(id, change(i, ...named));
      for (let wait = 0; wait < 10 && !isMade(); wait++) {
        network.settle();
        network.advance(50 * MS);
      }
    }
    expect(isMade(), `${first.join()} to ${voters.join()}`).toBe(true);
    network.settle();
    const leader = defined(
      network.leaders.find(({ id }) => named.includes(id)),
      'a voter leads',
    );
    network.step(leader.id, { type: 'propose', id: i, data: Uint8Array.of(i) });
    const { lastIndex } = leader.ready;
    network.runUntil(() =>
      named.every((name) => network.node(name).ready.commitIndex >= lastIndex),
    );
  }
  const last = defined(steps.at(-1), 'there is a step').map(nameOf);
  return last.map((name) => {
    const { applied, ready } = network.node(name);
    const commands = applied.filter(({ kind }) => kind === 'command').map(({ data }) => data[0]);
    return {
      voters: ready.configuration.voters.length,
      last: commands.at(-1) === steps.length - 1,
    };
  });
}

test('one joint change ends where changes by one server at a time end (§6, thesis §4.1)', () => {
  fc.assert(
    fc.property(voterSet, voterSet, fc.nat(1000), (from, to, seed) => {
      const added = to.filter((node) => !from.includes(node));
      const removed = from.filter((node) => !to.includes(node));
      let voters = from;
      const oneByOne = [...added, ...removed].map((node) => {
        voters = voters.includes(node) ? voters.filter((one) => one !== node) : [...voters, node];
        return voters;
      });
      const expected = to.map(() => ({ voters: to.length, last: true }));
      expect(changed(from, [to], seed)).toEqual(expected);
      const stepwise = oneByOne.length > 0 ? oneByOne : [to];
      expect(changed(from, stepwise, seed)).toEqual(expected);
    }),
    { numRuns: 25 },
  );
});
