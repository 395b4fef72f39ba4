import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProcessSet } from './process-set.ts';

test('holds the ids that were added and no other, near or far, negative or beyond 32 bits', () => {
  const id = fc.oneof(
    fc.integer({ min: -70, max: 5_000 }),
    fc.maxSafeInteger(),
    fc.constantFrom(1023, 1024, 2 ** 31, 2 ** 32, -1024, -1025),
  );
  fc.assert(
    fc.property(fc.array(id), fc.array(id), (added, asked) => {
      const set = new ProcessSet();
      for (const each of added) set.add(each);
      const known = new Set(added);
      for (const each of [...added, ...asked]) expect(set.has(each)).toBe(known.has(each));
    }),
  );
});
