import { parseDuration, parseDurationRange } from '../../lib/duration.ts';
import { parseSize } from '../../lib/size.ts';

/** What the text of a setting may be. */
export interface Form<T> {
  /** With its bounds, as it follows "it takes". */
  readonly form: string;
  /** Undefined when the text is not of the form, or out of bounds. */
  readonly parse: (text: string) => T | undefined;
}

/** In nanoseconds. */
export function duration(min: string, max: string): Form<number> {
  return bounded('a duration', parseDuration, min, max);
}

/** In bytes. */
export function size(min: string, max: string): Form<number> {
  return bounded('a size', parseSize, min, max);
}

export function integer(min: number, max: number): Form<number> {
  const parse = (text: string): number | undefined =>
    /^\d+$/.test(text) ? Number(text) : undefined;
  return bounded('a whole number', parse, String(min), String(max));
}

export function durationRange(
  min: string,
  max: string,
): Form<{ readonly minNs: number; readonly maxNs: number }> {
  const low = parseDuration(min) ?? 0;
  const high = parseDuration(max) ?? Infinity;
  return {
    form: `a range of durations from ${min} to ${max}, such as 150..300ms`,
    parse(text) {
      const range = parseDurationRange(text);
      return range === undefined || range.minNs < low || range.maxNs > high ? undefined : range;
    },
  };
}

export function oneOf<T extends string>(words: readonly T[]): Form<T> {
  return {
    form: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  };
}

/** `500ppm` or `1%`, from nothing to `max`. */
export function partsPerMillion(max: number): Form<number> {
  return {
    form: `a share such as 500ppm or 1%, up to ${max / 10_000}%`,
    parse(text) {
      const match = /^(\d+(?:\.\d+)?)(ppm|%)$/.exec(text);
      if (match === null) return undefined;
      const ppm = Number(match[1]) * (match[2] === '%' ? 10_000 : 1);
      return ppm <= max ? ppm : undefined;
    },
  };
}

/** `true` and `false`, nothing like them. */
export const TRUE_OR_FALSE: Form<boolean> = {
  form: 'true or false',
  parse: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
};

function bounded(
  what: string,
  parse: (text: string) => number | undefined,
  min: string,
  max: string,
): Form<number> {
  const low = parse(min) ?? 0;
  const high = parse(max) ?? Infinity;
  return {
    form: `${what} from ${min} to ${max}`,
    parse(text) {
      const value = parse(text);
      return value === undefined || value < low || value > high ? undefined : value;
    },
  };
}
