import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnsOf, findMalformed, MODELS, type Json, type Operation } from './index.ts';

const integer = fc.oneof(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 0x3fff_ffff }));
const value = fc.oneof(
  { weight: 4, arbitrary: integer },
  { weight: 2, arbitrary: fc.constant(null) },
  fc.constantFrom<Json>('a', -1, 1.5, 2 ** 40, true, [], [1], [1, 2], [null, 1], [1, null], {}),
);

function operation(parts: Partial<Operation>, at: number): Operation {
  const times = { invoke: 2 * at, return: 2 * at + 1, invokeTime: at, returnTime: at };
  const names = { key: 'k', node: undefined, servedBy: undefined };
  const usual = { f: 'read', input: null, output: null, outcome: 'ok' as const, applied: true };
  const its = { ...usual, id: 2 * at, process: 0, ...names, ...times, ...parts };
  return its.outcome === 'info' ? { ...its, return: Infinity, returnTime: Infinity } : its;
}

describe.each([...MODELS.values()])('$name', (model) => {
  const some = fc
    .record({
      f: fc.constantFrom(...model.functions, 'foreign'),
      input: value,
      output: value,
      isCrashed: fc.boolean(),
      applied: fc.boolean(),
    })
    .map(({ isCrashed, ...parts }): Partial<Operation> =>
      isCrashed ? { ...parts, outcome: 'info', output: null, applied: true } : parts,
    );

  test('integers that are their own ids are alike to it', () => {
    fc.assert(
      fc.property(some, integer, (parts, other) => {
        const isWrong = (each: Partial<Operation>): boolean =>
          model.malformed(operation(each, 0)) !== undefined;
        const isAlike = (each: Json | undefined): boolean =>
          Number.isInteger(each) && Number(each) >= 0 && Number(each) < 2 ** 30;
        const input = isAlike(parts.input) ? other : (parts.input ?? null);
        const output = isAlike(parts.output) ? other : (parts.output ?? null);
        expect(isWrong({ ...parts, input, output })).toBe(isWrong(parts));
      }),
    );
  });

  test('the first malformed operation of columns is the first of all', () => {
    const found = { malformed: 0, none: 0 };
    const wellFormed = some.filter((parts) => model.malformed(operation(parts, 0)) === undefined);
    const many = fc.array(fc.oneof({ weight: 20, arbitrary: wellFormed }, some), { maxLength: 20 });
    fc.assert(
      fc.property(many, (parts) => {
        const operations = parts.map(operation);
        const wrong = findMalformed(operations, model);
        expect(findMalformed(columnsOf(operations), model)).toEqual(wrong);
        found[wrong === undefined ? 'none' : 'malformed']++;
      }),
      { numRuns: 300 },
    );
    expect(found.malformed).toBeGreaterThan(10);
    expect(found.none).toBeGreaterThan(10);
  });
});
