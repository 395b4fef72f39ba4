import { expect, test } from 'vitest';
import { formatDuration, parseDuration, parseDurationRange } from './duration.ts';

test('a duration carries its unit; a bare number is none', () => {
  expect(parseDuration('150ms')).toBe(150_000_000);
  expect(parseDuration('1.5s')).toBe(1_500_000_000);
  expect(parseDuration('2m')).toBe(120_000_000_000);
  for (const bad of ['', '5', 's', '-1s', '1 parsec', '1s2']) {
    expect(parseDuration(bad)).toBeUndefined();
  }
});

test('a range has two dots, and its first number may leave the unit to the second', () => {
  expect(parseDurationRange('150..300ms')).toEqual({ minNs: 150_000_000, maxNs: 300_000_000 });
  expect(parseDurationRange('500ms..1s')).toEqual({ minNs: 500_000_000, maxNs: 1_000_000_000 });
  expect(parseDurationRange('1s')).toEqual({ minNs: 1_000_000_000, maxNs: 1_000_000_000 });
  expect(parseDurationRange('300..150ms')).toBeUndefined();
  expect(parseDurationRange('1..2')).toBeUndefined();
});

test('durations are shown with three digits and a unit that fits', () => {
  expect(formatDuration(1_424_000_000)).toBe('1.42 s');
  expect(formatDuration(12_340)).toBe('12.3 µs');
  expect(formatDuration(350_000_000)).toBe('350 ms');
});
