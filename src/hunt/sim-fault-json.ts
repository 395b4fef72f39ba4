import type { MessageTrouble } from '../sim/link-trouble.ts';
import type {
  CrashFault,
  DiskFault,
  DiskTrouble,
  LinkChoice,
  LinkTrouble,
  MembershipAim,
  MembershipFault,
  MuteLeaderFault,
  NetworkFault,
  SimFault,
  TransferFault,
  Victims,
  YoungLeaderFault,
  YoungVoterFault,
} from '../sim/faults.ts';
import { PORT_CALLS } from '../sim/node-ports.ts';
import type { RangeNs } from '../sim/profile.ts';
import {
  list,
  Misfit,
  number,
  oneOf,
  optional,
  type Read,
  record,
  flag,
  text,
  variants,
  whole,
} from './typed-json.ts';

/** A week; what is longer was written in another unit. */
export const DURATION_NS_MAX: number = 7 * 24 * 3600 * 1e9;

export const duration: Read<number> = whole(0, DURATION_NS_MAX);

export const range: Read<RangeNs> = (value, place) => {
  const read = record<RangeNs>({ minNs: duration, maxNs: duration })(value, place);
  if (read.minNs <= read.maxNs) return read;
  throw new Misfit(place, 'its minNs is more than its maxNs');
};

const symbolic = oneOf(['one', 'leader', 'follower', 'minority', 'majority', 'all']);
const named = list(text);

const victims: Read<Victims> = (value, place) => {
  if (!Array.isArray(value)) return symbolic(value, place);
  if (value.length === 0) throw new Misfit(place, 'it names nobody');
  return named(value, place);
};

const links: Read<LinkChoice> = (value, place) =>
  typeof value === 'object' && value !== null && 'count' in value
    ? record<{ readonly count: number }>({ count: whole(1) })(value, place)
    : record<Extract<LinkChoice, { of: Victims }>>({
        of: victims,
        direction: oneOf(['sent', 'received', 'both']),
      })(value, place);

const rate = number(0, 1);

const slowLinks: Read<Extract<LinkTrouble, { type: 'slow' }>> = (value, place) => {
  const read = record<Extract<LinkTrouble, { type: 'slow' }>>({
    type: oneOf(['slow']),
    delayNs: duration,
    jitterNs: duration,
  })(value, place);
  if (read.jitterNs <= read.delayNs) return read;
  throw new Misfit(place, 'its jitterNs is more than its delayNs');
};

const network = record<NetworkFault>({
  type: oneOf(['network']),
  links,
  trouble: variants<LinkTrouble>('type', {
    messages: record<{ readonly type: 'messages' } & MessageTrouble>({
      type: oneOf(['messages']),
      lossRate: rate,
      duplicateRate: rate,
      reorderRate: rate,
      lateNsMax: duration,
    }),
    cut: record<{ readonly type: 'cut' }>({ type: oneOf(['cut']) }),
    slow: slowLinks,
    reset: record<Extract<LinkTrouble, { type: 'reset' }>>({
      type: oneOf(['reset']),
      // More often than that nothing but resets would happen.
      everyNs: whole(1000, DURATION_NS_MAX),
    }),
  }),
});

const crash = record<CrashFault>({
  type: oneOf(['crash']),
  victims,
  how: oneOf(['kill', 'power-failure']),
  call: oneOf([...PORT_CALLS, 'any']),
  nth: whole(1),
  moment: oneOf(['before', 'after']),
  again: whole(0),
});

const disk = record<DiskFault>({
  type: oneOf(['disk']),
  victims,
  trouble: variants<DiskTrouble>('type', {
    slow: record<Extract<DiskTrouble, { type: 'slow' }>>({ type: oneOf(['slow']), addNs: range }),
    full: record<Extract<DiskTrouble, { type: 'full' }>>({
      type: oneOf(['full']),
      freeBytes: whole(0),
    }),
    'failed-sync': record<Extract<DiskTrouble, { type: 'failed-sync' }>>({
      type: oneOf(['failed-sync']),
    }),
    'read-errors': record<Extract<DiskTrouble, { type: 'read-errors' }>>({
      type: oneOf(['read-errors']),
      probability: rate,
    }),
    'bit-flips': record<Extract<DiskTrouble, { type: 'bit-flips' }>>({
      type: oneOf(['bit-flips']),
      count: whole(1, 1000),
    }),
    'snapshot-flip': record<Extract<DiskTrouble, { type: 'snapshot-flip' }>>({
      type: oneOf(['snapshot-flip']),
      when: oneOf(['now', 'restart', 'read']),
    }),
  }),
});

const count = whole(1, 100);
const of = oneOf(['leader', 'follower', 'any']);

const membership = record<MembershipFault>({
  type: oneOf(['membership']),
  aim: variants<MembershipAim>('type', {
    add: record<Extract<MembershipAim, { type: 'add' }>>({ type: oneOf(['add']), count }),
    remove: record<Extract<MembershipAim, { type: 'remove' }>>({
      type: oneOf(['remove']),
      count,
      of,
    }),
    replace: record<Extract<MembershipAim, { type: 'replace' }>>({
      type: oneOf(['replace']),
      count,
      of,
    }),
    set: record<Extract<MembershipAim, { type: 'set' }>>({
      type: oneOf(['set']),
      voters: (value, place) => {
        const read = named(value, place);
        if (read.length > 0) return read;
        throw new Misfit(place, 'it names nobody');
      },
    }),
  }),
  isUndone: flag,
});

type Clock = Extract<SimFault, { type: 'clock' }>;
type Change = Clock['change'];

const death = {
  how: oneOf(['kill', 'power-failure']),
  call: oneOf([...PORT_CALLS, 'any']),
  nthMax: whole(1),
  moment: oneOf(['before', 'after']),
};

/** @throws Misfit when it is none of the simulation's faults */
export const simFault: Read<SimFault> = variants<SimFault>('type', {
  network,
  crash,
  disk,
  membership,
  'young-leader': record<YoungLeaderFault>({ type: oneOf(['young-leader']), ...death }),
  'young-voter': record<YoungVoterFault>({ type: oneOf(['young-voter']), ...death }),
  'mute-leader': record<MuteLeaderFault>({
    type: oneOf(['mute-leader']),
    afterNsMax: whole(1, DURATION_NS_MAX),
    lastsNsMax: whole(1, DURATION_NS_MAX),
  }),
  clock: record<Clock>({
    type: oneOf(['clock']),
    victims,
    change: variants<Change>('type', {
      drift: record<Extract<Change, { type: 'drift' }>>({
        type: oneOf(['drift']),
        // A clock that stands still, or goes back, is none.
        partsPerMillion: whole(-999_999, 10_000_000),
      }),
      jump: record<Extract<Change, { type: 'jump' }>>({ type: oneOf(['jump']), aheadNs: duration }),
    }),
  }),
  transfer: record<TransferFault>({ type: oneOf(['transfer']), to: optional(victims) }),
  'power-failure': record<Extract<SimFault, { type: 'power-failure' }>>({
    type: oneOf(['power-failure']),
    victims,
  }),
});
