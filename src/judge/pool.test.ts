import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { monotonicNs as now } from './judge.ts';
import { Pool, type PoolOptions } from './pool.ts';
import { prove, type Proved } from './prove.ts';
import { share } from './shared-history.ts';
import { keyedHistory, type KeyedHistory } from './testing/keyed-histories.ts';
import { interrupt, operationsLeft, workQueue, type WorkQueue } from './work-queue.ts';

const GIBIBYTE = 1024 ** 3;
const KEYED = { seed: 9, model: 'cas-register', operations: 600, processes: 6, keys: 12 } as const;
const BROKEN = keyedHistory({
  ...KEYED,
  values: 5,
  crashRate: 0.02,
  plant: { kind: 'stale-read', at: 0.6 },
});
const LONG = keyedHistory({ ...KEYED, keys: 2, operations: 40_000 });

function scene({ model, parts, grouped }: KeyedHistory, change: Partial<PoolOptions> = {}) {
  const answers = new Map<number, Proved>();
  const pool = new Pool({
    history: share(grouped),
    model: model.name,
    threads: 2,
    onProved: (key, proved) => void answers.set(key, proved),
    ...change,
  });
  const keys = parts.map((_, key) => key);
  const queue = workQueue(keys, (key) => parts[key]?.operations ?? 0, true);
  const begin = (leftNs: number): void =>
    pool.begin({ queue, leftNs, lanes: 2, memoryBytesMax: GIBIBYTE });
  return { pool, answers, queue, begin };
}

test('threads say of every key what this one says, and verify it', async () => {
  const { pool, answers, begin } = scene(BROKEN);
  using _pool = pool;
  begin(1_000 * SECOND);
  await pool.through();
  expect(answers.size).toBe(BROKEN.parts.length);
  for (const [key, part] of BROKEN.parts.entries()) {
    const budget = { now, deadlineNs: Infinity, memoryBytesMax: GIBIBYTE };
    const proving = prove(part.table(), BROKEN.model, budget, {});
    let step = proving.next();
    while (step.done !== true) step = proving.next();
    const { decideNs: _decide, evidenceNs: _evidence, verifyNs: _verify, ...own } = step.value;
    expect(answers.get(key)).toMatchObject(own);
  }
  const valid = [...answers.values()].filter(({ verdict }) => verdict.valid === true);
  expect(valid.every(({ isVerified }) => isVerified)).toBe(true);
  expect(valid.length).toBe(BROKEN.parts.length - 1);
});

test('an engine that does not apply, and no verification, are asked for in threads as well', async () => {
  const { pool, answers, begin } = scene(BROKEN, { isVerified: false, engine: 'wgl' });
  using _pool = pool;
  begin(1_000 * SECOND);
  await pool.through();
  const all = [...answers.values()];
  expect(new Set(all.map(({ verdict }) => verdict.engine))).toEqual(new Set(['wgl']));
  expect(all.some(({ isVerified }) => isVerified)).toBe(false);
});

test('a thread says what it knows when its time is over', async () => {
  const { pool, answers, begin } = scene(LONG, { engine: 'wgl' });
  using _pool = pool;
  begin(0);
  await pool.through();
  expect(answers.size).toBe(2);
  for (const { verdict } of answers.values()) {
    expect(verdict).toMatchObject({ valid: 'unknown', reason: 'time', engine: 'wgl' });
  }
});

test('what nobody has taken at an interruption is left to who interrupted', async () => {
  const { pool, answers, begin, queue } = scene(LONG);
  using _pool = pool;
  interrupt(queue);
  begin(1_000 * SECOND);
  pool.interrupted();
  await pool.through();
  expect(answers.size).toBe(0);
});

test('threads take queue after queue', async () => {
  const { pool, answers, begin } = scene(BROKEN);
  using _pool = pool;
  begin(1_000 * SECOND);
  await pool.through();
  answers.clear();
  const again: WorkQueue = workQueue([3, 1], () => 1, false);
  pool.begin({ queue: again, leftNs: 1_000 * SECOND, lanes: 2, memoryBytesMax: GIBIBYTE });
  await pool.through();
  expect(new Set(answers.keys())).toEqual(new Set([1, 3]));
});

describe('through comes whatever becomes of the threads', () => {
  const program = (name: string): URL => new URL(`./testdata/${name}.ts`, import.meta.url);

  test.each([
    ['they die', program('dying-pool-thread'), undefined],
    ['a full heap', program('hungry-pool-thread'), 'memory'],
    ['a program that is not there', new URL('file:///nowhere/thread.ts'), undefined],
  ])('%s', async (_, file, reason) => {
    const { pool, answers, begin } = scene(BROKEN, { program: file, heapMebibytesMax: 32 });
    using _pool = pool;
    begin(1_000 * SECOND);
    await pool.through();
    expect(answers.size).toBe(0);
    expect(pool.threads).toBe(0);
    expect([...new Set(pool.unbearable.values())]).toEqual(reason === undefined ? [] : [reason]);
    // To the dead nothing is given, and nobody waits for them.
    begin(1_000 * SECOND);
    await pool.through();
  });

  test('they are stuck', async () => {
    const stuck = { program: program('stuck-pool-thread'), patienceNs: SECOND / 20 };
    const { pool, begin, queue } = scene(BROKEN, stuck);
    using _pool = pool;
    begin(1_000 * SECOND);
    while (operationsLeft(queue) !== queue.operationsFrom[2]) await setTimeout(5);
    interrupt(queue);
    pool.interrupted();
    await pool.through();
    expect([...pool.unbearable]).toEqual(
      expect.arrayContaining([
        [0, 'time'],
        [1, 'time'],
      ]),
    );
  });

  test('something is thrown while a key is decided', async () => {
    const { pool, answers, begin } = scene(BROKEN, { program: program('refusing-pool-thread') });
    using _pool = pool;
    begin(1_000 * SECOND);
    await pool.through();
    expect({ answers: answers.size, threads: pool.threads }).toEqual({ answers: 0, threads: 2 });
  });
});
