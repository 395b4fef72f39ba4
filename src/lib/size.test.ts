import { expect, test } from 'vitest';
import { parseSize } from './size.ts';

test.each([
  ['0B', 0],
  ['512B', 512],
  ['256KiB', 262_144],
  ['1.5MiB', 1_572_864],
  ['2GiB', 2 ** 31],
])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));

test.each(['', '12', 'MiB', '1MB', '1 MiB', '-1B', '1e3B', '0x1B'])(
  '%o is no size: a unit is part of it',
  (text) => expect(parseSize(text)).toBeUndefined(),
);
