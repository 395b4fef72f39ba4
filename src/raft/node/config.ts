import { formatDuration, parseDuration, parseDurationRange } from '../../lib/duration.ts';
import { UserError } from '../../lib/user-error.ts';
import { CONSISTENCIES, type Consistency } from '../driver/requests.ts';
import type { FsyncMode } from '../driver/wal.ts';

/** Everything about the node that people tune, with units in the names. */
export interface Tunables {
  readonly heartbeatIntervalNs: number;
  readonly electionTimeout: { readonly minNs: number; readonly maxNs: number };
  readonly maxEntriesPerAppend: number;
  readonly maxInflightAppends: number;
  readonly fsync: FsyncMode;
  readonly fsyncIntervalNs: number;
  readonly readMode: Consistency;
  readonly requestTimeoutNs: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leaseDriftPpm: number;
}

const FSYNC_MODES = ['always', 'interval', 'never'] as const satisfies readonly FsyncMode[];

interface Tunable<K extends keyof Tunables> {
  readonly name: string;
  readonly field: K;
  readonly fallback: string;
  /** What a value looks like, with its bounds. */
  readonly form: string;
  readonly meaning: string;
  /** Undefined when the text is not of the form, or out of bounds. */
  readonly parse: (text: string) => Tunables[K] | undefined;
}

function duration(
  min: string,
  max: string,
): { form: string; parse: (t: string) => number | undefined } {
  const minNs = parseDuration(min) ?? 0;
  const maxNs = parseDuration(max) ?? Infinity;
  return {
    form: `a duration from ${min} to ${max}`,
    parse(text) {
      const ns = parseDuration(text);
      return ns === undefined || ns < minNs || ns > maxNs ? undefined : ns;
    },
  };
}

function integer(
  min: number,
  max: number,
): { form: string; parse: (t: string) => number | undefined } {
  return {
    form: `a whole number from ${min} to ${max}`,
    parse(text) {
      const value = /^\d+$/.test(text) ? Number(text) : NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

const SWITCH: { form: string; parse: (t: string) => boolean | undefined } = {
  form: 'on or off',
  parse: (text) => (text === 'on' ? true : text === 'off' ? false : undefined),
};

/** Half a clock's rate: whatever is more wrong keeps no time. */
const DRIFT_PPM_MAX = 500_000;

/** `500ppm`, `1%`. */
function parseDrift(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ppm|%)$/.exec(text);
  if (match === null) return undefined;
  const ppm = Number(match[1]) * (match[2] === '%' ? 10_000 : 1);
  return ppm <= DRIFT_PPM_MAX ? ppm : undefined;
}

function oneOf<T extends string>(
  words: readonly T[],
): { form: string; parse: (t: string) => T | undefined } {
  return {
    form: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  };
}

const ELECTION_TIMEOUT_NS = { min: 10_000_000, max: 60_000_000_000 };

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
    form: 'a range of durations from 10ms to 60s, such as 150..300ms',
    meaning:
      'how long a follower waits for its leader, and a candidate for votes; random each time',
    parse(text) {
      const range = parseDurationRange(text);
      if (range === undefined || range.minNs < ELECTION_TIMEOUT_NS.min) return undefined;
      return range.maxNs > ELECTION_TIMEOUT_NS.max ? undefined : range;
    },
  },
  {
    name: 'raft.maxEntriesPerAppend',
    field: 'maxEntriesPerAppend',
    fallback: '64',
    meaning: 'log entries in one AppendEntries',
    ...integer(1, 65_536),
  },
  {
    name: 'raft.maxInflightAppends',
    field: 'maxInflightAppends',
    fallback: '16',
    meaning: 'AppendEntries with entries on the way to one follower at a time',
    ...integer(1, 4096),
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
    fallback: 'on',
    meaning:
      'asks whether an election could be won before a term begins; off: who was cut off and comes ' +
      'back brings a higher term along, and costs the others an election',
    ...SWITCH,
  },
  {
    name: 'raft.checkQuorum',
    field: 'checkQuorum',
    fallback: 'on',
    meaning:
      'a leader that hears no quorum steps down, and who hears a leader votes for nobody else; off: ' +
      'neither, and no leases. The same on all nodes',
    ...SWITCH,
  },
  {
    name: 'raft.leaseDrift',
    field: 'leaseDriftPpm',
    fallback: '1%',
    form: 'a share such as 500ppm or 1%, from 0% to 50%',
    meaning:
      'how wrong the rate of any clock may be; leases are shorter by it, and reads by them are ' +
      'linearizable only while it holds',
    parse: parseDrift,
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
    maxInflightAppends: value(settings, 'maxInflightAppends'),
    fsync: value(settings, 'fsync'),
    fsyncIntervalNs: value(settings, 'fsyncIntervalNs'),
    readMode: value(settings, 'readMode'),
    requestTimeoutNs: value(settings, 'requestTimeoutNs'),
    preVote: value(settings, 'preVote'),
    checkQuorum: value(settings, 'checkQuorum'),
    leaseDriftPpm: value(settings, 'leaseDriftPpm'),
  };
  if (tunables.readMode === 'lease' && !tunables.checkQuorum) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E066',
      what: 'raft.readMode=lease does not go with raft.checkQuorum=off',
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
  return tunables;
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
