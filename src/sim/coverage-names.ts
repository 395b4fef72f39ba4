/** What one counter of a search counts. */
export interface Counter {
  /** One line: what happened, once for each count. */
  readonly says: string;
  /** The smallest cluster in which it can happen; 1 when it is not said. */
  readonly nodes?: number;
}

/** Seen in the steps of nodes. */
const STEPS = {
  'pre-vote-started': { says: 'a node asked whether it could win an election', nodes: 2 },
  'pre-vote-failed': { says: 'a node waited for pre-votes in vain, and asked again', nodes: 2 },
  'pre-vote-refused': { says: 'a node refused a pre-vote', nodes: 2 },
  'pre-vote-refused-older-log': {
    says: 'a pre-vote was refused, since the log of who asked is behind',
    nodes: 2,
  },
  'pre-vote-refused-disturbance': {
    says: 'a pre-vote was refused, since a leader was heard lately',
    nodes: 2,
  },
  'election-started': { says: 'a candidate began a new term' },
  'election-won': { says: 'a candidate was elected' },
  'election-failed': { says: 'a candidate waited for votes in vain', nodes: 2 },
  'split-vote': { says: 'two candidates of a term failed, and nobody was elected in it', nodes: 3 },
  'candidate-gave-way': { says: 'a candidate followed the leader that its term has', nodes: 3 },
  'vote-granted': { says: 'a node voted for another one', nodes: 2 },
  'vote-refused-older-log': {
    says: 'a vote was refused, since the log of the candidate is behind',
    nodes: 3,
  },
  'vote-refused-given-already': {
    says: 'a vote was refused, since another candidate has it',
    nodes: 3,
  },
  'vote-refused-disturbance': {
    says: 'a vote was refused, since a leader was heard lately',
    nodes: 3,
  },
  'vote-refused-older-term': { says: 'a vote was refused, since its term is over', nodes: 3 },
  'stepped-down-without-quorum': {
    says: 'a leader had not heard from a quorum, and stepped down',
    nodes: 2,
  },
  'stepped-down-for-higher-term': { says: 'a leader heard of a higher term', nodes: 2 },
  'conflict-truncated': { says: 'a log was truncated where it differed from the leader', nodes: 3 },
  'entry-truncated': { says: 'an entry was replaced or removed by that', nodes: 3 },
  'append-rejected': { says: 'an append did not fit on the log of its receiver', nodes: 2 },
  'append-of-older-term': { says: 'an append of an older term was answered', nodes: 3 },
  'append-repeated': { says: 'an append brought only what the log already ends with', nodes: 2 },
  'append-older': { says: 'an append brought a prefix of what the log has', nodes: 2 },
  'probe-after-rejection': { says: 'a leader looked for where a log agrees', nodes: 2 },
  'probe-after-disconnection': { says: 'a leader lost a connection to a follower', nodes: 2 },
  'append-batched': { says: 'one append took several entries along', nodes: 2 },
  'append-pipelined': { says: 'an append left before the one before it was answered', nodes: 2 },
  'older-term-committed-with-newer': {
    says: "an entry of an older term was committed by one of the leader's own",
    nodes: 2,
  },
  'figure-8': {
    says: 'a later leader brought an older entry to a majority, where counting must not commit it',
    nodes: 3,
  },
  'read-round-opened': { says: 'a leader asked a quorum before it answers reads', nodes: 2 },
  'read-round-joined': { says: 'one round answered more than one read', nodes: 2 },
  'read-waited-for-own-commit': {
    says: 'a read waited until its leader had committed in its own term',
    nodes: 2,
  },
  'read-refused-leadership-lost': {
    says: 'a read was refused: who took it leads no more',
    nodes: 2,
  },
  'read-refused-leader-lost': {
    says: 'a read at a follower was refused: its leader was lost, or did not confirm it',
    nodes: 2,
  },
  'read-index-asked': { says: 'a follower asked its leader for a read index', nodes: 2 },
  'read-index-refused': { says: 'a follower asked who does not lead, or leads no more', nodes: 2 },
  'read-index-batched': { says: 'one answer of the leader confirmed several reads', nodes: 2 },
  'follower-read-served': { says: 'a follower may answer a linearizable read', nodes: 2 },
  'follower-read-committed': {
    says: 'a follower learnt what is committed from the answer to its question',
    nodes: 2,
  },
  'lease-read-served': { says: 'a leader confirmed a read by its lease' },
  'lease-read-at-follower': {
    says: "a leader confirmed a follower's read by its lease",
    nodes: 2,
  },
  'lease-lapsed-fell-back': {
    says: 'a lease read went through a round: its leader held no lease',
    nodes: 2,
  },
  'lease-given-up': {
    says: 'a leader that hands over confirmed a lease read by a round',
    nodes: 2,
  },
  'transfer-completed': { says: 'leadership was handed over to whom it was to', nodes: 2 },
  'transfer-aborted': { says: 'a transfer of leadership came to nothing', nodes: 2 },
  'transfer-refused': { says: 'a transfer of leadership was not even begun', nodes: 2 },
  'transfer-election-won': { says: 'whom its leader asked to stand was elected', nodes: 2 },
  'transfer-vote-overrode': {
    says: 'a node that hears a leader voted for the successor that this leader wants',
    nodes: 2,
  },
  'timeout-now-late': { says: 'who was asked to stand did not: it was too late', nodes: 2 },
  'refused-while-transferring': {
    says: 'a proposal was put off: its leader is handing over',
    nodes: 2,
  },
  'proposals-together': { says: 'a leader appended several proposals in one step' },
  'proposal-refused': { says: 'a proposal was refused: its node does not lead', nodes: 2 },
  'proposal-replaced': { says: 'another entry was committed in the place of a proposal', nodes: 3 },
} as const;

/** Seen in the steps of nodes, where the membership changes (§6). */
const MEMBERSHIP = {
  'learner-added': { says: 'a leader took new members on as learners' },
  'learner-caught-up': { says: 'learners had caught up, and were let into a joint configuration' },
  'learner-given-up': { says: 'learners did not catch up, and their change was given up' },
  'configuration-appended': { says: 'a leader appended a configuration' },
  'configuration-committed': { says: 'a leader committed a configuration that is not joint' },
  'configuration-rolled-back': { says: 'a configuration was truncated with its entry', nodes: 3 },
  'joint-committed': { says: 'a leader committed a joint configuration', nodes: 2 },
  'committed-by-both-majorities': {
    says: 'an entry was committed while two majorities were needed',
    nodes: 2,
  },
  'elected-while-joint': { says: 'a leader was elected by two majorities', nodes: 2 },
  'elected-without-own-vote': {
    says: 'a node that is no part of the configuration in its log was elected to commit it',
    nodes: 2,
  },
  'change-finished-by-new-leader': {
    says: 'a new leader went on with the change of one before it',
    nodes: 2,
  },
  'change-refused': { says: 'a change of the membership was refused' },
  'leader-removed-itself': { says: 'a leader committed that it left, and stepped down', nodes: 2 },
  'node-joined-empty': { says: 'a node that knew no cluster was told of one', nodes: 2 },
  'removed-node-asked-for-vote': {
    says: 'a node was asked for a vote by one that is no member any more',
    nodes: 2,
  },
  'vote-for-unknown-candidate': {
    says: 'a node voted for a candidate that it did not know as a member',
    nodes: 2,
  },
} as const;

/** Seen where clients' requests reach nodes. */
const REQUESTS = {
  'request-forwarded': { says: 'a node handed a request to the leader', nodes: 2 },
  'request-without-leader': { says: 'a request was refused: no leader is known', nodes: 2 },
  'forwarded-answer-lost': { says: 'a forwarded request was never answered', nodes: 2 },
  'request-timed-out': { says: 'a request of the node itself was not answered in time' },
  'request-lost-with-node': { says: 'a node stopped before it answered a request' },
  'session-retry-answered': {
    says: 'a client asked for a number of its session again, and was answered',
  },
} as const;

/** Seen where entries are applied; each entry counts once. */
const ENTRIES = {
  'cas-not-applied': { says: 'a CAS found another value than it asked for' },
  'session-opened': { says: 'a client opened a session' },
  'session-expired': { says: 'a session that nobody used was cleared away' },
  'session-refused': { says: 'a write was refused, since its session is over or past its number' },
  'duplicate-entry-applied-once': {
    says: 'a number of a session stood in the log again, and had no effect',
  },
  'lock-granted': { says: 'a lock was granted' },
  'lock-refused': { says: 'a lock was asked for while it was held' },
  'lock-expired': { says: 'a lock that nobody released was cleared away' },
  'txn-succeeded': { says: 'the compares of a transaction held' },
  'txn-failed-branch': { says: 'the compares of a transaction did not hold' },
} as const;

/** Seen where nodes write, stop and start. */
const LIVES = {
  'group-commit': { says: 'one sync made the records of several steps durable' },
  'segment-rotated': { says: 'a log went on in a new segment' },
  restarted: { says: 'a node started again' },
  'torn-tail-cut': { says: 'a start cut off a write that a crash had interrupted' },
  killed: { says: 'a process ended; what it wrote stays in the page cache' },
  'power-failure': { says: 'a node lost its power' },
  'stopped-by-disk': { says: 'a node stopped, since its disk failed' },
  'start-failed': { says: 'a start ended with a disk that failed' },
  'start-refused': { says: 'a node refused to start on a damaged disk' },
  'crashed-in-recovery': { says: 'a node went down before it had read its disk' },
} as const;

/** Seen where snapshots are taken, sent and installed. */
const SNAPSHOTS = {
  'snapshot-taken': { says: 'a node wrote a snapshot of its state' },
  'snapshot-abandoned': { says: 'a snapshot was not taken, or not received, to its end' },
  'log-compacted': { says: 'entries that a snapshot holds left a log' },
  'segment-removed': { says: 'a segment of a log was removed: a snapshot holds what it held' },
  'snapshot-restored': { says: 'a node started from a snapshot' },
  'snapshot-replaced-log-at-start': {
    says: 'a snapshot was on the disk, and the log did not know of it yet',
    nodes: 2,
  },
  'snapshot-sent': { says: 'a leader began to send a snapshot', nodes: 2 },
  'snapshot-resumed': { says: 'a snapshot went on where it had been interrupted', nodes: 2 },
  'snapshot-older-ignored': {
    says: 'a snapshot came to a node that had committed as much already',
    nodes: 2,
  },
  'snapshot-received': { says: 'a whole snapshot was on the disk of a follower', nodes: 2 },
  'snapshot-installed': { says: "a snapshot took the place of a follower's state", nodes: 2 },
  'snapshot-damaged-fell-back': {
    says: 'a snapshot was damaged, and an older one or the log took its place',
    nodes: 3,
  },
  'snapshot-damaged-on-the-way': {
    says: 'a follower found the snapshot damaged that it was sent',
    nodes: 3,
  },
  'crash-while-snapshotting': { says: 'a node went down while it wrote a snapshot' },
  'crash-while-receiving': { says: 'a node went down while it received a snapshot', nodes: 2 },
  'crash-while-installing': {
    says: 'a node went down between a snapshot on its disk and the log that begins behind it',
    nodes: 2,
  },
} as const;

/** Told by the disks: `DISK_COUNTERS`. */
const DISKS = {
  'torn-none': { says: 'a power failure lost an unsynced write' },
  'torn-prefix': { says: 'a power failure left the beginning of an unsynced write' },
  'torn-whole': { says: 'an unsynced write survived a power failure' },
  'torn-holes': { says: 'a power failure left an unsynced write with holes' },
  'name-kept': { says: 'an unsynced change of a name survived a power failure' },
  'name-lost': { says: 'a power failure took a change of a name back' },
  'cache-kept': { says: 'a process ended, and what it had not synced stayed in the page cache' },
  'ghost-read': { says: 'a read was answered with bytes that a failed sync had dropped' },
  'cache-evicted': { says: 'the cache forgot bytes that a failed sync had dropped' },
  'sync-failed': { says: 'the sync of a file failed' },
  'directory-sync-failed': { says: 'the sync of a directory failed' },
  'read-failed': { says: 'a read failed' },
  'allocation-failed': { says: 'no segment could be prepared' },
  'disk-full': { says: 'an append found the disk full' },
  'bit-flipped': { says: 'a bit of synced data changed', nodes: 3 },
} as const;

/** Told by the network, the clocks and the processes. */
const MACHINES = {
  'connection-made': { says: 'a node connected to a peer', nodes: 2 },
  'connection-reset': { says: 'a connection was reset', nodes: 2 },
  'connection-half-open': { says: 'a peer lost its power, and nobody said so', nodes: 2 },
  'connection-stalled': { says: 'a sender gave up a connection that took nothing', nodes: 2 },
  'dial-timed-out': { says: 'nobody answered a dial', nodes: 2 },
  'message-lost': { says: 'a message was lost', nodes: 2 },
  'message-duplicated': { says: 'a message arrived twice', nodes: 2 },
  'message-overtaken': { says: 'a message arrived behind a later one', nodes: 2 },
  'message-held': { says: 'a message waited for a cut to heal', nodes: 2 },
  'message-dropped': { says: 'a message was lost with its connection or its receiver', nodes: 2 },
  'node-paused': { says: 'a process was stopped, and lives' },
  'node-resumed': { says: 'a stopped process went on' },
  'power-failure-while-down': { says: 'the page cache of a dead process was lost, too' },
  'clock-jumped': { says: 'a clock jumped ahead' },
  'clock-drifted': { says: 'a clock began to run fast or slow' },
  'clock-steadied': { says: 'a clock stopped running fast or slow' },
  'crashed-at-port': { says: 'a process died in a call of a port' },
  'fault-began': { says: 'a fault of the schedule began' },
  'fault-ended': { says: 'a fault of the schedule ended' },
} as const;

/** One for each call of a port; told as `crashed-at-port`, whose detail ends with the call. */
const CRASHES = {
  'crashed-at-Disk.list': { says: 'a process died while it listed its files' },
  'crashed-at-Disk.read': { says: 'a process died while it read a file' },
  'crashed-at-Disk.append': { says: 'a process died in an append' },
  'crashed-at-Disk.sync': { says: 'a process died in a sync' },
  'crashed-at-Disk.rename': { says: 'a process died in a rename' },
  'crashed-at-Disk.remove': { says: 'a process died while it removed a file' },
  'crashed-at-Disk.syncDirectory': { says: 'a process died in the sync of its directory' },
  'crashed-at-Network.send': { says: 'a process died while it sent a message', nodes: 2 },
  'crashed-at-Scheduler.wakeAt': { says: 'a process died while it set its timer' },
  'crashed-at-Scheduler.soon': { says: 'a process died while it asked for its next turn' },
  'crashed-at-Disk.readAt': { says: 'a process died while it read a part of a snapshot' },
  'crashed-at-Disk.allocate': { says: 'a process died while it prepared a segment' },
} as const;

/** What faults and chance tell of (`Happening.kind`). */
export type HappeningKind = keyof typeof DISKS | keyof typeof MACHINES;

export type CoverageName =
  | keyof typeof STEPS
  | keyof typeof MEMBERSHIP
  | keyof typeof REQUESTS
  | keyof typeof ENTRIES
  | keyof typeof LIVES
  | keyof typeof SNAPSHOTS
  | keyof typeof CRASHES
  | HappeningKind;

/** Everything that a large search must have seen, by name. */
export const COVERAGE: Readonly<Record<CoverageName, Counter>> = {
  ...STEPS,
  ...MEMBERSHIP,
  ...REQUESTS,
  ...ENTRIES,
  ...LIVES,
  ...SNAPSHOTS,
  ...DISKS,
  ...MACHINES,
  ...CRASHES,
};

export const COVERAGE_NAMES: readonly CoverageName[] = Object.keys(COVERAGE) as CoverageName[];
