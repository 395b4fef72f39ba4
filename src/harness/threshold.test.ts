import { expect, test } from 'vitest';
import { PhaseTracker } from '../statistics/phase.ts';
import { RunStatistics, type RunStatisticsSnapshot } from '../statistics/run-statistics.ts';
import { parseThreshold, type Threshold } from './threshold.ts';
import { evaluateThreshold, showMeasured } from './threshold-result.ts';

const FUNCTIONS = ['read', 'write', 'cas'];
const MS = 1_000_000;

function read(text: string): Threshold {
  const parsed = parseThreshold(text, FUNCTIONS);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problem));
  return parsed.threshold;
}

test.each<[string, unknown]>([
  ['p99(read) < 50ms', [{ type: 'latency', statistic: 'p99', f: 'read' }, '<', 50 * MS, 'ns']],
  ['p50<1us', [{ type: 'latency', statistic: 'p50', f: '*' }, '<', 1_000, 'ns']],
  [
    ' p999 ( cas , fault ) >= 1.5 s ',
    [{ type: 'latency', statistic: 'p999', f: 'cas', phase: 'fault' }, '>=', 1_500 * MS, 'ns'],
  ],
  ['max(*) <= 2m', [{ type: 'latency', statistic: 'max', f: '*' }, '<=', 120_000 * MS, 'ns']],
  ['unavailable < 3s', [{ type: 'unavailable', f: '*' }, '<', 3_000 * MS, 'ns']],
  ['unavailable(write) < 3s', [{ type: 'unavailable', f: 'write' }, '<', 3_000 * MS, 'ns']],
  ['unavailable(mutations)<3s', [{ type: 'unavailable', f: 'mutations' }, '<', 3_000 * MS, 'ns']],
  ['ok(write) > 99.5%', [{ type: 'ok', f: 'write' }, '>', 0.995, 'ratio']],
  ['ok >= 100 %', [{ type: 'ok', f: '*' }, '>=', 1, 'ratio']],
  ['rate(read) > 100/s', [{ type: 'rate', f: 'read' }, '>', 100, 'perSecond']],
  ['rate(*, steady) > 0.5 / s', [{ type: 'rate', f: '*', phase: 'steady' }, '>', 0.5, 'perSecond']],
])('%j is read', (text, expected) => {
  const { metric, comparator, limit, unit, text: kept } = read(text);
  expect([metric, comparator, limit, unit]).toEqual(expected);
  expect(kept).toBe(text.trim());
});

test.each<[string, string, number, string, RegExp]>([
  ['', 'grammar', 1, '', /a metric: p50, .*unavailable, ok, rate/],
  ['p98(read) < 5ms', 'grammar', 1, 'p98', /a metric/],
  ['< 5ms', 'grammar', 1, '< 5ms', /a metric/],
  ['p99() < 5ms', 'grammar', 5, ') < 5ms', /operation of this workload/],
  ['p99(red) < 5ms', 'function', 5, 'red', /read, write, cas, or \* for all/],
  ['p99(mutations) < 5ms', 'function', 5, 'mutations', /read, write, cas/],
  ['p99(read < 5ms', 'grammar', 10, '< 5ms', /closing parenthesis, or a comma and a phase/],
  ['p99(read, calm) < 5ms', 'grammar', 11, 'calm', /a phase: steady, fault, recovery/],
  ['unavailable(read, fault) < 5ms', 'grammar', 17, ', fault) < 5ms', /^a closing parenthesis$/],
  ['p99(read)', 'grammar', 10, '', /a comparison/],
  ['p99(read) = 5ms', 'grammar', 11, '= 5ms', /<, <=, > or >=/],
  ['p99(read) < ', 'grammar', 13, '', /a duration with its unit/],
  ['p99(read) < 5', 'value', 13, '5', /a duration with its unit/],
  ['p99(read) < 5%', 'value', 13, '5%', /a duration with its unit/],
  ['p99(read) < 5ms please', 'value', 13, '5ms please', /a duration/],
  ['p99(read) < 0ms', 'value', 13, '0ms', /a duration above 0/],
  ['p99(read) < -5ms', 'value', 13, '-5ms', /a duration/],
  ['unavailable < 3/s', 'value', 15, '3/s', /a duration/],
  ['ok > 5ms', 'value', 6, '5ms', /a share in percent/],
  ['ok > 101%', 'value', 6, '101%', /from 0% to 100%/],
  ['ok > -1%', 'value', 6, '-1%', /from 0% to 100%/],
  ['ok > 100%', 'value', 6, '100%', /none keeps this/],
  ['ok < 0%', 'value', 6, '0%', /none keeps this/],
  ['ok <= 100%', 'value', 7, '100%', /every run keeps this/],
  ['ok >= 0%', 'value', 7, '0%', /every run keeps this/],
  ['rate > 500', 'value', 8, '500', /a rate per second/],
  ['rate > 0/s', 'value', 8, '0/s', /a rate above 0/],
])('%j is refused: %s at position %d', (text, type, position, found, expected) => {
  const parsed = parseThreshold(text, FUNCTIONS);
  expect(parsed).toEqual({
    ok: false,
    problem: { type, position, found, expected: expect.stringMatching(expected) },
  });
});

/** Ten seconds: reads of 1 … 100 ms, of which every tenth fails; a fault in which one write takes 2 s. */
function measured(): RunStatisticsSnapshot {
  const phases = new PhaseTracker(1_000 * MS);
  const statistics = new RunStatistics({ startNs: 0, phases });
  const record = (f: string, outcome: 'ok' | 'fail', fromMs: number, toMs: number): void => {
    const [intendedNs, completedNs] = [fromMs * MS, toMs * MS];
    statistics.record({ f, outcome, isMutation: f !== 'read', intendedNs, completedNs });
  };
  for (let i = 1; i <= 100; i++) {
    record('read', i % 10 === 0 ? 'fail' : 'ok', 50 * i - i, 50 * i);
  }
  record('write', 'ok', 5_000, 5_010);
  phases.began(0, 'kill:leader', 6_000 * MS);
  record('write', 'ok', 6_000, 8_000);
  phases.healed(0, 8_001 * MS);
  return statistics.snapshot(10_000 * MS);
}

test.each<[string, number, string, boolean]>([
  ['p50(read) < 51ms', 49 * MS, 'p50(read) 49.0 ms', true],
  ['max(read) < 99ms', 99 * MS, 'max(read) 99.0 ms', false],
  ['max(read) <= 99ms', 99 * MS, 'max(read) 99.0 ms', true],
  ['max(read) < 50ms', 99 * MS, 'max(read) 99.0 ms', false],
  ['max < 3s', 2_000 * MS, 'max 2.00 s', true],
  ['max(*, steady) < 3s', 99 * MS, 'max(*, steady) 99.0 ms', true],
  ['p99(write, fault) > 1s', 2_000 * MS, 'p99(write, fault) 2.00 s', true],
  ['unavailable < 1.5s', 2_000 * MS, 'unavailable 2.00 s', false],
  ['unavailable(read) < 1s', 100 * MS, 'unavailable(read) 100 ms', true],
  ['unavailable(mutations) < 3s', 2_000 * MS, 'unavailable(mutations) 2.00 s', true],
  ['ok(read) >= 90%', 0.9, 'ok(read) 90.00 %', true],
  ['ok > 95%', 92 / 102, 'ok 90.20 %', false],
  ['ok(*, fault) > 95%', 1, 'ok(*, fault) 100.00 %', true],
  ['rate(read) > 10/s', 9, 'rate(read) 9.00/s', false],
  ['rate > 9/s', 9.2, 'rate 9.20/s', true],
  ['rate(write, fault) > 0.4/s', 1 / 2.001, 'rate(write, fault) 0.50/s', true],
])('%j is measured as %d', (text, value, shown, kept) => {
  const result = evaluateThreshold(read(text), measured());
  expect(result).toMatchObject({ text, shown, kept });
  const digits = result.unit === 'ns' ? -5 : 9;
  expect(result.value).toBeCloseTo(value, digits);
});

test.each([
  ['p99(cas) < 50ms', 'no cas ended ok'],
  ['p99(read, fault) < 50ms', 'no read ended ok in the phase fault'],
  ['unavailable(cas) < 5s', 'no cas completed'],
  ['ok(cas) > 1%', 'no cas completed'],
  ['rate(cas) < 100/s', 'no cas completed'],
])('%j of what did not occur is broken, and says so', (text, shown) => {
  const { value, kept, shown: said } = evaluateThreshold(read(text), measured());
  expect([value, kept, said]).toEqual([null, false, shown]);
});

test('without operations nothing is kept, and a phase that was not there is named', () => {
  const nothing = new RunStatistics({ startNs: 0 }).snapshot(5_000 * MS);
  for (const text of ['p50 < 1s', 'unavailable < 1s', 'unavailable(mutations) < 1s', 'ok > 1%']) {
    expect(evaluateThreshold(read(text), nothing)).toMatchObject({ value: null, kept: false });
  }
  const { shown } = evaluateThreshold(read('p50(read, recovery) < 1s'), nothing);
  expect(shown).toBe('the run spent no time in the phase recovery');
});

test('a value that rounds to its limit is shown in full', () => {
  expect(showMeasured({ value: 50_040_000, limit: 50_000_000, unit: 'ns' })).toBe('50.04 ms');
  expect(showMeasured({ value: 50_000_000, limit: 50_000_000, unit: 'ns' })).toBe('50.0 ms');
  expect(showMeasured({ value: 0.989_999, limit: 0.99, unit: 'ratio' })).toBe('98.9999 %');
  expect(showMeasured({ value: 499.8, limit: 500, unit: 'perSecond' })).toBe('499.8/s');
  expect(showMeasured({ value: 7, limit: 9, unit: 'count' })).toBe('7');
});
