import { expect, test } from 'vitest';
import { budgetFlag, durationFlag, integerFlag, rateFlag, sizeFlag } from './flag-values.ts';

test('values carry their units', () => {
  expect(durationFlag('--duration', '1.5s')).toBe(1_500_000_000);
  expect(rateFlag('--rate', '500/s')).toBe(500);
  expect(integerFlag('--nodes', '5', { min: 1, max: 15 })).toBe(5);
  expect(budgetFlag('--budget', '60s,2GiB')).toEqual({
    timeNs: 60_000_000_000,
    memoryBytes: 2 * 1024 ** 3,
  });
  expect(sizeFlag('--max-disk', '1.5MiB')).toBe(1.5 * 1024 ** 2);
  expect(budgetFlag('--budget', '100ms,512KiB').memoryBytes).toBe(512 * 1024);
});

test.each<[string, () => unknown]>([
  ['0s', () => durationFlag('--duration', '0s')],
  ['30', () => durationFlag('--duration', '30')],
  ['-5s', () => durationFlag('--duration', '-5s')],
  ['500', () => rateFlag('--rate', '500')],
  ['0/s', () => rateFlag('--rate', '0/s')],
  ['1e3', () => integerFlag('--nodes', '1e3', { min: 1, max: 2000 })],
  ['16', () => integerFlag('--nodes', '16', { min: 1, max: 15 })],
  ['2GB', () => sizeFlag('--max-disk', '2GB')],
  ['0MiB', () => sizeFlag('--max-disk', '0MiB')],
  ['60s', () => budgetFlag('--budget', '60s')],
  ['2GiB,60s', () => budgetFlag('--budget', '2GiB,60s')],
  ['60s,2GB', () => budgetFlag('--budget', '60s,2GB')],
  ['0s,1GiB', () => budgetFlag('--budget', '0s,1GiB')],
])('%s is refused, naming the flag and what it takes', (text, parse) => {
  expect(parse).toThrow(new RegExp(`^--[\\w-]+ ${text.replace('/', '.')} is not `));
});
