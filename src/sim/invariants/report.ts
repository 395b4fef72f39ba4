import type { NodeId } from '../../raft/core/types.ts';
import { type Violation, ViolationError } from '../violation.ts';

export type InvariantName =
  | 'election-safety'
  | 'leader-append-only'
  | 'log-matching'
  | 'leader-completeness'
  | 'state-machine-safety'
  | 'committed-by-leader'
  | 'acknowledgement-on-disk'
  | 'acknowledged-on-majority-of-disks'
  | 'applied-never-back'
  | 'commit-never-back'
  | 'disk-term-never-back'
  | 'vote-kept'
  | 'vote-for-complete-log'
  | 'synced-found-again'
  | 'read-confirmed'
  | 'read-reflects-acknowledged'
  | 'applied-alike'
  | 'session-once'
  | 'lock-fenced'
  | 'lease-exclusive'
  | 'one-change-at-a-time'
  | 'elected-by-quorum'
  | 'who-left-leads-no-more'
  | 'snapshot-of-committed'
  | 'snapshot-found-again'
  | 'snapshot-is-the-state'
  | 'compacted-behind-snapshot'
  | 'node-failed';

/** Every invariant that is held after every event of a simulated run: where it stands, and what it says. */
export const INVARIANTS: Readonly<
  Record<InvariantName, { readonly section: string; readonly says: string }>
> = {
  'election-safety': {
    section: 'Raft §5.2, Figure 3',
    says: 'at most one leader is elected in a term',
  },
  'leader-append-only': {
    section: 'Raft §5.3, Figure 3',
    says: 'a leader never overwrites or deletes entries of its own log',
  },
  'log-matching': {
    section: 'Raft §5.3, Figure 3',
    says: 'where two logs hold an entry of the same index and term, they are equal up to it',
  },
  'leader-completeness': {
    section: 'Raft §5.4, Figure 3',
    says: 'what was committed in a term is in the log of every leader of a later term',
  },
  'state-machine-safety': {
    section: 'Raft §5.4.3, Figure 3',
    says: 'nobody commits or applies another entry at an index than anybody before',
  },
  'committed-by-leader': {
    section: 'Raft §5.3, Figure 2 (AppendEntries)',
    says: 'nobody commits what no leader has committed before',
  },
  'acknowledgement-on-disk': {
    section: 'Raft §5.3, Figure 2 (persistent state)',
    says: 'what a follower acknowledges is on its disk, as the leader has it',
  },
  'acknowledged-on-majority-of-disks': {
    section: 'Raft §5.3, §8, Figure 2 (persistent state)',
    says: 'what is committed, and so acknowledged, is on the disks of a majority, and stays there',
  },
  'applied-never-back': {
    section: 'Raft Figure 2 (lastApplied)',
    says: 'a life applies the entries in order, each once, none before it is committed',
  },
  'commit-never-back': {
    section: 'Raft Figure 2 (commitIndex)',
    says: 'within a life the commit index never goes back',
  },
  'disk-term-never-back': {
    section: 'Raft §5.1, Figure 2 (currentTerm)',
    says: 'a term that is on the disk is never followed by a lower one, also not after a restart',
  },
  'vote-kept': {
    section: 'Raft §5.2, Figure 2 (votedFor)',
    says: 'a vote is on the disk before anybody hears of it, and is kept for its term through restarts',
  },
  'vote-for-complete-log': {
    section: 'Raft §5.4.1',
    says: "a vote goes only to a candidate whose log is at least as up-to-date as the voter's",
  },
  'synced-found-again': {
    section: 'Raft §5.1, Figure 2 (persistent state)',
    says: 'a node finds on its disk, when it starts, all that was synced',
  },
  'read-confirmed': {
    section: 'Raft §8, thesis §6.4',
    says: 'a linearizable read is served when a majority has heard its leader since it came',
  },
  'read-reflects-acknowledged': {
    section: 'Raft §8, thesis §6.4',
    says: 'a linearizable read reflects all that clients were told before it reached a node',
  },
  'applied-alike': {
    section: 'Raft §2 (replicated state machines)',
    says: 'an entry does the same at everybody who applies it, and answers the same',
  },
  'session-once': {
    section: 'thesis §6.3',
    says: 'a number of a session takes effect at most once, and every answer to it is the first one',
  },
  'lock-fenced': {
    section: 'Chubby (Burrows 2006) §2.4',
    says: 'a lock is granted with a greater token than any before, and to nobody while it is held',
  },
  'one-change-at-a-time': {
    section: 'Raft §6, Figure 11; thesis §4.1',
    says: 'configurations that follow each other share a server in any two quorums, each from a committed one',
  },
  'elected-by-quorum': {
    section: 'Raft §5.2, §6',
    says: 'a leader has the votes of a quorum of the configuration in its log',
  },
  'who-left-leads-no-more': {
    section: 'Raft §6',
    says: 'a leader steps down when it has committed a configuration that it is no part of',
  },
  'snapshot-of-committed': {
    section: 'Raft §7',
    says: 'a snapshot holds committed entries, all up to its last one and nothing else',
  },
  'snapshot-found-again': {
    section: 'Raft §7',
    says: 'a node begins with the newest snapshot that is on its disk, unless that was damaged',
  },
  'snapshot-is-the-state': {
    section: 'Raft §7, §5.4.3',
    says: 'the state of a snapshot is what applying the log gives, wherever it is installed',
  },
  'compacted-behind-snapshot': {
    section: 'Raft §7',
    says: 'entries leave a log only when a snapshot that holds them is on the disk',
  },
  'lease-exclusive': {
    section: 'thesis §6.4.1',
    says: 'nobody serves a read by its lease when another was elected in a later term',
  },
  'node-failed': {
    section: "the node's own assertions",
    says: 'a node stops by itself only where its disk failed or was damaged',
  },
};

/** Tells of an invariant that broke: who is concerned, and a whole sentence about what was seen. */
export type Report = (invariant: InvariantName, nodes: readonly NodeId[], sentence: string) => void;

/** What invariants need of a simulation. */
export interface Stage {
  /** Nanoseconds of simulated time. */
  now(): number;
  /** Ends the run at this event. */
  fail(error: Error): void;
}

/** Ends the run at the first report; the others of the same event follow from it. */
export function makeReport(stage: Stage, onBroken: (violation: Violation) => void): Report {
  let hasBroken = false;
  return (invariant, nodes, sentence) => {
    if (hasBroken) return;
    hasBroken = true;
    const { section } = INVARIANTS[invariant];
    const violation: Violation = { invariant, section, sentence, atNs: stage.now(), nodes };
    onBroken(violation);
    stage.fail(new ViolationError(violation));
  };
}
