import { parseDuration } from '../lib/duration.ts';
import { usageError } from './failure-message.ts';

function badValue(flag: string, text: string, form: string, example: string): Error {
  return usageError({
    code: 'GONG-E062',
    what: `${flag} ${text} is not ${form}`,
    why: `${flag} takes ${form}`,
    fix: `for example ${flag} ${example}`,
  });
}

/** @returns nanoseconds, more than 0. @throws UserError (`usage`) */
export function durationFlag(flag: string, text: string): number {
  const ns = parseDuration(text);
  if (ns === undefined || ns <= 0) {
    throw badValue(flag, text, 'a duration with its unit, more than 0', '30s');
  }
  return ns;
}

/** @throws UserError (`usage`) */
export function integerFlag(
  flag: string,
  text: string,
  bounds: { readonly min: number; readonly max: number },
): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  const form = `a whole number from ${bounds.min} to ${bounds.max}`;
  throw badValue(flag, text, form, String(bounds.min));
}

/** `500/s`. @returns operations per second. @throws UserError (`usage`) */
export function rateFlag(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\/s$/.exec(text);
  const rate = Number(match?.[1]);
  if (match === null || !(rate > 0)) throw badValue(flag, text, 'a rate per second', '500/s');
  return rate;
}

export interface Budget {
  readonly timeNs: number;
  readonly memoryBytes: number;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(KiB|MiB|GiB)$/.exec(text);
  return Number(match?.[1]) * (SIZE_UNITS[match?.[2] ?? ''] ?? NaN);
}

/** `2GiB`. @returns bytes, more than 0. @throws UserError (`usage`) */
export function sizeFlag(flag: string, text: string): number {
  const bytes = parseSize(text);
  if (!(bytes > 0)) throw badValue(flag, text, 'a size in KiB, MiB or GiB', '2GiB');
  return bytes;
}

/** `60s,2GiB`: time and memory, in this order. @throws UserError (`usage`) */
export function budgetFlag(flag: string, text: string): Budget {
  const [time = '', size = '', ...rest] = text.split(',');
  const timeNs = parseDuration(time);
  const memoryBytes = parseSize(size.trim());
  if (timeNs === undefined || timeNs <= 0 || !(memoryBytes > 0) || rest.length > 0) {
    throw badValue(flag, text, 'a time and a memory budget', '60s,2GiB');
  }
  return { timeNs, memoryBytes };
}

/** @throws UserError (`usage`) naming the words there are */
export function oneOf(flag: string, word: string, known: Iterable<string>): void {
  const words = [...known];
  if (words.includes(word)) return;
  throw usageError({
    code: 'GONG-E063',
    what: `${flag} ${word} is not known`,
    why: `there ${words.length === 1 ? 'is' : 'are'} ${words.join(', ')}`,
    fix: `pass ${flag} ${words[0] ?? ''}`,
  });
}
