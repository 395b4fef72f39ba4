import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GenerateOptions } from '../../checker/testing/generate.ts';
import { SECOND } from '../lib/duration.ts';
import { decideAll, type DecideOptions } from './decide-all.ts';
import { monotonicNs } from './judge.ts';
import type { Proved } from './prove.ts';
import { keyedHistory, type KeyedHistory } from './testing/keyed-histories.ts';

const program = (name: string): URL => new URL(`./testdata/${name}.ts`, import.meta.url);

/** One large key, with which this thread is busy while others begin, and small ones, one of them broken. */
const UNEVEN: GenerateOptions = {
  seed: 4,
  model: 'cas-register',
  operations: 4_000,
  processes: 8,
  keys: 40,
  crashRate: 0.01,
  plant: { kind: 'stale-read', at: 0.5 },
};

const SURE = {
  seed: 9,
  model: 'register',
  operations: 600,
  processes: 6,
  keys: 12,
  values: 1_000_000,
  crashRate: 0,
} as const;

async function decide(
  { model, parts, grouped }: KeyedHistory,
  sharing: Partial<DecideOptions['sharing']> & { readonly threads: number },
  options: Partial<DecideOptions> = {},
): Promise<readonly Proved[]> {
  return decideAll(parts, model, {
    now: monotonicNs,
    deadlineNs: monotonicNs() + 1_000 * SECOND,
    memoryBytesMax: 1024 ** 3,
    ...options,
    sharing: { history: grouped, afterNs: 0, ...sharing },
  });
}

/** What must not depend on where it was decided. */
function said(proved: readonly Proved[]): unknown {
  return proved.map(({ verdict, isVerified, wrong }) => {
    const { valid, key, operations } = verdict;
    const found = verdict.valid === false ? verdict.stuck.operation.id : undefined;
    return { valid, key, operations, isVerified, wrong, found };
  });
}

test('the verdict on every key is the same with 0, 1 and 3 threads', async () => {
  const seen = { valid: 0, invalid: 0 };
  const histories = fc.record({
    seed: fc.nat(),
    model: fc.constantFrom('register' as const, 'cas-register' as const, 'kv' as const),
    operations: fc.integer({ min: 100, max: 800 }),
    processes: fc.integer({ min: 2, max: 8 }),
    keys: fc.integer({ min: 2, max: 30 }),
    values: fc.constantFrom(5, 1_000_000),
    crashRate: fc.constantFrom(0, 0.01),
  });
  await fc.assert(
    fc.asyncProperty(histories, async (options) => {
      const history = keyedHistory({ ...options, plant: { kind: 'stale-read', at: 0.6 } });
      const alone = await decide(history, { threads: 0 });
      for (const { verdict } of alone) seen[verdict.valid === true ? 'valid' : 'invalid']++;
      for (const threads of [1, 3]) {
        // A clock that leaps lets other threads in before the first key is through.
        let leap = 0;
        const now = (): number => monotonicNs() + (leap += SECOND / 20);
        const deadlineNs = Infinity;
        expect(said(await decide(history, { threads }, { now, deadlineNs }))).toEqual(said(alone));
      }
    }),
    // What is drawn may plant its read where it is not stale; these are violations for certain.
    { numRuns: 8, examples: [[SURE], [{ ...SURE, seed: 10 }]] },
  );
  expect(seen.valid).toBeGreaterThan(10);
  expect(seen.invalid).toBeGreaterThan(1);
}, 120_000);

describe('whatever becomes of the threads, every key is decided', () => {
  const history = keyedHistory(UNEVEN);
  const leaping = (): Partial<DecideOptions> => {
    let leap = 0;
    return { now: () => monotonicNs() + (leap += SECOND / 20), deadlineNs: Infinity };
  };

  test.each([
    ['they die', program('dying-pool-thread')],
    ['everything throws in them', program('refusing-pool-thread')],
    ['a program that is not there', new URL('file:///nowhere/thread.ts')],
  ])('%s', async (_, file) => {
    const proved = await decide(history, { threads: 2, program: file }, leaping());
    expect(said(proved)).toEqual(said(await decide(history, { threads: 0 })));
  });

  test('a key that a heap was too small for is unknown, and nothing else is', async () => {
    const hungry = { threads: 1, program: program('hungry-pool-thread'), heapMebibytesMax: 32 };
    const proved = await decide(history, hungry, leaping());
    expect(proved).toHaveLength(history.parts.length);
    const unknown = proved.filter(({ verdict }) => verdict.valid === 'unknown');
    expect(unknown.length).toBeLessThanOrEqual(1);
    for (const { verdict } of unknown) expect(verdict).toMatchObject({ reason: 'memory' });
  });
});

test('one hard key starves nobody, and gets what the others leave', async () => {
  const history = keyedHistory({ ...UNEVEN, keys: 5, operations: 2_000 });
  // A clock that moves only when somebody looks at it: each key looks a few times.
  let time = 0;
  const begin = time;
  const budget = { now: () => (time += 1), deadlineNs: begin + 100_000 };
  const proved = await decide(history, { threads: 0 }, budget);
  expect(proved.every(({ verdict }) => verdict.valid !== 'unknown')).toBe(true);
  // With next to nothing each is looked at all the same, and none is forgotten.
  time = 0;
  const hasty = await decide(history, { threads: 0 }, { ...budget, deadlineNs: 1 });
  expect(hasty).toHaveLength(history.parts.length);
  expect(hasty.map(({ verdict }) => verdict.operations)).toEqual(
    history.parts.map(({ operations }) => operations),
  );
});

test('an interruption leaves what is not decided unknown, in every thread', async () => {
  const history = keyedHistory(UNEVEN);
  for (const threads of [0, 2]) {
    const controller = new AbortController();
    const { signal } = controller;
    let decided = 0;
    const onProgress = (): void => void (++decided === 3 && controller.abort());
    const proved = await decide(history, { threads }, { signal, onProgress });
    const interrupted = proved.filter(
      ({ verdict }) => verdict.valid === 'unknown' && verdict.reason === 'interrupted',
    );
    expect(proved).toHaveLength(history.parts.length);
    expect(interrupted.length).toBeGreaterThan(0);
    expect(interrupted.length).toBeLessThanOrEqual(history.parts.length - 3);
  }
});
