import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { makeRandom } from '../../lib/prng.ts';
import { type Defect, DEFECTS } from '../defects/index.ts';
import { LOG_START } from './log.ts';
import { isUpToDate, PAPER_RULES, type Rules } from './rules.ts';
import { type Flight, TestNetwork, type TestNode } from './testing/network.ts';
import {
  type Entry,
  type LogIndex,
  logIndex,
  type LogPosition,
  type NodeId,
  type Ready,
  type Term,
} from './types.ts';

const MS = 1_000_000;

/** Watches the safety properties of Raft's Figure 3 while a random schedule runs. */
class Witness {
  readonly leaderOfTerm = new Map<Term, NodeId>();
  readonly committed = new Map<LogIndex, Entry>();
  /** Greatest index that any node has applied: an acknowledged write is at or below it. */
  acknowledged = 0;
  readonly readsFrom = new Map<number, number>();
  served = 0;
  elections = 0;
  readonly #votes = new Map<string, NodeId>();

  onReady(node: TestNode, ready: Ready, network: TestNetwork): void {
    this.#checkAcknowledgements(node, ready, network);
    if (ready.role === 'leader') {
      const known = this.leaderOfTerm.get(ready.term);
      if (known === undefined) this.elections += 1;
      expect(known ?? node.id, `election safety (§5.2), term ${ready.term}`).toBe(node.id);
      this.leaderOfTerm.set(ready.term, node.id);
    }
    for (const entry of ready.committed) {
      const known = this.committed.get(entry.index) ?? entry;
      expect(entry, `state machine safety (§5.4.3), index ${entry.index}`).toEqual(known);
      this.committed.set(entry.index, entry);
      this.acknowledged = Math.max(this.acknowledged, entry.index);
    }
    const newest = this.committed.get(logIndex(this.acknowledged));
    if (newest !== undefined) {
      this.#checkMajority(network, newest);
      if (ready.committed.length > 0) this.#checkElectable(network, newest);
    }
    for (const { id, readIndex } of ready.reads) {
      this.served += 1;
      const before = defined(this.readsFrom.get(id), 'a read that was asked');
      expect(readIndex, `a read misses an acknowledged write (thesis §6.4)`).toBeGreaterThanOrEqual(
        before,
      );
    }
  }

  /** A vote arrives: each node gave one in a term, to itself or to another (§5.2). */
  onFlight({ from, to, message }: Flight): void {
    const isRequest = message.type === 'request-vote';
    const isVote = isRequest || (message.type === 'vote-response' && message.granted);
    if (!isVote || message.preVote) return;
    const name = `${from} in term ${message.term}`;
    const candidate = isRequest ? from : to;
    expect(this.#votes.get(name) ?? candidate, `one vote of ${name} (§5.2)`).toBe(candidate);
    this.#votes.set(name, candidate);
  }

  /** What any node has applied is on the disks of a majority, and stays there (§5.4). */
  #checkMajority({ nodes }: TestNetwork, newest: Entry): void {
    const holders = [...nodes.values()].filter(
      ({ disk }) => disk.entries[newest.index - 1]?.term === newest.term,
    );
    expect(
      holders.length,
      `acknowledged entry ${newest.index} is on a majority's disks`,
    ).toBeGreaterThan(nodes.size / 2);
  }

  /**
   * Leader completeness before it is too late: nobody who lacks a committed entry could be elected now
   * (§5.4.3). Figure 8 breaks this at the moment of the commit, elections break it much later.
   */
  #checkElectable(network: TestNetwork, newest: Entry): void {
    const lasts = [...network.nodes.values()].map(({ disk }) => positionOf(disk.entries.at(-1)));
    for (const id of network.nodes.keys()) {
      const log = network.logOf(id);
      if (log[newest.index - 1]?.term === newest.term) continue;
      const own = positionOf(log.at(-1));
      const voters = lasts.filter((last) => isUpToDate(own, last));
      expect(
        voters.length,
        `${id} lacks committed entry ${newest.index} and must not be electable (§5.4.3)`,
      ).toBeLessThanOrEqual(lasts.length / 2);
    }
  }

  /** What a follower acknowledges is on its disk, and is what the leader of that term has there. */
  #checkAcknowledgements(node: TestNode, ready: Ready, network: TestNetwork): void {
    for (const { to, message } of ready.messages) {
      if (message.type !== 'append-response' || !message.result.success) continue;
      const { matchIndex } = message.result;
      const own = node.disk.entries[matchIndex - 1]?.term;
      if (matchIndex > 0) expect(own, `acknowledged ${matchIndex} is durable (§5.3)`).toBeDefined();
      const leader = network.node(to);
      if (!leader.isUp || leader.ready.role !== 'leader') continue;
      if (leader.ready.term !== message.term || matchIndex === 0) continue;
      const theirs = network.logOf(to)[matchIndex - 1]?.term;
      expect(own, `log matching (§5.3), acknowledged index ${matchIndex}`).toBe(theirs);
    }
  }
}

function positionOf(last: Entry | undefined): LogPosition {
  return last ?? LOG_START;
}

/** Loss, duplication, reordering, slow disks, crashes: whatever a seed draws. */
function runSchedule(seed: number, rules: Rules, steps: number): Witness {
  const random = makeRandom(`schedule/${seed}`);
  const witness = new Witness();
  const network: TestNetwork = new TestNetwork({
    size: random.pick([1, 2, 3, 3, 3, 4, 5, 5]),
    seed,
    rules,
    // A wide range: elections come so soon that a killed leader may be elected again at once. A
    // narrow one: many candidates in one term.
    electionTimeout: {
      minNs: random.pick([250, 1000, 1900]) * MS,
      maxNs: 2000 * MS,
    },
    // One at a time: an entry of an older term arrives without what the leader put behind it.
    pipeline: { maxEntriesPerAppend: random.pick([1, 4]) },
    onReady: (node, ready) => witness.onReady(node, ready, network),
  });
  const names = [...network.nodes.keys()];
  const crashRate = random.pick([0, 0.001, 0.004, 0.02]);
  const lossRate = random.pick([0, 0.02, 0.15]);
  const tickMs = random.pick([50, 150, 400]);
  let cut = new Set<NodeId>();
  /** They are heard, but what they replicate is lost: short messages arrive, long ones do not. */
  let mute = new Set<NodeId>();
  let nextId = 1;
  for (let i = 0; i < steps; i++) {
    const name = random.pick(names);
    const node = network.node(name);
    const dice = random.float();
    if (!node.isUp) {
      if (dice < 0.2) network.restart(name);
    } else if (dice < crashRate) network.crash(name);
    else if (dice < 0.15) network.sync(name);
    else if (dice < 0.25) {
      network.step(name, { type: 'propose', id: nextId++, data: Uint8Array.of(i & 255) });
    } else if (dice < 0.32) {
      witness.readsFrom.set(nextId, witness.acknowledged);
      network.step(name, { type: 'read', id: nextId++ });
    } else if (dice < 0.4) network.advance(random.integer(0, tickMs) * MS);
    else if (dice < 0.403) {
      cut = new Set(names.filter(() => random.float() < 0.4));
    } else if (dice < 0.405) cut = new Set();
    else if (dice < 0.409) {
      mute = new Set(names.filter(() => random.float() < 0.5));
    } else if (dice < 0.411) mute = new Set();
    const index = random.float() < 0.7 ? 0 : random.integer(0, network.flights.length);
    const flight = network.flights[index];
    if (flight === undefined) continue;
    const isCut = cut.has(flight.from) !== cut.has(flight.to);
    const isLong = flight.message.type === 'append-entries' && flight.message.entries.length > 0;
    if (isCut || (isLong && mute.has(flight.from)) || random.float() < lossRate) {
      network.flights.splice(index, 1);
      continue;
    }
    if (random.float() < 0.03) network.flights.push(flight);
    witness.onFlight(flight);
    network.deliver(flight);
  }
  if (rules === PAPER_RULES) expectProgress(network);
  return witness;
}

/** Whatever happened: once everything is healed, every node applies a new entry. */
function expectProgress(network: TestNetwork): void {
  for (const node of network.nodes.values()) if (!node.isUp) network.restart(node.id);
  network.flights = [];
  const leader = network.elect();
  network.step(leader.id, { type: 'propose', id: -1, data: Uint8Array.of(0) });
  const nodes = [...network.nodes.values()];
  const last = () => Math.max(...nodes.map((node) => node.ready.lastIndex));
  network.runUntil(() => nodes.every((node) => node.ready.commitIndex === last()));
}

test('random schedules of loss, duplication, reordering and crashes keep Figure 3', () => {
  const total = { elections: 0, committed: 0, served: 0 };
  for (let seed = 1; seed <= 150; seed++) {
    try {
      const witness = runSchedule(seed, PAPER_RULES, 3000);
      total.elections += witness.elections;
      total.committed += witness.committed.size;
      total.served += witness.served;
    } catch (cause) {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    }
  }
  // A run in which nothing happened proves nothing.
  expect(total.elections).toBeGreaterThan(300);
  expect(total.committed).toBeGreaterThan(5000);
  expect(total.served).toBeGreaterThan(3000);
});

const WRONG_RULES: readonly Pick<Defect, 'name' | 'rules'>[] = [
  ...DEFECTS.values(),
  {
    name: 'votes for a log that is behind (§5.4.1)',
    rules: {
      mayGrantVote: (q) => PAPER_RULES.mayGrantVote({ ...q, candidateLog: q.ownLog }),
      mayGrantPreVote: (q) => PAPER_RULES.mayGrantPreVote({ ...q, candidateLog: q.ownLog }),
    },
  },
  {
    name: 'reads before its own term is committed (§8)',
    rules: { mayOpenReadRound: () => true },
  },
  {
    name: 'takes leaderCommit beyond what was proved equal (§5.3)',
    rules: {
      followerCommitIndex: (s) => (s.leaderCommit > s.commitIndex ? s.leaderCommit : s.commitIndex),
    },
  },
];

test.each(WRONG_RULES)('a random schedule finds $name', ({ rules }) => {
  const seeds = 600;
  for (let seed = 1; seed <= seeds; seed++) {
    try {
      runSchedule(seed, { ...PAPER_RULES, ...rules }, 3000);
    } catch {
      return;
    }
  }
  throw new Error(`not found in ${seeds} seeds`);
});
