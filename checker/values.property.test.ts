import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Json } from './history.ts';
import { canonicalJson, isArray } from './json.ts';
import { NULL, Values } from './values.ts';

/** Small ones, so that equal ones meet; and any. */
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Json>(null, true, false, 0, -0, 1, -1, 0.5, 2 ** 30 - 1, 2 ** 30, 2 ** 53 - 1),
    fc.constantFrom<Json>(
      '',
      '1',
      'null',
      '\ud800',
      '\ufffd',
      '\ufeff',
      'é',
      'abc',
      'abcd',
      'abc\0',
      '\0',
    ),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__', '0', ''), tie('json'), { maxKeys: 3 }),
  ),
}));

/** The same value by the ways in that readers of bytes use, where there is one. */
function byParts(values: Values, value: Json): number {
  if (typeof value === 'boolean') return values.boolean(value);
  if (typeof value === 'number') return values.number(value);
  if (typeof value === 'string' && /^[ -~]*$/.test(value)) {
    const bytes = new TextEncoder().encode(`..${value}.`);
    return values.ascii(bytes, 2, bytes.length - 1);
  }
  if (value === null || !isArray(value)) return values.id(value);
  const begin = values.beginArray();
  for (const element of value) values.element(byParts(values, element));
  return values.endArray(begin);
}

/** Members in the opposite order. */
function reversed(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (isArray(value)) return value.map(reversed);
  const members = Object.entries(value).map(([name, member]) => [name, reversed(member)] as const);
  return Object.fromEntries(members.toReversed());
}

test.each([false, true])(
  'two values have one id exactly when they are structurally equal, by every way in (shared: %s)',
  (isShared) => {
    let equal = 0;
    let different = 0;
    fc.assert(
      fc.property(fc.array(json, { minLength: 2, maxLength: 12 }), fc.nat(), (all, cut) => {
        const first = new Values(isShared);
        const known = cut % all.length;
        const early = all.slice(0, known).map((each) => first.id(each));
        const later = Values.from(structuredClone(first.snapshot()));
        // What the one adds is not seen by the other.
        for (const each of all.slice(known)) first.id([each, 'elsewhere']);
        const ids = all.map((each) => later.id(each));
        expect(ids.slice(0, known)).toEqual(early);
        expect(all.map((each) => byParts(later, each))).toEqual(ids);
        expect(all.map((each) => later.id(reversed(each)))).toEqual(ids);
        const texts = all.map(canonicalJson);
        for (const [i, a] of texts.entries()) {
          for (const [j, b] of texts.entries()) {
            if (i === j) continue;
            if (a === b) equal++;
            else different++;
            expect(ids[i] === ids[j]).toBe(a === b);
          }
          expect(canonicalJson(later.value(ids[i] as number))).toBe(a);
        }
      }),
      { numRuns: 3000 },
    );
    expect(Math.min(equal, different)).toBeGreaterThan(300);
  },
);

test('small integers are their own ids, and null is -1', () => {
  const values = new Values();
  expect([0, 1, 2 ** 30 - 1, -0].map((each) => values.id(each))).toEqual([0, 1, 2 ** 30 - 1, 0]);
  expect(values.id(null)).toBe(NULL);
  for (const other of [2 ** 30, -1, 0.5, '', 'a', false, [], {}]) {
    expect(values.id(other)).toBeLessThan(NULL);
  }
});

test('the elements of an array are ids of its values, without its JSON', () => {
  const values = new Values();
  const id = values.id([3, null, 'a', [1, 2]]);
  expect(values.elements(id)).toEqual(Int32Array.of(3, NULL, values.id('a'), values.id([1, 2])));
  expect(values.elements(values.id([]))).toEqual(new Int32Array(0));
  for (const other of [3, null, 'a', true, { 0: 1 }]) {
    expect(values.elements(values.id(other))).toBeUndefined();
  }
});

test('many values, long ones among them, keep their ids and contents while the arena grows', () => {
  const values = new Values();
  const all: Json[] = Array.from({ length: 3000 }, (_, i) =>
    i % 3 === 0 ? `value ${i}` : i % 3 === 1 ? -i : Array.from({ length: i }, (__, j) => i + j),
  );
  const ids = all.map((each) => values.id(each));
  expect(new Set(ids).size).toBe(all.length);
  expect(all.map((each) => values.id(each))).toEqual(ids);
  expect(ids.map((id) => values.value(id))).toEqual(all);
});

test('the members of an object come back in the order in which their names were first seen', () => {
  const values = new Values();
  expect(Object.keys(values.value(values.id({ b: 1, a: 2 })) as object)).toEqual(['b', 'a']);
});
