import { canonicalJson } from '../json.ts';
import type { Model } from '../models/model.ts';
import { microsOf, multiRegister } from '../models/multi-register.ts';
import { Cursor, type Table } from '../table.ts';

/** Functions of a container: what puts a value in, what takes one out (its output; null: it was empty). */
export const CONTAINERS: Partial<Record<string, { readonly put: string; readonly take: string }>> =
  {
    queue: { put: 'enqueue', take: 'dequeue' },
    bag: { put: 'enqueue', take: 'dequeue' },
    stack: { put: 'push', take: 'pop' },
  };

/** Functions of what only grows: what adds a value, what reads all. */
export const COLLECTIONS: Partial<Record<string, { readonly put: string; readonly read: string }>> =
  {
    set: { put: 'add', read: 'read' },
    list: { put: 'append', read: 'read' },
  };

/**
 * Of weak mutations those that can matter to an order of the strong ones, by the kind of object.
 *
 * - *Set, list*: one that adds a value which no strong read holds stands, in a legal order, behind all
 *   strong reads: without it no read there changes.
 * - *Queue, bag, stack*: one that puts in a value which no strong operation took out goes, together
 *   with the weak operation that takes that copy out, if there is one: the order among the others stays,
 *   and what was empty stays empty. When then of every value no more copies can come in than strong
 *   operations take out, a legal order leaves none for weak ones to take: those go as well.
 * - *Several registers*: one that leaves in no register a value that a strong operation read there goes: what
 *   is between it and the next write of those registers did not read them, and finds the same without it.
 * - Others: all matter.
 *
 * @param strong - rows, ascending
 * @param weak - rows of mutations that are weak, ascending
 */
export function mattersInside(
  table: Table,
  model: Model,
  strong: readonly number[],
  weak: number[],
): number[] {
  const structure = model.structure ?? '';
  const collection = COLLECTIONS[structure];
  if (collection !== undefined) return readByStrong(table, strong, weak);
  if (model.name === multiRegister.name) return leftForStrong(table, strong, weak);
  const container = CONTAINERS[structure];
  if (container !== undefined) return movedByStrong(table, strong, weak, container.put);
  return weak;
}

/** Of weak mutations that matter those that put in what strong operations took out or read. */
export function madeInside(
  table: Table,
  model: Model,
  mattering: readonly number[],
): readonly number[] {
  const structure = model.structure ?? '';
  const put = (CONTAINERS[structure] ?? COLLECTIONS[structure])?.put;
  const { f, functions } = table.columns;
  return mattering.filter((row) => functions[f[row] as number] === put);
}

function readByStrong(table: Table, strong: readonly number[], weak: number[]): number[] {
  const { output, input, values } = table.columns;
  const seen = new Set<number>();
  for (const row of strong) {
    for (const element of values.elements(output[row] as number) ?? []) seen.add(element);
  }
  return weak.filter((row) => seen.has(input[row] as number));
}

function leftForStrong(table: Table, strong: readonly number[], weak: number[]): number[] {
  const cursor = new Cursor(table.columns);
  const registers = (row: number, isWrite: boolean): readonly string[] =>
    microsOf(cursor.at(row))
      .filter((micro) => micro.isWrite === isWrite)
      .map(({ key, value }) => canonicalJson([key, value]));
  const read = new Set(strong.flatMap((row) => registers(row, false)));
  return weak.filter((row) => registers(row, true).some((written) => read.has(written)));
}

function movedByStrong(
  table: Table,
  strong: readonly number[],
  weak: number[],
  put: string,
): number[] {
  const { output, input, f, functions } = table.columns;
  const puts = functions.indexOf(put);
  // Per value: how often strong operations took it out, less how often it can have been put in.
  const balance = new Map<number, number>();
  const add = (value: number, change: number): void => {
    balance.set(value, (balance.get(value) ?? 0) + change);
  };
  const taken = new Set<number>();
  for (const row of strong) {
    if (f[row] === puts) add(input[row] as number, -1);
    else {
      taken.add(output[row] as number);
      add(output[row] as number, 1);
    }
  }
  const kept = weak.filter((row) => f[row] !== puts || taken.has(input[row] as number));
  for (const row of kept) if (f[row] === puts) add(input[row] as number, -1);
  for (const count of balance.values()) if (count < 0) return kept;
  return kept.filter((row) => f[row] === puts);
}
