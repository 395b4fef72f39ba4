import { parseDuration } from '../lib/duration.ts';
import { PHASES, type Phase } from '../statistics/phase.ts';
import type { ThresholdResult } from '../statistics/snapshot.ts';

export const LATENCY_STATISTICS = ['p50', 'p90', 'p95', 'p99', 'p999', 'max', 'mean'] as const;
export type LatencyStatistic = (typeof LATENCY_STATISTICS)[number];

/** All f's together. */
export const EVERY_F = '*';

/** What a threshold measures. `f` is one of the workload's functions, or `*`; no phase means all. */
export type Metric =
  /** Of ok operations, from the intended start. */
  | {
      readonly type: 'latency';
      readonly statistic: LatencyStatistic;
      readonly f: string;
      readonly phase?: Phase;
    }
  /** The longest stretch in which operations waited and none completed ok; `mutations` or an f. */
  | { readonly type: 'unavailable'; readonly f: string }
  /** Share of ok among all that completed. */
  | { readonly type: 'ok'; readonly f: string; readonly phase?: Phase }
  /** Ok operations per second. */
  | { readonly type: 'rate'; readonly f: string; readonly phase?: Phase };

export type Comparator = '<' | '<=' | '>' | '>=';

/** What a run must keep: the measured value stands to the left of the comparator, the limit to its right. */
export interface Threshold {
  /** As the user wrote it. */
  readonly text: string;
  readonly metric: Metric;
  readonly comparator: Comparator;
  readonly limit: number;
  readonly unit: ThresholdResult['unit'];
}

/** Why a text is no threshold. */
export interface ThresholdProblem {
  readonly type: 'grammar' | 'function' | 'value';
  /** Where in the text, from 1; behind its last character when something is missing. */
  readonly position: number;
  /** What stands there; empty at the end of the text. */
  readonly found: string;
  /** What should. */
  readonly expected: string;
}

export type ParsedThreshold =
  | { readonly ok: true; readonly threshold: Threshold }
  | { readonly ok: false; readonly problem: ThresholdProblem };

const METRICS: readonly string[] = [...LATENCY_STATISTICS, 'unavailable', 'ok', 'rate'];
const NAME = /[^\s(),<>=]+/y;

/**
 * Reads `metric comparator value`, spaces where one likes:
 * - `p99(read) < 50ms`, `max(*) <= 2s`, `p50(write, steady) < 5ms`; also p90, p95, p999, mean
 * - `unavailable < 3s`, `unavailable(mutations) < 3s`, `unavailable(write) < 3s`
 * - `ok(write) > 99%`, `ok > 99%`, `ok(read, fault) > 50%`
 * - `rate(read) > 100/s`, `rate > 500/s`
 *
 * @param functions - every f of the workload
 */
export function parseThreshold(text: string, functions: readonly string[]): ParsedThreshold {
  const reader = new Reader(text);
  try {
    const metric = readMetric(reader, functions);
    const comparator = readComparator(reader);
    const unit = unitOf(metric);
    const limit = readLimit(reader, comparator, unit);
    return { ok: true, threshold: { text: text.trim(), metric, comparator, limit, unit } };
  } catch (thrown) {
    if (thrown instanceof Unexpected) return { ok: false, problem: thrown.problem };
    throw thrown;
  }
}

function unitOf({ type }: Metric): 'ns' | 'ratio' | 'perSecond' {
  if (type === 'ok') return 'ratio';
  return type === 'rate' ? 'perSecond' : 'ns';
}

function readMetric(reader: Reader, functions: readonly string[]): Metric {
  const name = reader.take(NAME);
  const statistic = LATENCY_STATISTICS.find((one) => one === name?.text);
  if (name === undefined || !METRICS.includes(name.text)) {
    throw reader.unexpected('grammar', `a metric: ${METRICS.join(', ')}`, name);
  }
  const hasArguments = reader.take(/\(/y) !== undefined;
  const isUnavailable = name.text === 'unavailable';
  const names = isUnavailable ? [...functions, 'mutations'] : functions;
  const f = hasArguments ? readFunction(reader, names) : EVERY_F;
  const phase = hasArguments && !isUnavailable ? readPhase(reader) : undefined;
  if (hasArguments && reader.take(/\)/y) === undefined) {
    const more = isUnavailable || phase !== undefined ? '' : ', or a comma and a phase';
    throw reader.unexpected('grammar', `a closing parenthesis${more}`);
  }
  if (isUnavailable) return { type: 'unavailable', f };
  const of = phase === undefined ? { f } : { f, phase };
  if (statistic !== undefined) return { type: 'latency', statistic, ...of };
  return { type: name.text === 'ok' ? 'ok' : 'rate', ...of };
}

function readFunction(reader: Reader, names: readonly string[]): string {
  const f = reader.take(NAME);
  if (f !== undefined && (f.text === EVERY_F || names.includes(f.text))) return f.text;
  const expected = `an operation of this workload: ${names.join(', ')}, or * for all`;
  throw reader.unexpected(f === undefined ? 'grammar' : 'function', expected, f);
}

function readPhase(reader: Reader): Phase | undefined {
  if (reader.take(/,/y) === undefined) return undefined;
  const name = reader.take(NAME);
  const phase = PHASES.find((one) => one === name?.text);
  if (phase === undefined) {
    throw reader.unexpected('grammar', `a phase: ${PHASES.join(', ')}`, name);
  }
  return phase;
}

function readComparator(reader: Reader): Comparator {
  const found = reader.take(/<=|>=|<|>/y)?.text;
  if (found === '<' || found === '<=' || found === '>' || found === '>=') return found;
  throw reader.unexpected('grammar', 'a comparison: <, <=, > or >=');
}

const FORMS = {
  ns: 'a duration with its unit (ns, us, ms, s, m, h), such as 50ms',
  ratio: 'a share in percent, such as 99.9%',
  perSecond: 'a rate per second, such as 500/s',
} as const;

function readLimit(reader: Reader, comparator: Comparator, unit: keyof typeof FORMS): number {
  // To the end, line breaks included: what comes after a limit is no part of one, and must not be lost.
  const value = reader.take(/\S.*/sy);
  if (value === undefined) throw reader.unexpected('grammar', FORMS[unit]);
  const limit = limitOf(value.text.trim(), unit);
  if (limit === undefined) throw reader.unexpected('value', FORMS[unit], value);
  const bound = boundOf(limit, comparator, unit);
  if (bound !== undefined) throw reader.unexpected('value', bound, value);
  return limit;
}

function limitOf(text: string, unit: keyof typeof FORMS): number | undefined {
  if (unit === 'ns') return parseDuration(text.replace(/(\d)\s+(?=[a-z])/, '$1'));
  const pattern = unit === 'ratio' ? /^(-?\d+(?:\.\d+)?)\s*%$/ : /^(-?\d+(?:\.\d+)?)\s*\/\s*s$/;
  const number = pattern.exec(text)?.[1];
  if (number === undefined) return undefined;
  // As a decimal, for 99.9 / 100 is more than 0.999, which 999 of 1000 are.
  return Number(unit === 'ratio' ? `${number}e-2` : number);
}

/** What is wrong with a limit that every run keeps, or none. */
function boundOf(
  limit: number,
  comparator: Comparator,
  unit: keyof typeof FORMS,
): string | undefined {
  if (unit !== 'ratio') {
    const isSensible = limit > 0 && Number.isFinite(limit);
    return isSensible ? undefined : `${unit === 'ns' ? 'a duration' : 'a rate'} above 0`;
  }
  if (limit < 0 || limit > 1) return 'a share from 0% to 100%';
  const isNever = comparator === (limit === 1 ? '>' : '<');
  const isAlways = comparator === (limit === 1 ? '<=' : '>=');
  if ((limit !== 0 && limit !== 1) || (!isNever && !isAlways)) return undefined;
  return `a share that a run can both keep and break: ${isNever ? 'none' : 'every run'} keeps this`;
}

interface Token {
  readonly text: string;
  /** From 0. */
  readonly at: number;
}

/** Reads a text from left to right; spaces mean nothing. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** @param pattern - sticky; what it matches is read, and nothing when it does not match here */
  take(pattern: RegExp): Token | undefined {
    this.#at += /^\s*/.exec(this.#text.slice(this.#at))?.[0].length ?? 0;
    const at = this.#at;
    pattern.lastIndex = at;
    const text = pattern.exec(this.#text)?.[0];
    if (text === undefined) return undefined;
    this.#at += text.length;
    return { text, at };
  }

  /** @param token - what was read instead; by default what comes next */
  unexpected(type: ThresholdProblem['type'], expected: string, token?: Token): Unexpected {
    const { text, at } = token ?? { text: this.#text.slice(this.#at).trim(), at: this.#at };
    return new Unexpected({ type, position: at + 1, found: text.trim(), expected });
  }
}

class Unexpected extends Error {
  readonly problem: ThresholdProblem;

  constructor(problem: ThresholdProblem) {
    super(problem.expected);
    this.problem = problem;
  }
}
