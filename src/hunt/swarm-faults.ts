import { nemeses } from '../../nemesis/index.ts';
import type { NemesisShape } from '../contracts/nemesis.ts';
import { assertNever } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import type { RangeNs } from '../sim/profile.ts';
import { chance, logUniform, weighted } from './draws.ts';
import type { FaultKind, ScheduledFault } from './scenario.ts';
import { drawMembershipFault, MEMBERSHIP_LASTS } from './swarm-membership.ts';
import { drawTaste, SIM_FAMILIES, type SimFaultSetting } from './swarm-sim-faults.ts';

/** What faults are drawn for. */
export interface FaultSetting {
  readonly nodes: number;
  readonly durationNs: number;
  /** The largest election timeout: what is long and what is short is measured in it. */
  readonly electionNs: number;
  /** Without faults for so long, a cluster must have made progress. */
  readonly calmNs: number;
  /** `bounded`: none jumps. `wrong`: they are, in any case. */
  readonly clocks: 'any' | 'bounded' | 'wrong';
  /** Members come and go. */
  readonly changesMembers: boolean;
}

interface Setting extends FaultSetting, SimFaultSetting {
  /** How much a seed likes each shape of a nemesis. */
  readonly shapes: ReadonlyMap<NemesisShape, number>;
}

/** What the cluster itself is asked for is drawn apart from what breaks it. */
const BREAKING = [...nemeses.values()].filter(
  ({ shapes, requires }) =>
    shapes.length > 0 && requires !== 'membership' && requires !== 'leadership',
);

function drawShapes(random: Random): ReadonlyMap<NemesisShape, number> {
  const all = BREAKING.flatMap(({ shapes }) => shapes);
  return new Map(all.map((shape) => [shape, logUniform(random, 1, 100)]));
}

/** One sort of fault that a seed turns on or off as a whole. */
interface Family {
  readonly name: string;
  readonly nodesMin: number;
  readonly isBackground?: true;
  /** In election timeouts. */
  readonly lasts: { readonly min: number; readonly max: number };
  readonly draw: (setting: Setting, random: Random) => FaultKind;
}

const FAMILIES: readonly Family[] = [
  ...BREAKING.map(({ kind }) => ofNemesis(kind)),
  ...SIM_FAMILIES.map(({ draw, ...family }): Family => ({
    ...family,
    draw: (setting, random) => ({ type: 'sim', fault: draw(setting, random) }),
  })),
];

function ofNemesis(kind: string): Family {
  const shapes = nemeses.get(kind)?.shapes ?? [];
  return {
    name: kind,
    nodesMin: Math.min(...shapes.map(({ nodesMin }) => nodesMin)),
    lasts: { min: 0.1, max: 12 },
    draw: (setting, random) => {
      const fitting = shapes
        .filter(({ nodesMin }) => nodesMin <= setting.nodes)
        .map((one): [number, NemesisShape] => [setting.shapes.get(one) ?? 1, one]);
      return { type: 'nemesis', kind, shape: weighted(random, fitting).shape };
    },
  };
}

/** Per lane: a schedule that nobody could read finds nothing that a shorter one does not. */
const FAULTS_PER_LANE_MAX = 80;

/**
 * The faults of a seed, spread over its whole time. Which families it knows at all is drawn first: what
 * is on everywhere hides what only one thing alone, or a rare pair, can bring about.
 */
export function drawFaults(given: FaultSetting, random: Random): readonly ScheduledFault[] {
  const setting: Setting = {
    ...given,
    taste: drawTaste(random.fork('taste')),
    shapes: drawShapes(random.fork('shapes')),
  };
  const families = drawFamilies(setting, random.fork('families'));
  const calm = calmStretches(setting, random.fork('calm'));
  const lanes = weighted(random.fork('lanes'), [
    [2, 1],
    [3, 2],
    [3, 3],
    [2, 5],
  ]);
  const faults: ScheduledFault[] = [];
  if (given.changesMembers) {
    const lane = { setting, families: MEMBERSHIP, calm, lane: 'membership' };
    faults.push(...drawLane(lane, random.fork('lane/membership')));
  }
  const background = drawBackground(families, random.fork('background'));
  if (background !== undefined) {
    const lane = { setting, families: background, calm, lane: 'background' };
    faults.push(...drawLane(lane, random.fork('lane/background')));
  }
  for (let lane = 0; lane < lanes && families.length > 0; lane++) {
    faults.push(...drawLane({ setting, families, calm, lane }, random.fork(`lane/${lane}`)));
  }
  return faults.toSorted((a, b) => a.atNs - b.atNs);
}

/** Beside whatever else a seed has. */
const MEMBERSHIP: Weighted = [
  [
    1,
    {
      name: 'membership',
      nodesMin: 1,
      lasts: MEMBERSHIP_LASTS,
      draw: (_, random) => ({ type: 'sim', fault: drawMembershipFault(random) }),
    },
  ],
];

type Weighted = readonly (readonly [number, Family])[];

function drawFamilies({ nodes, clocks }: FaultSetting, random: Random): Weighted {
  const possible = FAMILIES.filter(
    ({ nodesMin, name }) => nodesMin <= nodes && (clocks !== 'bounded' || name !== 'clock-jump'),
  );
  if (clocks === 'wrong') {
    // Fast clocks make leaders; only a slow one that is cut off believes in its lease for too long.
    return possible
      .filter(({ name }) => name === 'transfer' || name === 'partition')
      .map((family) => [1, family]);
  }
  const kind = weighted(random, [
    [1, 'none'],
    [3, 'one'],
    [2, 'all'],
    [14, 'some'],
  ] as const);
  switch (kind) {
    case 'none':
      return [];
    case 'one':
      return [[1, random.pick(possible)]];
    case 'all':
      return possible.map((family) => [1, family]);
    case 'some': {
      const some = possible.filter(() => chance(random, 0.4));
      return some.map((family) => [logUniform(random, 1, 10), family]);
    }
    default:
      return assertNever(kind);
  }
}

/** One fault that is on most of the time, and that others overlap. */
function drawBackground(families: Weighted, random: Random): Weighted | undefined {
  const possible = families.filter(([, { isBackground }]) => isBackground === true);
  if (possible.length === 0 || chance(random, 0.3)) return undefined;
  const lasts = { min: 8, max: 60 };
  return [[1, { ...weighted(random, possible), lasts }]];
}

/** Times in which no fault comes, and none is left. None where a run is too short for one. */
function calmStretches({ durationNs, calmNs }: FaultSetting, random: Random): readonly RangeNs[] {
  const countMax = Math.min(4, Math.floor(durationNs / (4 * calmNs)));
  const count = random.integer(0, countMax);
  return Array.from({ length: count }, (_, i) => {
    const shareNs = durationNs / count;
    const minNs = Math.floor(i * shareNs + random.float() * (shareNs - calmNs));
    return { minNs, maxNs: minNs + calmNs };
  });
}

interface Lane {
  readonly setting: Setting;
  readonly families: Weighted;
  readonly calm: readonly RangeNs[];
  /** Names the seeds of its faults. */
  readonly lane: number | string;
}

/** One fault after the other; other lanes overlap it. */
function drawLane({ setting, families, calm, lane }: Lane, random: Random): ScheduledFault[] {
  const { durationNs, electionNs } = setting;
  const least = Math.max(100 * MILLISECOND, durationNs / FAULTS_PER_LANE_MAX);
  const gapNs = logUniform(
    random,
    least,
    Math.max(2 * least, Math.min(10 * SECOND, durationNs / 4)),
  );
  const faults: ScheduledFault[] = [];
  let atNs = 0;
  for (;;) {
    atNs += Math.round(2 * gapNs * random.float());
    if (atNs >= durationNs) return faults;
    const family = weighted(random, families);
    const { lasts } = family;
    const seed = `${lane}/${faults.length}`;
    const wishedNs = logUniform(random, lasts.min * electionNs, lasts.max * electionNs);
    const what = family.draw(setting, random.fork(seed));
    const stretch = calm.find((one) => one.maxNs > atNs && one.minNs < atNs + wishedNs);
    if (stretch !== undefined && stretch.minNs <= atNs) {
      atNs = stretch.maxNs;
      continue;
    }
    const endNs = Math.min(atNs + wishedNs, stretch?.minNs ?? durationNs, durationNs);
    faults.push({ atNs, durationNs: Math.max(1, endNs - atNs), seed, what });
    atNs = endNs;
  }
}
