import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import type { CrashFault, LinkChoice, SimFault, Victims, YoungLeaderFault } from '../sim/faults.ts';
import { PORT_CALLS } from '../sim/node-ports.ts';
import { chance, logUniform, weighted } from './draws.ts';

/** What the simulation's own faults are drawn for. */
export interface SimFaultSetting {
  readonly nodes: number;
  /** The largest election timeout. */
  readonly electionNs: number;
  readonly taste: Taste;
}

/**
 * What a seed likes: drawn once, so that its faults go on at the same place again and again. Faults
 * that each hit somebody else and something else hardly ever add up to anything.
 */
export interface Taste {
  readonly victims: readonly (readonly [number, Victims])[];
  readonly links: readonly (readonly [number, LinkDirection])[];
  readonly calls: readonly CrashFault['call'][];
  /** Processes die at one of so many calls. */
  readonly nthMax: number;
}

type LinkDirection = 'sent' | 'received' | 'both' | 'random';

const VICTIMS: readonly Victims[] = ['one', 'leader', 'follower', 'minority', 'majority', 'all'];
const DIRECTIONS: readonly LinkDirection[] = ['sent', 'received', 'both', 'random'];

export function drawTaste(random: Random): Taste {
  const bias = <T>(choices: readonly T[]): readonly (readonly [number, T])[] =>
    choices.map((choice) => [logUniform(random, 1, 100), choice]);
  return {
    victims: bias(VICTIMS),
    links: bias(DIRECTIONS),
    calls: chance(random, 0.5)
      ? ['any', ...PORT_CALLS]
      : random.shuffle<CrashFault['call']>(PORT_CALLS).slice(0, random.integer(1, 3)),
    nthMax: logUniform(random, 1, 100),
  };
}

/** One sort of fault of the simulation. */
export interface SimFamily {
  readonly name: string;
  readonly nodesMin: number;
  /** Goes on while others come and go: a thing that is wrong for long, and alone does little. */
  readonly isBackground?: true;
  /** How long, in election timeouts. */
  readonly lasts: { readonly min: number; readonly max: number };
  readonly draw: (setting: SimFaultSetting, random: Random) => SimFault;
}

const SHORT = { min: 0.01, max: 3 };
const LONG = { min: 0.2, max: 12 };

/** Everything that `injectFault` can do, a family for each that can come alone. */
export const SIM_FAMILIES: readonly SimFamily[] = [
  {
    name: 'messages',
    nodesMin: 2,
    isBackground: true,
    lasts: LONG,
    draw: (setting, random) => {
      const { electionNs } = setting;
      const rate = (): number => (chance(random, 0.4) ? 0 : logUniform(random, 1, 400) / 1000);
      return {
        type: 'network',
        links: drawLinks(setting, random),
        trouble: {
          type: 'messages',
          lossRate: rate(),
          duplicateRate: rate(),
          reorderRate: rate(),
          // Up to what comes long after others have taken over.
          lateNsMax: logUniform(random, MILLISECOND, 4 * electionNs),
        },
      };
    },
  },
  {
    name: 'cut-links',
    nodesMin: 2,
    lasts: LONG,
    draw: (setting, random) => ({
      type: 'network',
      links: drawLinks(setting, random),
      trouble: { type: 'cut' },
    }),
  },
  {
    name: 'slow-links',
    nodesMin: 2,
    isBackground: true,
    lasts: LONG,
    draw: (setting, random) => {
      const delayNs = logUniform(random, MILLISECOND, 2 * setting.electionNs);
      const jitterNs = random.integer(0, delayNs);
      return {
        type: 'network',
        links: drawLinks(setting, random),
        trouble: { type: 'slow', delayNs, jitterNs },
      };
    },
  },
  {
    name: 'reset-links',
    nodesMin: 2,
    lasts: LONG,
    draw: (setting, random) => ({
      type: 'network',
      links: drawLinks(setting, random),
      trouble: { type: 'reset', everyNs: logUniform(random, 5 * MILLISECOND, setting.electionNs) },
    }),
  },
  {
    name: 'clock-drift',
    nodesMin: 1,
    isBackground: true,
    // Long enough to be still there when something else happens.
    lasts: { min: 2, max: 60 },
    draw: ({ taste }, random) => {
      // Little, as machines are wrong, or so much that whoever trusts a clock is caught.
      const ppm = chance(random, 0.3)
        ? logUniform(random, 100, 50_000)
        : random.integer(50_000, 700_000);
      const partsPerMillion = chance(random, 0.6) ? -ppm : ppm;
      return {
        type: 'clock',
        victims: weighted(random, taste.victims),
        change: { type: 'drift', partsPerMillion },
      };
    },
  },
  {
    name: 'clock-jump',
    nodesMin: 1,
    lasts: SHORT,
    draw: ({ taste }, random) => ({
      type: 'clock',
      victims: weighted(random, taste.victims),
      change: { type: 'jump', aheadNs: logUniform(random, MILLISECOND, 60 * SECOND) },
    }),
  },
  {
    name: 'power-failure',
    nodesMin: 1,
    lasts: SHORT,
    draw: ({ taste }, random) => ({
      type: 'power-failure',
      victims: weighted(random, taste.victims),
    }),
  },
  {
    name: 'crash',
    nodesMin: 1,
    lasts: { min: 0.2, max: 5 },
    draw: ({ taste }, random) => ({
      type: 'crash',
      victims: weighted(random, taste.victims),
      how: random.pick(['kill', 'power-failure']),
      call: random.pick(taste.calls),
      nth: logUniform(random, 1, taste.nthMax),
      moment: random.pick(['before', 'after']),
      again: weighted(random, [
        [4, 0],
        [2, 1],
        [1, 3],
      ]),
    }),
  },
  {
    name: 'young-leader',
    nodesMin: 1,
    isBackground: true,
    lasts: { min: 2, max: 12 },
    draw: ({ taste }, random) => ({ type: 'young-leader', ...drawDeath(taste, random) }),
  },
  {
    name: 'young-voter',
    nodesMin: 2,
    isBackground: true,
    lasts: { min: 2, max: 12 },
    draw: ({ taste }, random) => ({ type: 'young-voter', ...drawDeath(taste, random) }),
  },
  {
    name: 'mute-leader',
    nodesMin: 3,
    isBackground: true,
    lasts: { min: 4, max: 24 },
    draw: ({ electionNs }, random) => ({
      type: 'mute-leader',
      // Some messages there and back.
      afterNsMax: logUniform(random, MILLISECOND, 50 * MILLISECOND),
      lastsNsMax: logUniform(random, electionNs, 6 * electionNs),
    }),
  },
  {
    name: 'transfer',
    nodesMin: 2,
    lasts: SHORT,
    draw: ({ taste }, random) => ({
      type: 'transfer',
      ...(chance(random, 0.2) ? {} : { to: weighted(random, taste.victims) }),
    }),
  },
  {
    name: 'slow-disk',
    nodesMin: 1,
    isBackground: true,
    lasts: LONG,
    draw: ({ electionNs, taste }, random) => {
      const minNs = logUniform(random, MILLISECOND, electionNs);
      const addNs = { minNs, maxNs: logUniform(random, minNs, 2 * minNs) };
      return {
        type: 'disk',
        victims: weighted(random, taste.victims),
        trouble: { type: 'slow', addNs },
      };
    },
  },
  {
    name: 'full-disk',
    nodesMin: 1,
    lasts: LONG,
    draw: ({ taste }, random) => ({
      type: 'disk',
      victims: weighted(random, taste.victims),
      trouble: { type: 'full', freeBytes: random.integer(0, 4096) },
    }),
  },
  {
    name: 'failed-sync',
    nodesMin: 1,
    lasts: SHORT,
    draw: ({ taste }, random) => ({
      type: 'disk',
      victims: weighted(random, taste.victims),
      trouble: { type: 'failed-sync' },
    }),
  },
  {
    name: 'read-errors',
    nodesMin: 1,
    lasts: LONG,
    draw: ({ taste }, random) => ({
      type: 'disk',
      victims: weighted(random, taste.victims),
      trouble: { type: 'read-errors', probability: logUniform(random, 10, 1000) / 1000 },
    }),
  },
  {
    name: 'bit-flips',
    // The cluster allows it to a minority of its disks: of two nodes to none.
    nodesMin: 3,
    lasts: SHORT,
    draw: ({ taste }, random) => ({
      type: 'disk',
      victims: weighted(random, taste.victims),
      trouble: { type: 'bit-flips', count: logUniform(random, 1, 16) },
    }),
  },
  {
    name: 'snapshot-flip',
    nodesMin: 3,
    lasts: SHORT,
    draw: ({ taste }, random) => ({
      type: 'disk',
      victims: weighted(random, taste.victims),
      trouble: { type: 'snapshot-flip', when: random.pick(['now', 'restart']) },
    }),
  },
  {
    name: 'snapshot-flip-when-read',
    nodesMin: 3,
    isBackground: true,
    // Followers are seldom so far behind that one is sent.
    lasts: { min: 2, max: 60 },
    draw: () => ({
      type: 'disk',
      victims: 'all',
      trouble: { type: 'snapshot-flip', when: 'read' },
    }),
  },
];

function drawDeath(taste: Taste, random: Random): Omit<YoungLeaderFault, 'type'> {
  return {
    how: random.pick(['kill', 'power-failure']),
    call: random.pick(taste.calls),
    nthMax: logUniform(random, 1, taste.nthMax),
    moment: random.pick(['before', 'after']),
  };
}

function drawLinks({ taste }: SimFaultSetting, random: Random): LinkChoice {
  const direction = weighted(random, taste.links);
  if (direction === 'random') return { count: logUniform(random, 1, 12) };
  return { of: weighted(random, taste.victims), direction };
}
