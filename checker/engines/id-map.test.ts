import { expect, test } from 'vitest';
import { mulberry32 } from '../testing/generate.ts';
import { IdMap, NO_NUMBER } from './id-map.ts';

test.each([
  { what: 'close together', least: -40, greatest: 900 },
  { what: 'far apart', least: -1_000_000_000, greatest: 1_000_000_000 },
])('an id has the number that it was first added with: ids $what', ({ least, greatest }) => {
  const random = mulberry32(7);
  const draw = (): number => least + Math.floor(random() * (greatest - least + 1));
  const ids = Array.from({ length: 400 }, draw);
  const map = new IdMap({ least, greatest, count: 2 * ids.length });
  const expected = new Map<number, number>();
  for (const [i, id] of [...ids, ...ids.slice(100, 200)].entries()) {
    expect(map.add(id, i)).toBe(!expected.has(id));
    if (!expected.has(id)) expected.set(id, i);
  }
  for (const id of [...ids, ...Array.from({ length: 2_000 }, draw), least - 1, greatest + 1]) {
    expect(map.get(id)).toBe(expected.get(id) ?? NO_NUMBER);
  }
  expect(expected.size).toBeGreaterThan(300);
});
