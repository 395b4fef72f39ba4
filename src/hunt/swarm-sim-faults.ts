import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import type { LinkChoice, SimFault, Victims } from '../sim/faults.ts';
import { PORT_CALLS } from '../sim/node-ports.ts';
import { chance, logUniform, weighted } from './draws.ts';

/** What the simulation's own faults are drawn for. */
export interface SimFaultSetting {
  readonly nodes: number;
  /** The largest election timeout. */
  readonly electionNs: number;
}

/** One sort of fault of the simulation. */
export interface SimFamily {
  readonly name: string;
  readonly nodesMin: number;
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
    lasts: LONG,
    draw: ({ electionNs }, random) => {
      const rate = (): number => (chance(random, 0.4) ? 0 : logUniform(random, 1, 400) / 1000);
      return {
        type: 'network',
        links: drawLinks(random),
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
    draw: (_, random) => ({ type: 'network', links: drawLinks(random), trouble: { type: 'cut' } }),
  },
  {
    name: 'slow-links',
    nodesMin: 2,
    lasts: LONG,
    draw: ({ electionNs }, random) => {
      const delayNs = logUniform(random, MILLISECOND, 2 * electionNs);
      const jitterNs = random.integer(0, delayNs);
      return {
        type: 'network',
        links: drawLinks(random),
        trouble: { type: 'slow', delayNs, jitterNs },
      };
    },
  },
  {
    name: 'reset-links',
    nodesMin: 2,
    lasts: LONG,
    draw: ({ electionNs }, random) => ({
      type: 'network',
      links: drawLinks(random),
      trouble: { type: 'reset', everyNs: logUniform(random, 5 * MILLISECOND, electionNs) },
    }),
  },
  {
    name: 'clock-drift',
    nodesMin: 1,
    // Long enough to be still there when something else happens.
    lasts: { min: 2, max: 60 },
    draw: (_, random) => {
      const ppm = logUniform(random, 100, 600_000);
      const partsPerMillion = chance(random, 0.6) ? -ppm : ppm;
      return {
        type: 'clock',
        victims: drawVictims(random),
        change: { type: 'drift', partsPerMillion },
      };
    },
  },
  {
    name: 'clock-jump',
    nodesMin: 1,
    lasts: SHORT,
    draw: (_, random) => ({
      type: 'clock',
      victims: drawVictims(random),
      change: { type: 'jump', aheadNs: logUniform(random, MILLISECOND, 60 * SECOND) },
    }),
  },
  {
    name: 'power-failure',
    nodesMin: 1,
    lasts: SHORT,
    draw: (_, random) => ({ type: 'power-failure', victims: drawVictims(random) }),
  },
  {
    name: 'crash',
    nodesMin: 1,
    lasts: { min: 0.2, max: 5 },
    draw: (_, random) => ({
      type: 'crash',
      victims: drawVictims(random),
      how: random.pick(['kill', 'power-failure']),
      call: chance(random, 0.5) ? 'any' : random.pick(PORT_CALLS),
      nth: logUniform(random, 1, 60),
      moment: random.pick(['before', 'after']),
      again: weighted(random, [
        [4, 0],
        [2, 1],
        [1, 3],
      ]),
    }),
  },
  {
    name: 'slow-disk',
    nodesMin: 1,
    lasts: LONG,
    draw: ({ electionNs }, random) => {
      const minNs = logUniform(random, MILLISECOND, electionNs);
      const addNs = { minNs, maxNs: logUniform(random, minNs, 2 * minNs) };
      return { type: 'disk', victims: drawVictims(random), trouble: { type: 'slow', addNs } };
    },
  },
  {
    name: 'full-disk',
    nodesMin: 1,
    lasts: LONG,
    draw: (_, random) => ({
      type: 'disk',
      victims: drawVictims(random),
      trouble: { type: 'full', freeBytes: random.integer(0, 4096) },
    }),
  },
  {
    name: 'failed-sync',
    nodesMin: 1,
    lasts: SHORT,
    draw: (_, random) => ({
      type: 'disk',
      victims: drawVictims(random),
      trouble: { type: 'failed-sync' },
    }),
  },
  {
    name: 'read-errors',
    nodesMin: 1,
    lasts: LONG,
    draw: (_, random) => ({
      type: 'disk',
      victims: drawVictims(random),
      trouble: { type: 'read-errors', probability: logUniform(random, 10, 1000) / 1000 },
    }),
  },
  {
    name: 'bit-flips',
    // The cluster allows it to a minority of its disks: of two nodes to none.
    nodesMin: 3,
    lasts: SHORT,
    draw: (_, random) => ({
      type: 'disk',
      victims: drawVictims(random),
      trouble: { type: 'bit-flips', count: logUniform(random, 1, 16) },
    }),
  },
];

/** Mostly few: what hits everybody mostly just stops everything. */
function drawVictims(random: Random): Victims {
  return weighted(random, [
    [4, 'one'],
    [4, 'leader'],
    [2, 'follower'],
    [2, 'minority'],
    [1, 'majority'],
    [1, 'all'],
  ]);
}

function drawLinks(random: Random): LinkChoice {
  if (chance(random, 0.4)) return { count: logUniform(random, 1, 12) };
  return { of: drawVictims(random), direction: random.pick(['sent', 'received', 'both']) };
}
