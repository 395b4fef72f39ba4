import { expect, test } from 'vitest';
import type { Completion, Invocation } from '../../contracts/client.ts';
import { nodeId } from '../../contracts/names.ts';
import type { Generator, Source } from '../../contracts/workload.ts';
import { each, limit, once } from '../../generator/base.ts';
import { phases, untilOk } from '../../generator/phases.ts';
import { reserve } from '../../generator/reserve.ts';
import { stagger, timeLimit } from '../../generator/timing.ts';
import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import { makeRandom } from '../../lib/prng.ts';
import { type FinishedOperation, HistoryRecorder } from '../recorder.ts';
import { SimulatedClock } from '../testing/simulated-clock.ts';
import { interpret } from './interpreter.ts';
import { closedLoop, openLoop, type Pace } from './pace.ts';

const LATENCY_NS = 10 * MILLISECOND;
const ok: Completion = { type: 'ok', value: null };
const endless = (f: string): Source => each(() => ({ f, value: null }));
const some = (f: string, count: number): Source => limit(count, endless(f));

function bench(
  source: Source,
  parts: { concurrency?: number; answer?: (asked: Invocation) => Completion } = {},
) {
  const { concurrency = 4, answer = () => ok } = parts;
  const clock = new SimulatedClock();
  const finished: FinishedOperation[] = [];
  const recorder = new HistoryRecorder({
    clock,
    sink: { append: () => undefined },
    onFinished: (operation) => void finished.push(operation),
  });
  const generator: Generator = {
    ...source,
    finalReads: () => [],
    takeFinishedKeys: () => [],
  };
  const run = (stopNs: number, pace: Pace = closedLoop()): Promise<number> => {
    const stop = new AbortController();
    void clock.sleep(stopNs).then(() => stop.abort());
    return clock.drive(
      interpret({
        clock,
        recorder,
        connect: () => ({
          async invoke(invocation) {
            await clock.sleep(LATENCY_NS);
            return answer(invocation);
          },
          [Symbol.asyncDispose]: async () => undefined,
        }),
        deadlineNs: SECOND,
        pauseAfterFailNs: 20 * MILLISECOND,
        generator,
        pace,
        nodes: [nodeId('n1')],
        concurrency,
        signal: stop.signal,
      }),
    );
  };
  const of = (f: string): FinishedOperation[] =>
    finished.filter(({ invocation }) => invocation.f === f);
  return { clock, finished, run, of };
}

test('clients stop when there is nothing more to do, long before the signal', async () => {
  const { clock, run, finished } = bench(some('a', 9));
  await run(3_600 * SECOND);
  expect(finished).toHaveLength(9);
  expect(clock.now()).toBe(3 * LATENCY_NS);
});

test('who waits for a time leaves at once when the signal comes', async () => {
  const { clock, run, finished } = bench(stagger(1e15, endless('a'), makeRandom('slow')));
  await run(SECOND);
  expect(finished).toHaveLength(1);
  expect(clock.now()).toBe(SECOND);
});

test('who waits for a completion goes on when it comes, and leaves at once on the signal', async () => {
  const source = reserve(
    2,
    [{ clients: 1, source: once({ f: 'first', value: null }) }],
    endless('rest'),
  );
  const { clock, run, of } = bench(source, { concurrency: 2 });
  await run(SECOND);
  expect(of('first')).toHaveLength(1);
  expect(of('rest')).toHaveLength(100);
  expect(clock.now()).toBe(SECOND);
});

test('a phase begins with the last completion of the one before, for all clients', async () => {
  const { run, of } = bench(phases(some('a', 5), some('b', 4)));
  await run(SECOND);
  expect(of('a').map(({ completedNs }) => completedNs / LATENCY_NS)).toEqual([1, 1, 1, 1, 2]);
  expect(of('b').map(({ invokedNs }) => invokedNs / LATENCY_NS)).toEqual([2, 2, 2, 2]);
});

test('a phase may end by its time while the other clients wait for completions', async () => {
  const first = reserve(
    2,
    [{ clients: 1, source: some('a', 1) }],
    timeLimit(SECOND, stagger(1e15, endless('b'), makeRandom('x'))),
  );
  const { run, of } = bench(phases(first, some('c', 2)), { concurrency: 2 });
  await run(10 * SECOND);
  expect([of('a').length, of('b').length, of('c').length]).toEqual([1, 1, 2]);
  expect(of('c')[0]?.invokedNs).toBe(SECOND);
});

test('completions say how an operation ended: it is tried until one is ok', async () => {
  let tried = 0;
  const { run, of } = bench(phases(untilOk(endless('try')), some('after', 1)), {
    concurrency: 1,
    answer: ({ f }) => (f === 'try' && ++tried < 5 ? { type: 'info', error: 'reset' } : ok),
  });
  await run(10 * SECOND);
  expect(of('try').map(({ completion }) => completion.type)).toEqual([
    ...Array.from({ length: 4 }, () => 'info'),
    'ok',
  ]);
  expect(of('after')).toHaveLength(1);
});

test('clients that wait for each other for ever are a bug, not a silent run', async () => {
  const never: Source = { next: () => ({ type: 'wait', untilNs: Infinity, orCompletion: true }) };
  await expect(bench(never).run(SECOND)).rejects.toThrow('nothing is under way');
  const past: Source = { next: () => ({ type: 'wait', untilNs: 0, orCompletion: false }) };
  await expect(bench(past).run(SECOND)).rejects.toThrow('is over');
});

test('an open loop does not count what the generator held back as lateness', async () => {
  const source = phases(some('a', 1), stagger(50 * MILLISECOND, some('b', 20), makeRandom('x')));
  const { clock, run, finished } = bench(source);
  await run(10 * SECOND, openLoop(clock, 1_000));
  expect(finished).toHaveLength(21);
  // The client that ended the first phase had taken its next turn before the others were let go.
  const late = finished.filter(({ intendedNs, invokedNs }) => intendedNs < invokedNs);
  expect(late.length).toBeLessThanOrEqual(1);
});
