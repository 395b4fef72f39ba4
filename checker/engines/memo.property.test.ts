import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isAtMost, Memo, packing } from './memo.ts';

test('packed numbers compare as each of them does', () => {
  let atMost = 0;
  fc.assert(
    fc.property(
      fc
        .array(fc.constantFrom(1, 2, 3, 7, 8, 100, 70_000, 2 ** 30), {
          minLength: 1,
          maxLength: 12,
        })
        .chain((maxima) =>
          fc.record({
            maxima: fc.constant(maxima),
            a: fc.tuple(...maxima.map((max) => fc.integer({ min: 0, max }))),
            more: fc.tuple(...maxima.map(() => fc.constantFrom(0, 0, 0, 1, -1))),
          }),
        ),
      ({ maxima, a, more }) => {
        const { words, wordOf, oneOf, guards } = packing(maxima);
        const b = a.map((each, i) => Math.min(maxima[i] ?? 0, Math.max(0, each + (more[i] ?? 0))));
        const pack = (numbers: readonly number[]): Int32Array => {
          const packed = new Int32Array(words);
          for (const [i, each] of numbers.entries()) {
            const word = wordOf[i] ?? 0;
            packed[word] = (packed[word] ?? 0) + Math.imul(each, oneOf[i] ?? 0);
          }
          return packed;
        };
        const [packedA, packedB] = [pack(a), pack(b)];
        const found = guards.every((guard, i) => isAtMost(packedA[i] ?? 0, packedB[i] ?? 0, guard));
        const expected = a.every((each, i) => each <= (b[i] ?? 0));
        if (expected) atMost++;
        expect(found).toBe(expected);
      },
    ),
    { numRuns: 5_000 },
  );
  expect(atMost).toBeGreaterThan(500);
  expect(atMost).toBeLessThan(4_500);
});

/** Sets as numbers of up to 4 bits; a configuration is known as soon as a subset was added. */
test('a configuration counts as seen only after one that dominates it, whatever was forgotten', () => {
  const seen = { known: 0, forgotten: 0 };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(9), fc.nat(3), fc.nat(15), fc.nat(3)), {
        minLength: 100,
        maxLength: 300,
      }),
      fc.constantFrom(0, 3_000, Infinity),
      (steps, bytesMax) => {
        const key = new Int32Array(1);
        const burden = new Int32Array(1);
        const used = new Int32Array(1);
        const { guards } = packing([3]);
        const memo = new Memo({ key, burden, used, guards }, bytesMax);
        const added: (readonly number[])[] = [];
        for (const [position, itsKey, itsBurden, itsUsed] of steps) {
          key[0] = itsKey;
          burden[0] = itsBurden;
          used[0] = itsUsed;
          const isNew = memo.add(position, 7);
          const isDominated = added.some(
            ([p, k, b = 0, u = 0]) =>
              p === position && k === itsKey && (b & ~itsBurden) === 0 && u <= itsUsed,
          );
          if (!isNew) seen.known++;
          // What is forgotten may be new again; what was never there may not be known.
          expect([isDominated, isDominated && bytesMax === Infinity]).toContain(!isNew);
          added.push([position, itsKey, itsBurden, itsUsed]);
        }
        seen.forgotten += memo.forgotten;
        expect(memo.bytes).toBeLessThanOrEqual(Math.max(bytesMax, 2_000));
      },
    ),
    { numRuns: 300 },
  );
  expect(seen.known).toBeGreaterThan(1_000);
  expect(seen.forgotten).toBeGreaterThan(1_000);
});
