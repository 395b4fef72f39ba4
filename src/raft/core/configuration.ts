import { assert, defined } from '../../lib/assert.ts';
import { type LogIndex, logIndex, type NodeId } from './types.ts';

/**
 * Who votes. A quorum is always asked of a configuration, never of a number of nodes, so that
 * joint configurations (§6) can take its place.
 */
export interface Configuration {
  readonly voters: readonly NodeId[];
}

/** @throws InvariantError when there is no voter, or one twice */
export function makeConfiguration(voters: readonly NodeId[]): Configuration {
  assert(voters.length > 0, 'a configuration needs a voter');
  assert(new Set(voters).size === voters.length, 'a voter is named twice');
  return { voters };
}

export function isVoter(configuration: Configuration, node: NodeId): boolean {
  return configuration.voters.includes(node);
}

/** True when those for whom `agrees` holds are a majority of the voters. */
export function hasQuorum(
  configuration: Configuration,
  agrees: (voter: NodeId) => boolean,
): boolean {
  let agreeing = 0;
  for (const voter of configuration.voters) if (agrees(voter)) agreeing += 1;
  return agreeing >= majority(configuration);
}

/**
 * The greatest value that a majority of the voters has reached: commit by counting (§5.3), or the
 * latest instant by which a quorum was heard.
 */
export function quorumValue(configuration: Configuration, of: (voter: NodeId) => number): number {
  const { voters } = configuration;
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
  return defined(descending[majority(configuration) - 1], 'a configuration has a voter');
}

/** Room for one answer of `quorumValue`; nothing is left in it for the next. */
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

function majority(configuration: Configuration): number {
  return Math.floor(configuration.voters.length / 2) + 1;
}
