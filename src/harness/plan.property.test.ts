import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import type { PlannedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { UserError } from '../lib/user-error.ts';
import { FIRST_FAULT_NS, planFaults, type PlanRequest, RECOVERY_NS } from './plan.ts';

const request: PlanRequest = {
  words: 'partition,kill',
  nemeses,
  capabilities: new Set(['processes', 'links', 'membership', 'leadership'] as const),
  nodes: 5,
  spares: 2,
  seed: '1',
  durationNs: 20 * SECOND,
  intervalNs: 5 * SECOND,
};

function shapeOf({ kind, shape }: Pick<PlannedFault, 'kind' | 'shape'>) {
  const found = nemeses.get(kind)?.shapes.find((one) => one.shape === shape);
  return defined(found, `${kind}:${shape} is known`);
}

const allWords = [...nemeses.values()]
  .filter(({ shapes }) => shapes.length > 0)
  .flatMap(({ kind, shapes }) => [kind, ...shapes.map(({ shape }) => `${kind}:${shape}`)]);

const requests = fc
  .record({
    words: fc.uniqueArray(fc.constantFrom(...allWords), { minLength: 1, maxLength: 4 }),
    seed: fc.string(),
    nodes: fc.integer({ min: 4, max: 7 }),
    spares: fc.integer({ min: 2, max: 4 }),
    durationNs: fc.integer({ min: 25, max: 120 }).map((seconds) => seconds * SECOND),
    intervalNs: fc.integer({ min: 2_000, max: 5_500 }).map((ms) => ms * MILLISECOND),
  })
  .map((drawn) => ({ ...request, ...drawn, words: drawn.words.join(',') }));

test('every word is in the plan at least once, and nothing that was not named', () => {
  fc.assert(
    fc.property(requests, (some) => {
      const plan = planFaults(some);
      const matches = (word: string, { kind, shape }: PlannedFault): boolean =>
        word === kind || word === `${kind}:${shape}`;
      const words = some.words.split(',');
      expect(words.filter((word) => !plan.some((fault) => matches(word, fault)))).toEqual([]);
      expect(plan.filter((fault) => !words.some((word) => matches(word, fault)))).toEqual([]);
      expect(new Set(plan.map(({ word }) => word))).toEqual(new Set(words));
      expect(plan.filter((fault) => !matches(fault.word ?? '', fault))).toEqual([]);
    }),
  );
});

test('the leader is a victim at least once where the words allow it', () => {
  fc.assert(
    fc.property(requests, (some) => {
      const plan = planFaults(some);
      const allowed = some.words.split(',').some((word) => {
        const [kind = '', shape] = word.split(':');
        const shapes = nemeses.get(kind)?.shapes ?? [];
        return shapes.some((one) => one.hitsLeader && (shape ?? one.shape) === one.shape);
      });
      expect(plan.some((fault) => shapeOf(fault).hitsLeader)).toBe(allowed);
    }),
  );
});

test('faults do not overlap, begin after clients have worked, and leave time to recover', () => {
  fc.assert(
    fc.property(requests, (some) => {
      const plan = planFaults(some);
      let endNs = FIRST_FAULT_NS;
      for (const { atNs, durationNs } of plan) {
        expect(atNs).toBeGreaterThanOrEqual(endNs);
        expect(durationNs).toBeGreaterThanOrEqual(500 * MILLISECOND - 1);
        expect(durationNs / some.intervalNs).toBeLessThanOrEqual(0.6);
        endNs = atNs + durationNs;
      }
      expect(endNs).toBeLessThanOrEqual(some.durationNs - RECOVERY_NS);
    }),
  );
});

test('lengths spread from a seventh of the interval to more than half, leader faults at the long end', () => {
  const plan = planFaults({ ...request, durationNs: 3_000 * SECOND });
  const shares = plan.map((fault) => ({
    share: fault.durationNs / request.intervalNs,
    hitsLeader: shapeOf(fault).hitsLeader,
  }));
  const shareOf = (from: number, to: number): number =>
    others.filter((share) => share >= from && share < to).length / others.length;
  const others = shares.filter((one) => !one.hitsLeader).map(({ share }) => share);
  expect(shareOf(0.15, 0.3)).toBeCloseTo(0.5, 1);
  expect(shareOf(0.3, 0.6)).toBeCloseTo(0.5, 1);
  const leaders = shares.filter((one) => one.hitsLeader).map(({ share }) => share);
  expect(Math.min(...leaders)).toBeGreaterThanOrEqual(0.5 - 1e-9);
  expect(leaders.length).toBeGreaterThan(50);
});

test('where the interval is short a fault still has two fifths of it', () => {
  const plan = planFaults({ ...request, words: 'kill:one', intervalNs: SECOND });
  expect(Math.min(...plan.map(({ durationNs }) => durationNs))).toBeGreaterThan(399 * MILLISECOND);
});

test('the same request gives the same plan, another seed another', () => {
  fc.assert(
    fc.property(requests, (some) => {
      expect(planFaults(some)).toEqual(planFaults(some));
    }),
  );
  const seeds = Array.from({ length: 10 }, (_, i) => planFaults({ ...request, seed: `${i}` }));
  expect(new Set(seeds.map((plan) => JSON.stringify(plan))).size).toBe(10);
});

test('a long plan of one kind holds all of its shapes', () => {
  const plan = planFaults({ ...request, words: 'partition', durationNs: 60 * SECOND });
  const all = nemeses.get('partition')?.shapes.map(({ shape }) => shape);
  expect(new Set(plan.map(({ shape }) => shape))).toEqual(new Set(all));
});

test('of five kinds in a minute, as the interval is by default, each comes twice', () => {
  const words = 'partition,kill,pause,slow,reset';
  for (let seed = 0; seed < 50; seed++) {
    const plan = planFaults({ ...request, words, seed: `${seed}`, durationNs: 60 * SECOND });
    const counts = words.split(',').map((word) => plan.filter(({ kind }) => kind === word).length);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(2);
  }
});

/** A nemesis whose shapes are the user's own words. */
const byScript = { ...defined(nemeses.get('kill'), 'kill is known'), kind: 'exec', shapes: [] };
const scripted = new Map([
  [
    'exec',
    {
      ...byScript,
      requires: 'hooks' as const,
      shapeNamed: (shape: string) => ({ ...shapeOf({ kind: 'kill', shape: 'one' }), shape }),
    },
  ],
]);

test('a kind whose shapes are words of the user takes any, colons too, but not none', () => {
  const capabilities = new Set(['hooks'] as const);
  const change = { nemeses: scripted, capabilities, words: 'exec:./a:b.sh' };
  expect(new Set(planFaults({ ...request, ...change }).map(({ shape }) => shape))).toEqual(
    new Set(['./a:b.sh']),
  );
  for (const words of ['exec', 'exec:']) {
    expect(refusal({ ...change, words })).toMatchObject({
      code: 'GONG-E023',
      fix: 'name it, as in --nemesis exec:./cut.sh',
    });
  }
});

test('no words, no faults', () => {
  expect(planFaults({ ...request, words: '' })).toEqual([]);
  expect(planFaults({ ...request, words: 'none', durationNs: 1 })).toEqual([]);
});

function refusal(change: Partial<PlanRequest>): UserError {
  try {
    planFaults({ ...request, ...change });
  } catch (error) {
    return error as UserError;
  }
  throw new Error('it was not refused');
}

test('a duration too short for the plan is refused, and the one that it names is enough', () => {
  fc.assert(
    fc.property(requests, fc.integer({ min: 0, max: 4_000 }), (some, ms) => {
      const error = refusal({ ...some, durationNs: ms * MILLISECOND });
      expect(error).toMatchObject({ kind: 'usage', code: 'GONG-E022' });
      const seconds = Number(/--duration ([\d.]+)s/.exec(error.fix)?.[1]);
      expect(planFaults({ ...some, durationNs: seconds * SECOND }).length).toBeGreaterThan(0);
    }),
  );
});

test.each([
  ['an unknown kind', { words: 'fire' }, 'GONG-E021', 'partition, kill'],
  ['an unknown shape', { words: 'kill:two' }, 'GONG-E023', 'one, minority, majority, all, leader'],
  ['an empty shape', { words: 'kill:' }, 'GONG-E023', 'one, minority, majority, all, leader'],
  ['a shape with too few nodes', { words: 'partition', nodes: 2 }, 'GONG-E024', '3 at least'],
  [
    'a cluster without the capability',
    { words: 'kill', capabilities: new Set(['links'] as const) },
    'GONG-E024',
    'processes',
  ],
])('%s is refused and says what there is', (_, change, code, why) => {
  expect(refusal(change)).toMatchObject({
    kind: 'usage',
    code,
    why: expect.stringContaining(why),
  });
});

test('a kind without a shape leaves out the shapes that need more nodes', () => {
  const plan = planFaults({ ...request, words: 'kill', nodes: 1, durationNs: 60 * SECOND });
  expect(new Set(plan.map(({ shape }) => shape))).toEqual(new Set(['one']));
});
