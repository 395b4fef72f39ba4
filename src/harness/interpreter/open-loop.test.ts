import { expect, test } from 'vitest';
import type { Client, Completion } from '../../contracts/client.ts';
import { nodeId } from '../../contracts/names.ts';
import { each } from '../../generator/base.ts';
import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import { LatencyHistogram } from '../../statistics/latency.ts';
import { LoadMeter } from '../load-meter.ts';
import { type FinishedOperation, HistoryRecorder } from '../recorder.ts';
import { SimulatedClock } from '../testing/simulated-clock.ts';
import { interpret } from './interpreter.ts';
import { closedLoop, openLoop, type Pace } from './pace.ts';

/** One operation at a time: a closed loop gets 1000/s out of it. */
const SERVICE_NS = MILLISECOND;
/** Every ten seconds the server does nothing for two. */
const PERIOD_NS = 10 * SECOND;
const WORKING_NS = 8 * SECOND;
const DURATION_NS = 30 * SECOND;
const HALF_RATE = 500;

/** When work that is taken up at `ns` is done, stalls left out. */
function workedOff(ns: number): number {
  const phaseNs = ns % PERIOD_NS;
  const startNs = phaseNs < WORKING_NS ? ns : ns - phaseNs + PERIOD_NS;
  const leftNs = WORKING_NS - (startNs % PERIOD_NS);
  return leftNs >= SERVICE_NS ? startNs + SERVICE_NS : startNs + SERVICE_NS + 2 * SECOND;
}

/** What the schedule alone implies: who is due waits for all who were due before. */
function impliedLatencies(): number[] {
  const latencies: number[] = [];
  let freeNs = 0;
  for (let i = 0; (i * SECOND) / HALF_RATE < DURATION_NS; i++) {
    const dueNs = (i * SECOND) / HALF_RATE;
    freeNs = workedOff(Math.max(dueNs, freeNs));
    latencies.push(freeNs - dueNs);
  }
  return latencies;
}

async function measure(concurrency: number, paceOf: (clock: SimulatedClock) => Pace) {
  const clock = new SimulatedClock();
  const lines: string[] = [];
  const finished: FinishedOperation[] = [];
  const recorder = new HistoryRecorder({
    clock,
    sink: { append: (line) => void lines.push(line) },
    onFinished: (operation) => void finished.push(operation),
  });
  const ok: Completion = { type: 'ok', value: null };
  let freeNs = 0;
  const connect = (): Client => ({
    async invoke() {
      freeNs = workedOff(Math.max(clock.now(), freeNs));
      await clock.sleep(freeNs - clock.now());
      return ok;
    },
    [Symbol.asyncDispose]: async () => undefined,
  });
  const pace = paceOf(clock);
  const meter = new LoadMeter({ concurrency, ratePerSecond: HALF_RATE, pace, beganNs: 0 });
  const stop = new AbortController();
  void clock.sleep(DURATION_NS).then(() => {
    meter.end(clock.now());
    stop.abort();
  });
  await clock.drive(
    interpret({
      clock,
      recorder,
      connect,
      deadlineNs: 10 * SECOND,
      pauseAfterFailNs: 0,
      generator: {
        ...each(() => ({ f: 'read', key: 'k', value: null })),
        finalReads: () => [],
        takeFinishedKeys: () => [],
      },
      pace,
      nodes: [nodeId('n1')],
      concurrency,
      signal: stop.signal,
    }),
  );
  for (const operation of finished) meter.record(operation);
  const load = meter.report(clock.now());
  const latencies = finished
    .toSorted((a, b) => a.intendedNs - b.intendedNs || a.completedNs - b.completedNs)
    .map(({ intendedNs, completedNs }) => completedNs - intendedNs);
  return { latencies, load, lines, finished };
}

function p99(latencies: readonly number[]): number {
  const histogram = new LatencyHistogram();
  for (const ns of latencies) histogram.record(ns);
  return histogram.quantileNs(0.99);
}

const open = (clock: SimulatedClock): Pace => openLoop(clock, HALF_RATE);

test('what stalls cost an open loop is exactly what its schedule implies', async () => {
  const implied = impliedLatencies();
  // In each ten seconds two of stall and two of backlog: a tenth of a second holds the worst 1 %.
  expect(p99(implied) / SECOND).toBeCloseTo(1.95, 2);
  const { latencies, load } = await measure(1_200, open);
  expect(latencies).toEqual(implied);
  expect(load).toMatchObject({ due: implied.length, started: implied.length, neverStarted: 0 });
  expect(load.lateNs.max).toBe(0);
});

test('too few clients to hold a stall start late, and the latencies are the same', async () => {
  const implied = impliedLatencies();
  const { latencies, load, lines, finished } = await measure(10, open);
  // The run ends with a stall: what it left waiting was due and never started, and that is counted.
  expect(load.neverStarted).toBe(implied.length - latencies.length);
  expect(load.neverStarted).toBeGreaterThan(900);
  expect(latencies).toEqual(implied.slice(0, latencies.length));
  expect(load.lateNs.max / SECOND).toBeGreaterThan(1.9);
  // The history tells when a late operation was meant to start.
  const invokes = lines
    .map((line): { type: string; time: number; intended?: number } => JSON.parse(line))
    .filter(({ type }) => type === 'invoke');
  const meant = invokes.map(({ time, intended = time }) => intended);
  expect(meant.toSorted((a, b) => a - b)).toEqual(
    finished.map(({ intendedNs }) => intendedNs).toSorted((a, b) => a - b),
  );
  expect(invokes.filter(({ intended }) => intended !== undefined).length).toBeGreaterThan(1_000);
});

test('a closed loop on the same server hides them', async () => {
  const { latencies } = await measure(10, closedLoop);
  expect(latencies.length).toBeGreaterThan(20_000);
  expect(p99(latencies)).toBeLessThanOrEqual(10.1 * MILLISECOND);
  expect(Math.max(...latencies)).toBeGreaterThan(2 * SECOND);
});
