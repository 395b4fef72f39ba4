import { expect, test } from 'vitest';
import type { Json, Operation } from '../history.ts';
import { casRegister } from '../models/register.ts';
import { Table } from '../table.ts';
import { compile } from './problem.ts';

/** Completed operations, one after the other. */
function sequence(of: readonly (readonly [f: string, input: Json, output: Json])[]): Operation[] {
  return of.map(([f, input, output], i) => ({
    id: 2 * i,
    process: 0,
    f,
    key: undefined,
    input,
    output,
    outcome: 'ok',
    applied: true,
    invoke: 2 * i,
    return: 2 * i + 1,
    invokeTime: 2 * i,
    returnTime: 2 * i + 1,
    node: undefined,
    servedBy: undefined,
  }));
}

test('among hundreds of thousands of values, too, operations of one class do the same', () => {
  const values = 300_000;
  const reads = Array.from({ length: values }, (_, i) => ['read', null, i] as const);
  const last = values - 1;
  const cas = Array.from({ length: 16 }, (_, i) => ['cas', [last, last - 100 + i], null] as const);
  const problem = compile(Table.of(sequence([...reads, ...cas, ...cas])), casRegister);
  const classes = [...problem.classOf.subarray(values)];
  expect(new Set(classes).size).toBe(cas.length);
  expect(classes.slice(0, cas.length)).toEqual(classes.slice(cas.length));
  expect(problem.classes).toBe(values + cas.length);
});
