import { formatDuration } from '../../lib/duration.ts';
import { UserError } from '../../lib/user-error.ts';
import { CONSISTENCIES, type Consistency } from '../driver/requests.ts';
import type { FsyncMode } from '../driver/wal.ts';
import {
  duration,
  durationRange,
  type Form,
  integer,
  oneOf,
  partsPerMillion,
  size,
  TRUE_OR_FALSE,
} from './setting-forms.ts';

/** Everything about the node that people tune, with units in the names. */
export interface Tunables {
  readonly heartbeatIntervalNs: number;
  readonly electionTimeout: { readonly minNs: number; readonly maxNs: number };
  readonly maxEntriesPerAppend: number;
  readonly maxBytesPerAppend: number;
  readonly maxInflightAppends: number;
  readonly batchDelayNs: number;
  readonly fsync: FsyncMode;
  readonly fsyncIntervalNs: number;
  readonly snapshotThreshold: number;
  readonly snapshotTrailing: number;
  readonly readMode: Consistency;
  readonly sessionExpiryNs: number;
  readonly requestTimeoutNs: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseDriftPpm: number;
  readonly changeTimeoutNs: number;
  readonly followers: FollowerMode;
  readonly maxKeyBytes: number;
  readonly maxValueBytes: number;
  readonly maxBodyBytes: number;
  readonly maxPendingRequests: number;
  readonly maxClientConnections: number;
}

/**
 * What Node is started with to run a node. Requests leave much garbage; with the default size of the
 * young generation most of it is held until the old one is collected: 50 000 writes of 200 bytes and a
 * follower that catches up by a snapshot took the leader to 300 to 340 MB, so to 176 and 188 MB. With half
 * of it a write at 64 connections takes more CPU on three nodes: 42.6 instead of 39.6 µs, 50.7 instead of 43.3.
 */
export const RUNTIME_FLAGS: readonly string[] = ['--max-semi-space-size=8'];

const FSYNC_MODES = ['always', 'interval', 'never'] as const satisfies readonly FsyncMode[];

interface Tunable<K extends keyof Tunables> extends Form<Tunables[K]> {
  readonly name: string;
  readonly field: K;
  readonly fallback: string;
  readonly meaning: string;
}

/** What a node does with a client's request that is its leader's to serve. */
export const FOLLOWER_MODES = ['forward', 'redirect'] as const;
export type FollowerMode = (typeof FOLLOWER_MODES)[number];

type AnyTunable = { [K in keyof Tunables]: Tunable<K> }[keyof Tunables];

/** The schema: one row per tunable, `--set NAME=VALUE`. */
export const TUNABLES: readonly AnyTunable[] = [
  {
    name: 'raft.heartbeatInterval',
    field: 'heartbeatIntervalNs',
    fallback: '100ms',
    meaning: 'how often an idle leader lets its followers hear from it',
    ...duration('1ms', '10s'),
  },
  {
    name: 'raft.electionTimeout',
    field: 'electionTimeout',
    fallback: '1000..2000ms',
    meaning:
      'how long a follower waits for its leader, and a candidate for votes; random each time',
    ...durationRange('10ms', '60s'),
  },
  {
    name: 'raft.maxEntriesPerAppend',
    field: 'maxEntriesPerAppend',
    fallback: '64',
    meaning: 'log entries in one AppendEntries',
    ...integer(1, 65_536),
  },
  {
    name: 'raft.maxBytesPerAppend',
    field: 'maxBytesPerAppend',
    fallback: '1MiB',
    meaning: 'bytes of log entries in one AppendEntries; one entry goes whatever its size',
    ...size('1KiB', '8MiB'),
  },
  {
    name: 'raft.maxInflightAppends',
    field: 'maxInflightAppends',
    fallback: '16',
    meaning: 'AppendEntries with entries on the way to one follower at a time',
    ...integer(1, 4096),
  },
  {
    name: 'raft.batchDelay',
    field: 'batchDelayNs',
    fallback: '0ms',
    meaning:
      'how long a leader waits for more writes before it appends one; the disk gathers them anyway',
    ...duration('0ms', '1s'),
  },
  {
    name: 'raft.fsync',
    field: 'fsync',
    fallback: 'always',
    meaning:
      'always: before anything is acknowledged; interval, never: a power failure loses writes',
    ...oneOf(FSYNC_MODES),
  },
  {
    name: 'raft.fsyncInterval',
    field: 'fsyncIntervalNs',
    fallback: '100ms',
    meaning: 'how often raft.fsync=interval syncs',
    ...duration('1ms', '60s'),
  },
  {
    name: 'raft.snapshotThreshold',
    field: 'snapshotThreshold',
    fallback: '10000',
    meaning: 'entries that are applied between one snapshot of the state and the next',
    ...integer(100, 1_000_000_000),
  },
  {
    name: 'raft.snapshotTrailing',
    field: 'snapshotTrailing',
    fallback: '20000',
    meaning:
      'entries that the log keeps behind a snapshot, so that a slow follower, or a node whose newest ' +
      'snapshot is damaged, needs no other',
    ...integer(0, 1_000_000_000),
  },
  {
    name: 'raft.readMode',
    field: 'readMode',
    fallback: 'linearizable',
    meaning: 'consistency of reads that do not say which they want',
    ...oneOf(CONSISTENCIES),
  },
  {
    name: 'raft.requestTimeout',
    field: 'requestTimeoutNs',
    fallback: '1s',
    meaning: 'how long a request waits before the node answers that its outcome is unknown',
    ...duration('10ms', '60s'),
  },
  {
    name: 'raft.preVote',
    field: 'preVote',
    fallback: 'true',
    meaning:
      'asks whether an election could be won before a term begins; false: who was cut off and comes ' +
      'back brings a higher term along, and costs the others an election',
    ...TRUE_OR_FALSE,
  },
  {
    name: 'raft.checkQuorum',
    field: 'checkQuorum',
    fallback: 'true',
    meaning:
      'a leader that hears no quorum steps down, and who hears a leader votes for nobody else; false: ' +
      'neither, and no leases. The same on all nodes',
    ...TRUE_OR_FALSE,
  },
  {
    name: 'raft.leaseDrift',
    field: 'leaseDriftPpm',
    fallback: '1%',
    meaning:
      'how wrong the rate of any clock may be; leases are shorter by it, and reads by them are ' +
      'linearizable only while it holds',
    ...partsPerMillion(500_000),
  },
  {
    name: 'raft.changeTimeout',
    field: 'changeTimeoutNs',
    fallback: '60s',
    meaning:
      'how long a change of the membership waits for its answer; new members have half of it to catch up',
    ...duration('100ms', '1h'),
  },
  {
    name: 'raft.sessionExpiry',
    field: 'sessionExpiryNs',
    fallback: '60s',
    meaning: 'how long a session outlives the last write with it, in the time that the log counts',
    ...duration('1s', '24h'),
  },
  {
    name: 'raft.followers',
    field: 'followers',
    fallback: 'forward',
    meaning:
      'what a follower does with a request for its leader: hand it on, or answer 307 with its address',
    ...oneOf(FOLLOWER_MODES),
  },
  {
    name: 'raft.maxKeyBytes',
    field: 'maxKeyBytes',
    fallback: '512B',
    meaning: 'the longest key, in bytes of UTF-8; a longer one is answered 400',
    ...size('1B', '512B'),
  },
  {
    name: 'raft.maxValueBytes',
    field: 'maxValueBytes',
    fallback: '256KiB',
    meaning: 'the longest value, in bytes of UTF-8; a longer one is answered 413',
    ...size('1B', '256KiB'),
  },
  {
    name: 'raft.maxBodyBytes',
    field: 'maxBodyBytes',
    fallback: '4MiB',
    meaning: 'the longest body of a request; JSON may need six bytes for one of a value',
    ...size('1KiB', '8MiB'),
  },
  {
    name: 'raft.maxPendingRequests',
    field: 'maxPendingRequests',
    fallback: '10000',
    meaning: 'requests of clients that wait for their answer; one more is answered 503 at once',
    ...integer(1, 1_000_000),
  },
  {
    name: 'raft.maxClientConnections',
    field: 'maxClientConnections',
    fallback: '4096',
    meaning: 'connections of clients at a time; one more is closed at once',
    ...integer(1, 65_536),
  },
];

/**
 * Settings by name over the defaults.
 *
 * @throws UserError (`usage`) for an unknown name, a value not of its form, or values that do not go together
 */
export function parseTunables(settings: Readonly<Record<string, string>>): Tunables {
  for (const name of Object.keys(settings)) {
    if (TUNABLES.some((tunable) => tunable.name === name)) continue;
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E051',
      what: `setting ${name} is not known`,
      why: `the raft target knows ${TUNABLES.map((tunable) => tunable.name).join(', ')}`,
      fix: 'correct the name after --set',
    });
  }
  const tunables: Tunables = {
    heartbeatIntervalNs: value(settings, 'heartbeatIntervalNs'),
    electionTimeout: value(settings, 'electionTimeout'),
    maxEntriesPerAppend: value(settings, 'maxEntriesPerAppend'),
    maxBytesPerAppend: value(settings, 'maxBytesPerAppend'),
    maxInflightAppends: value(settings, 'maxInflightAppends'),
    batchDelayNs: value(settings, 'batchDelayNs'),
    fsync: value(settings, 'fsync'),
    fsyncIntervalNs: value(settings, 'fsyncIntervalNs'),
    snapshotThreshold: value(settings, 'snapshotThreshold'),
    snapshotTrailing: value(settings, 'snapshotTrailing'),
    readMode: value(settings, 'readMode'),
    sessionExpiryNs: value(settings, 'sessionExpiryNs'),
    requestTimeoutNs: value(settings, 'requestTimeoutNs'),
    preVote: value(settings, 'preVote'),
    checkQuorum: value(settings, 'checkQuorum'),
    leaseDriftPpm: value(settings, 'leaseDriftPpm'),
    changeTimeoutNs: value(settings, 'changeTimeoutNs'),
    followers: value(settings, 'followers'),
    maxKeyBytes: value(settings, 'maxKeyBytes'),
    maxValueBytes: value(settings, 'maxValueBytes'),
    maxBodyBytes: value(settings, 'maxBodyBytes'),
    maxPendingRequests: value(settings, 'maxPendingRequests'),
    maxClientConnections: value(settings, 'maxClientConnections'),
  };
  checkTogether(tunables);
  return tunables;
}

/** What each value alone does not show. */
function checkTogether(tunables: Tunables): void {
  if (tunables.readMode === 'lease' && !tunables.checkQuorum) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E066',
      what: 'raft.readMode=lease does not go with raft.checkQuorum=false',
      why: 'a lease is built on voters that refuse to depose a leader they hear',
      fix: 'leave raft.checkQuorum on, or set raft.readMode=linearizable',
    });
  }
  if (tunables.electionTimeout.minNs < 2 * tunables.heartbeatIntervalNs) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E053',
      what: 'the election timeout is too short for the heartbeat interval',
      why: `followers would give up on a leader that sends every ${formatDuration(tunables.heartbeatIntervalNs)}`,
      fix: 'set raft.electionTimeout to at least twice raft.heartbeatInterval',
    });
  }
  if (tunables.maxBodyBytes < tunables.maxValueBytes) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E053',
      what: 'no value of raft.maxValueBytes fits into a body of raft.maxBodyBytes',
      why: `${tunables.maxValueBytes} bytes are more than ${tunables.maxBodyBytes}`,
      fix: 'set raft.maxBodyBytes to several times raft.maxValueBytes',
    });
  }
  if (tunables.batchDelayNs >= tunables.requestTimeoutNs) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E053',
      what: 'raft.batchDelay is as long as raft.requestTimeout',
      why: 'every write would time out before it is appended',
      fix: 'set raft.batchDelay well below raft.requestTimeout',
    });
  }
}

/** Every tunable by name with the text that counts. @throws UserError as `parseTunables` */
export function resolveSettings(
  settings: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  parseTunables(settings);
  return Object.fromEntries(
    TUNABLES.map(({ name, fallback }) => [name, settings[name] ?? fallback]),
  );
}

function value<K extends keyof Tunables>(
  settings: Readonly<Record<string, string>>,
  field: K,
): Tunables[K] {
  // The row's field is K, so its parser gives a Tunables[K]: the compiler cannot follow the find.
  const tunable = TUNABLES.find((row) => row.field === field) as unknown as Tunable<K>;
  const text = settings[tunable.name] ?? tunable.fallback;
  const parsed = tunable.parse(text);
  if (parsed !== undefined) return parsed;
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E052',
    what: `${tunable.name}=${text} is not a value of this setting`,
    why: `it takes ${tunable.form}; it is ${tunable.meaning}`,
    fix: `for example --set ${tunable.name}=${tunable.fallback}`,
  });
}
