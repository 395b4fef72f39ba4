import { assert, defined } from '../../lib/assert.ts';
import { type LogIndex, logIndex, type NodeId } from './types.ts';

/**
 * Who belongs to the cluster. A quorum is always asked of a configuration, never of a number of
 * nodes, so that joint configurations (§6) take its place wherever one counts.
 */
export interface Configuration {
  /** C_new while joint. Empty only at a node that waits to be told of its cluster. */
  readonly voters: readonly NodeId[];
  /** C_old while joint: a majority of these is needed as well. Otherwise empty. */
  readonly outgoing: readonly NodeId[];
  /** Are sent the log, and do not vote. None of them is a voter. */
  readonly learners: readonly NodeId[];
  /** Where members listen for their peers, `HOST:PORT`, as far as it was told. */
  readonly addresses: ReadonlyMap<NodeId, string>;
}

/** What a node knows that starts empty, to join a cluster: it stands for no election, and waits. */
export const NO_CONFIGURATION: Configuration = {
  voters: [],
  outgoing: [],
  learners: [],
  addresses: new Map(),
};

/** @throws InvariantError when there is no voter, one is named twice, or a learner votes */
export function makeConfiguration(
  voters: readonly NodeId[],
  more: Partial<Omit<Configuration, 'voters'>> = {},
): Configuration {
  const configuration = { ...NO_CONFIGURATION, voters, ...more };
  const { outgoing, learners } = configuration;
  assert(voters.length > 0, 'a configuration needs a voter');
  for (const list of [voters, outgoing, learners]) {
    assert(new Set(list).size === list.length, 'a member is named twice');
  }
  assert(!learners.some((learner) => isVoter(configuration, learner)), 'a learner does not vote');
  return configuration;
}

/** Two majorities are needed. Raft §6. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.outgoing.length > 0;
}

/** In either half of a joint configuration. */
export function isVoter(configuration: Configuration, node: NodeId): boolean {
  return configuration.voters.includes(node) || configuration.outgoing.includes(node);
}

/** Is sent the log: votes, or learns. */
export function isMember(configuration: Configuration, node: NodeId): boolean {
  return isVoter(configuration, node) || configuration.learners.includes(node);
}

/** Everybody who votes in either half, each once. */
export function allVoters({ voters, outgoing }: Configuration): readonly NodeId[] {
  if (outgoing.length === 0) return voters;
  return [...voters, ...outgoing.filter((node) => !voters.includes(node))];
}

/** Everybody who is sent the log, each once: voters, then learners. */
export function members(configuration: Configuration): readonly NodeId[] {
  const { learners } = configuration;
  const voters = allVoters(configuration);
  return learners.length === 0 ? voters : [...voters, ...learners];
}

/** True when those for whom `agrees` holds are a majority of the voters; while joint, of both halves. */
export function hasQuorum(
  configuration: Configuration,
  agrees: (voter: NodeId) => boolean,
): boolean {
  const { voters, outgoing } = configuration;
  if (!isMajority(voters, agrees)) return false;
  return outgoing.length === 0 || isMajority(outgoing, agrees);
}

function isMajority(voters: readonly NodeId[], agrees: (voter: NodeId) => boolean): boolean {
  let agreeing = 0;
  for (const voter of voters) if (agrees(voter)) agreeing += 1;
  return agreeing >= majority(voters);
}

/**
 * The greatest value that a majority of the voters has reached, and while joint a majority of both
 * halves: commit by counting (§5.3, §6), or the latest instant by which a quorum was heard.
 * -Infinity where nobody votes.
 */
export function quorumValue(configuration: Configuration, of: (voter: NodeId) => number): number {
  const { voters, outgoing } = configuration;
  const value = majorityValue(voters, of);
  return outgoing.length === 0 ? value : Math.min(value, majorityValue(outgoing, of));
}

function majorityValue(voters: readonly NodeId[], of: (voter: NodeId) => number): number {
  if (voters.length === 0) return -Infinity;
  // Sorted while it is filled: this is asked several times in every step, of a handful of voters.
  let count = 0;
  for (const voter of voters) {
    const value = of(voter);
    let at = count++;
    for (; at > 0; at--) {
      const before = defined(descending[at - 1], 'inside the array');
      if (before >= value) break;
      descending[at] = before;
    }
    descending[at] = value;
  }
  return defined(descending[majority(voters) - 1], 'a configuration has a voter');
}

/** Room for one answer of `majorityValue`; nothing is left in it for the next. */
const descending: number[] = [];

/**
 * Highest index stored on a quorum.
 *
 * @see Raft §5.3, §5.4.2. The caller must also check that entry's term: counting replicas
 *   commits only entries of the leader's current term.
 */
export function quorumIndex(
  configuration: Configuration,
  matchIndex: (voter: NodeId) => LogIndex,
): LogIndex {
  return logIndex(quorumValue(configuration, matchIndex));
}

/** The same nodes, in any order. */
export function isSameSet(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((node) => b.includes(node));
}

function majority(voters: readonly NodeId[]): number {
  return Math.floor(voters.length / 2) + 1;
}
