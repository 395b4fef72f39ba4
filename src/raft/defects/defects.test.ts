import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { PAPER_RULES, type Rules } from '../core/rules.ts';
import {
  ELECTION_NS,
  type Flight,
  HEARTBEAT_NS,
  logOf,
  TestNetwork,
  type TestNode,
} from '../core/testing/network.ts';
import { type Input, type Message, nodeId, type NodeId, term } from '../core/types.ts';
import { DEFECTS } from './index.ts';

const [n1, n2, n3, n4, n5] = [
  nodeId('n1'),
  nodeId('n2'),
  nodeId('n3'),
  nodeId('n4'),
  nodeId('n5'),
] as const;

const command = (id: number): Input => ({ type: 'propose', id, data: Uint8Array.of(id) });
const isVoting = ({ type }: Message): boolean =>
  type === 'request-vote' || type === 'vote-response';

function between(...nodes: readonly NodeId[]): (flight: Flight) => boolean {
  return ({ from, to }) => nodes.includes(from) && nodes.includes(to);
}

/** n1 and n2 have the pre-votes of n3 and ask for its vote in term 1. */
function twoCandidates(rules: Rules): TestNetwork {
  const network = new TestNetwork({ size: 3, seed: 1, rules });
  network.nowNs += ELECTION_NS.maxNs;
  for (const candidate of [n1, n2]) network.step(candidate, { type: 'tick' });
  network.deliverAll(({ to }) => to === n3);
  network.deliverAll(({ from }) => from === n3);
  network.flights = [];
  for (const candidate of [n1, n2]) network.sync(candidate);
  return network;
}

function askForVote(network: TestNetwork, candidate: NodeId): void {
  network.deliverAll(between(candidate, n3));
  network.sync(n3);
  network.deliverAll(({ from, to }) => from === n3 && to === candidate);
}

function leadersOfOneTerm(network: TestNetwork): boolean {
  const terms = network.leaders.map(({ ready }) => ready.term);
  return new Set(terms).size < terms.length;
}

/** A leader, and both followers, all with the same log on their disks. */
function settledThree(rules: Rules): {
  readonly network: TestNetwork;
  readonly leader: TestNode;
  readonly followers: readonly [NodeId, NodeId];
} {
  const network = new TestNetwork({ size: 3, seed: 3, rules });
  const leader = network.elect();
  network.settle();
  const [first = n1, second = n1] = [n1, n2, n3].filter((id) => id !== leader.id);
  return { network, leader, followers: [first, second] };
}

/** The two elect one of themselves; what they apply from index 1 on. */
function electedBy(network: TestNetwork, ...two: readonly [NodeId, NodeId]): TestNode {
  const isLeading = (): boolean => network.leaders.some(({ id }) => two.includes(id));
  network.flights = [];
  network.runUntil(isLeading, between(...two));
  network.settle(between(...two));
  return defined(
    network.leaders.find(({ id }) => two.includes(id)),
    'elected',
  );
}

const has = ({ applied }: TestNode, id: number): boolean =>
  applied.some(({ kind, data }) => kind === 'command' && data[0] === id);

/** By the defect's name: the shortest schedule that breaks its rule; true when it did break. */
const SCHEDULES: Readonly<Record<string, (rules: Rules) => boolean>> = {
  'vote-twice'(rules) {
    const network = twoCandidates(rules);
    askForVote(network, n1);
    expect(network.node('n1').ready.role).toBe('leader');
    askForVote(network, n2);
    return leadersOfOneTerm(network);
  },

  'forget-vote'(rules) {
    const network = twoCandidates(rules);
    askForVote(network, n1);
    expect(network.node('n1').ready.role).toBe('leader');
    network.crash(n3);
    network.restart(n3);
    // So soon after a start it votes for nobody.
    network.nowNs += ELECTION_NS.minNs;
    askForVote(network, n2);
    return leadersOfOneTerm(network);
  },

  'commit-old-term'(rules) {
    // S1 led term 2 and reached S2; S5 led term 3 and reached nobody; S1 leads term 4 now.
    const inTerm3 = { term: term(3), votedFor: undefined };
    const network = new TestNetwork({
      size: 5,
      seed: 8,
      rules,
      pipeline: { maxEntriesPerAppend: 1 },
      logs: { n1: logOf(1, 2), n2: logOf(1, 2), n3: logOf(1), n4: logOf(1), n5: logOf(1, 3) },
      hardStates: { n1: inTerm3, n2: inTerm3, n3: inTerm3, n4: inTerm3, n5: inTerm3 },
    });
    network.nowNs += ELECTION_NS.maxNs;
    network.step('n1', { type: 'tick' });
    network.settle(({ to, message }) => to !== n5 && isVoting(message));
    const first = network.node('n1');
    expect(first.ready).toMatchObject({ role: 'leader', term: 4 });
    // Its entry of term 2 reaches a third server, its own of term 4 nobody.
    network.advance(HEARTBEAT_NS);
    network.settle(
      (flight) =>
        between(n1, n2, n3)(flight) &&
        (flight.message.type !== 'append-entries' ||
          flight.message.entries.every((entry) => entry.term < 4)),
    );
    expect(network.node('n3').disk.entries.map((entry) => entry.term)).toEqual([1, 2]);
    // The first time S5 only learns of term 4.
    for (let attempt = 1; attempt <= 2; attempt++) {
      network.nowNs += ELECTION_NS.maxNs;
      network.step('n5', { type: 'tick' });
      network.settle(between(n2, n3, n4, n5));
    }
    const last = network.node('n5');
    expect(last.applied.map((entry) => entry.term)).toEqual([1, 3, 5]);
    return first.applied[1] !== undefined && first.applied[1].term !== last.applied[1]?.term;
  },

  'acknowledge-before-fsync'(rules) {
    const { network, leader, followers } = settledThree(rules);
    const [holder, other] = followers;
    network.step(leader.id, command(7));
    network.deliverAll(({ to }) => to === holder);
    network.deliverAll(({ to }) => to === leader.id);
    const isAcknowledged = has(leader, 7);
    network.crash(leader.id);
    network.crash(holder);
    network.restart(holder);
    return isAcknowledged && !has(electedBy(network, holder, other), 7);
  },

  'read-without-round'(rules) {
    const { network, leader, followers } = settledThree(rules);
    const written = leader.applied.length;
    // The answers to its last heartbeat take long: it believes that it is heard.
    network.advance(HEARTBEAT_NS);
    const heardNs = network.nowNs;
    network.deliverAll();
    const answers = network.flights;
    network.nowNs = heardNs + ELECTION_NS.minNs - 2 * HEARTBEAT_NS;
    for (const answer of answers) network.deliver(answer);
    network.flights = [];
    const [next] = followers
      .map((id) => network.node(id))
      .toSorted((a, b) => a.ready.deadlineNs - b.ready.deadlineNs);
    const candidate = defined(next, 'a follower');
    network.nowNs = candidate.ready.deadlineNs;
    network.step(candidate.id, { type: 'tick' });
    network.settle(between(...followers));
    network.step(candidate.id, command(7));
    network.settle(between(...followers));
    expect(has(candidate, 7), 'a write is acknowledged').toBe(true);
    const { role, reads } = network.step(leader.id, { type: 'read', id: 1 });
    expect(role, 'it does not know yet').toBe('leader');
    return reads.some(({ readIndex }) => readIndex === written);
  },

  'truncate-on-old-append'(rules) {
    const { network, leader, followers } = settledThree(rules);
    const [holder, other] = followers;
    const toHolder = ({ to }: Flight): boolean => to === holder;
    network.step(leader.id, command(6));
    const old = defined(network.flights.find(toHolder), 'an AppendEntries with one entry');
    network.settle(between(leader.id, holder));
    network.step(leader.id, command(7));
    network.settle(between(leader.id, holder));
    expect(has(leader, 7), 'a write is acknowledged').toBe(true);
    network.deliver(old);
    network.sync(holder);
    network.crash(leader.id);
    return !has(electedBy(network, holder, other), 7);
  },
};

test.each([...DEFECTS.values()])(
  '$name breaks its rule by a schedule that the rule of the paper withstands ($source)',
  ({ name, rules }) => {
    const schedule = defined(SCHEDULES[name], `a schedule for ${name}`);
    expect(schedule({ ...PAPER_RULES, ...rules }), 'with the defect').toBe(true);
    expect(schedule(PAPER_RULES), 'with the rules of the paper').toBe(false);
  },
);

test('each planted defect is found by its name and says what it replaces', () => {
  for (const [name, defect] of DEFECTS) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(defect.name).toBe(name);
    expect(Object.keys(defect.rules ?? defect.disk ?? {}), name).not.toEqual([]);
  }
  expect(DEFECTS.size).toBe(Object.keys(SCHEDULES).length);
});
