/** Times are integer nanoseconds held in numbers: exact to 104 days. */
export const MICROSECOND = 1_000;
export const MILLISECOND = 1_000_000;
export const SECOND = 1_000_000_000;

const UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: MICROSECOND,
  ms: MILLISECOND,
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
};

/**
 * Reads a duration with its unit (`150ms`, `1.5s`, `2m`).
 *
 * @returns nanoseconds, or undefined when the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)$/.exec(text.trim());
  if (match === null) return undefined;
  const unit = UNITS[match[2] ?? ''];
  return unit === undefined ? undefined : Math.round(Number(match[1]) * unit);
}

export interface DurationRange {
  readonly minNs: number;
  readonly maxNs: number;
}

/**
 * Reads a range with two dots (`150..300ms`, `150ms..1s`); a single duration is a range of one point.
 * The first number may leave its unit to the second.
 *
 * @returns undefined when the text is no range, or its ends are the wrong way round
 */
export function parseDurationRange(text: string): DurationRange | undefined {
  const dots = text.indexOf('..');
  if (dots < 0) {
    const both = parseDuration(text);
    return both === undefined ? undefined : { minNs: both, maxNs: both };
  }
  const high = text.slice(dots + 2).trim();
  let low = text.slice(0, dots).trim();
  if (/^\d+(\.\d+)?$/.test(low)) low += /[a-z]+$/.exec(high)?.[0] ?? '';
  const minNs = parseDuration(low);
  const maxNs = parseDuration(high);
  if (minNs === undefined || maxNs === undefined || minNs > maxNs) return undefined;
  return { minNs, maxNs };
}

/** Three significant digits and a unit that fits: `1.42 s`, `350 ms`, `12.3 µs`. */
export function formatDuration(ns: number): string {
  if (ns >= SECOND) return `${significant(ns / SECOND)} s`;
  if (ns >= MILLISECOND) return `${significant(ns / MILLISECOND)} ms`;
  if (ns >= MICROSECOND) return `${significant(ns / MICROSECOND)} µs`;
  return `${Math.round(ns)} ns`;
}

/** Seconds since the run began with milliseconds, as reports name instants: `31.207 s`. */
export function formatInstant(ns: number): string {
  return `${(ns / SECOND).toFixed(3)} s`;
}

function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
