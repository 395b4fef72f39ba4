import { describe, expect, test } from 'vitest';
import { PhaseTracker } from '../statistics/phase.ts';
import { RunStatistics, type RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import { evaluateThreshold } from './threshold-result.ts';
import { parseThreshold, type Threshold } from './threshold.ts';

const FUNCTIONS = ['read', 'write', 'cas'];
const MS = 1_000_000;
const SECOND = 1_000 * MS;

function parsed(text: string): Threshold {
  const result = parseThreshold(text, FUNCTIONS);
  if (result.ok) return result.threshold;
  throw new Error(`${text}: ${JSON.stringify(result.problem)}`);
}

describe('what is asked for', () => {
  test.each([
    ['p99(read) < 50ms', 'latency', '<', 50 * MS, 'ns'],
    ['  p999( * , steady )<=1.5 s ', 'latency', '<=', 1_500 * MS, 'ns'],
    ['mean > 10us', 'latency', '>', 10_000, 'ns'],
    ['unavailable(mutations) < 3s', 'unavailable', '<', 3 * SECOND, 'ns'],
    ['ok(write, fault) > 99%', 'ok', '>', 0.99, 'ratio'],
    ['rate(read) >= 100.5 / s', 'rate', '>=', 100.5, 'perSecond'],
  ])('%s', (text, type, comparator, limit, unit) => {
    expect(parsed(text)).toMatchObject({ metric: { type }, comparator, limit, unit });
    expect(parsed(text).text).toBe(text.trim());
  });

  test.each([
    ['', 'grammar', 1],
    ['p98 < 5ms', 'grammar', 1],
    ['p99 5ms', 'grammar', 5],
    ['p99 <', 'grammar', 6],
    ['p99(read', 'grammar', 9],
    ['p99(read,) < 5ms', 'grammar', 10],
    ['unavailable(read, fault) < 1s', 'grammar', 17],
    ['p99(raed) < 5ms', 'function', 5],
    ['p99(mutations) < 5ms', 'function', 5],
    ['p99 < 5', 'value', 7],
    ['p99 < -5ms', 'value', 7],
    ['p99 < 0ms', 'value', 7],
    ['p99 < 5ms, p50 < 1ms', 'value', 7],
    ['p99 < 5ms\np50 < 1ms', 'value', 7],
    ['ok > 0.99', 'value', 6],
    ['ok > 101%', 'value', 6],
    ['ok > 100%', 'value', 6],
    ['ok >= 0%', 'value', 7],
    ['rate > 5/m', 'value', 8],
    [`rate > ${'9'.repeat(400)}/s`, 'value', 8],
  ])('%j is refused, and where', (text, type, position) => {
    expect(parseThreshold(text, FUNCTIONS)).toMatchObject({
      ok: false,
      problem: { type, position },
    });
  });
});

type Recorded = readonly [f: string, outcome: 'ok' | 'fail' | 'info', fromMs: number, toMs: number];

/** Ten seconds, a fault in force from 4 s to 6 s. */
function snapshotOf(operations: readonly Recorded[]): RunStatisticsSnapshot {
  const phases = new PhaseTracker();
  const statistics = new RunStatistics({ startNs: 0, phases });
  const changes = [
    { atMs: 4_000, change: () => phases.began(0, 'kill:one', 4 * SECOND) },
    { atMs: 6_000, change: () => phases.healed(0, 6 * SECOND) },
  ];
  for (const [f, outcome, fromMs, toMs] of operations) {
    while ((changes[0]?.atMs ?? Infinity) <= toMs) changes.shift()?.change();
    const times = { intendedNs: fromMs * MS, completedNs: toMs * MS };
    statistics.record({ f, outcome, isMutation: f !== 'read', ...times });
  }
  for (const { change } of changes) change();
  return statistics.snapshot(10 * SECOND);
}

const judged = (text: string, operations: readonly Recorded[]) =>
  evaluateThreshold(parsed(text), snapshotOf(operations));

/** 1000 operations in a row, a millisecond each, of which every hundredth took 20. */
const STEADY = Array.from({ length: 1_000 }, (_, i): Recorded => {
  return ['read', 'ok', i, i + (i % 100 === 99 ? 20 : 1)];
}).toSorted((a, b) => a[3] - b[3]);

describe('what was measured', () => {
  test.each([
    ['p50(read) < 2ms', 1 * MS, true],
    ['max < 20ms', 20 * MS, false],
    ['max <= 20ms', 20 * MS, true],
    ['p99 >= 20ms', 1 * MS, false],
    ['rate(read) > 99/s', 100, true],
    ['rate > 100/s', 100, false],
  ])('%s', (text, value, kept) => {
    expect(judged(text, STEADY)).toMatchObject({ kept, value });
  });

  test.each([999, 998, 570, 290, 1])('%i of 1000 is its share exactly, at the limit', (ok) => {
    const operations = STEADY.map(([f, , from, to], i): Recorded => {
      return [f, i < ok ? 'ok' : 'fail', from, to];
    });
    const limit = `${ok / 10}%`;
    expect(judged(`ok >= ${limit}`, operations)).toMatchObject({ kept: true, value: ok / 1_000 });
    expect(judged(`ok <= ${limit}`, operations).kept).toBe(true);
    expect(judged(`ok > ${limit}`, operations).kept).toBe(false);
    expect(judged(`ok < ${limit}`, operations).kept).toBe(false);
  });

  test('what ended otherwise counts against ok, and is in no latency', () => {
    const operations: Recorded[] = [
      ['read', 'ok', 0, 10],
      ['write', 'fail', 10, 900],
      ['write', 'info', 900, 2_400],
      ['write', 'ok', 2_400, 2_410],
    ];
    expect(judged('ok > 40%', operations)).toMatchObject({ value: 0.5, kept: true });
    expect(judged('ok(write) > 40%', operations)).toMatchObject({ value: 1 / 3, kept: false });
    expect(judged('max < 11ms', operations)).toMatchObject({ value: 10 * MS, kept: true });
  });

  test('a phase has its own operations and its own time', () => {
    const operations: Recorded[] = [
      ['read', 'ok', 0, 1],
      ['read', 'ok', 3_990, 4_010],
      ['read', 'info', 4_010, 5_510],
      ['read', 'ok', 6_100, 6_103],
    ];
    expect(judged('max(read, steady) < 2ms', operations).value).toBe(1 * MS);
    expect(judged('max(read, fault) < 2ms', operations).value).toBe(20 * MS);
    expect(judged('ok(read, fault) >= 50%', operations)).toMatchObject({ value: 0.5, kept: true });
    expect(judged('rate(*, fault) >= 0.5/s', operations)).toMatchObject({ value: 0.5, kept: true });
    expect(judged('rate(*, recovery) < 1/s', operations).value).toBe(0.5);
  });

  test('nobody served from the first time-out to the end is unavailability, of each f apart', () => {
    const operations: Recorded[] = [
      ['read', 'ok', 0, 5],
      ['write', 'info', 5, 1_505],
      ['read', 'ok', 1_500, 1_506],
      ['write', 'info', 1_506, 3_006],
    ];
    const longestMs = (text: string) => (judged(text, operations).value ?? NaN) / MS;
    expect(longestMs('unavailable < 1s')).toBe(1_501);
    expect(longestMs('unavailable(mutations) < 1s')).toBe(3_001);
    expect(longestMs('unavailable(read) < 1s')).toBe(6);
  });
});

describe('nothing to measure is broken, whichever way it is compared', () => {
  test.each([
    ['p99(cas) < 1h', /no cas ended ok/],
    ['p99(cas) > 1ns', /no cas ended ok/],
    ['ok(write) > 1%', /no write completed/],
    ['ok(write) < 99%', /no write completed/],
    ['rate(write) < 9/s', /no write completed/],
    ['unavailable(write) < 1h', /no write completed/],
    ['unavailable(mutations) < 1h', /no mutations completed/],
    ['p50(read, fault) < 1h', /no read ended ok in the phase fault/],
  ])('%s', (text, shown) => {
    expect(judged(text, STEADY)).toMatchObject({
      kept: false,
      value: null,
      shown: expect.stringMatching(shown),
    });
  });

  test('of a run in which nothing completed', () => {
    for (const text of ['unavailable < 1h', 'ok < 99%', 'rate < 1/s', 'p50 < 1h']) {
      expect(judged(text, []), text).toMatchObject({ kept: false, value: null });
    }
  });

  test('of a run without that phase', () => {
    const statistics = new RunStatistics({ startNs: 0 });
    const result = evaluateThreshold(parsed('ok(read, fault) < 99%'), statistics.snapshot(SECOND));
    expect(result).toMatchObject({ kept: false, shown: expect.stringMatching(/spent no time/) });
  });
});
