import { NEVER, type Table } from '../table.ts';

/** No element, no row. */
export const NONE = -1;

/** What `add` and `append` put in and `read` gave back, numbered for engines. */
export interface Contents {
  /** Elements are numbered in the order in which somebody first began to put them in. */
  readonly elements: number;
  /** Per row: the element that it puts in; NONE for reads. */
  readonly elementOf: Int32Array;
  /** Per element: the first row that puts it in. */
  readonly firstPut: Int32Array;
  /** True when no element is put in twice. */
  readonly isUnique: boolean;
  /**
   * Completed reads with one result: the result's elements, and of those reads the first to return.
   * By result.
   */
  readonly results: readonly Result[];
  /** Per row: which of `results` a completed read returned; NONE for all others. */
  readonly resultOf: Int32Array;
  /** The number of an element by the id of its value; NONE when nobody puts it in. */
  readonly numberOf: (id: number) => number;
}

export interface Result {
  /** Ids of values, as returned. */
  readonly ids: Int32Array;
  readonly firstToReturn: number;
}

/** @param put - name of the function that puts in; all else reads */
export function contentsOf(table: Table, put: string): Contents {
  const { size, columns } = table;
  const { values, input, output } = columns;
  const putNumber = columns.functions.indexOf(put);
  const numbers = new Numbers(columns.input);
  const elementOf = new Int32Array(size).fill(NONE);
  const resultOf = new Int32Array(size).fill(NONE);
  const firstPut: number[] = [];
  const results = new Map<number, { number: number; firstToReturn: number }>();
  let puts = 0;
  for (let row = 0; row < size; row++) {
    if (columns.f[row] === putNumber) {
      const element = numbers.add(input[row] as number);
      if (element === firstPut.length) firstPut.push(row);
      elementOf[row] = element;
      puts++;
    } else if (table.return[row] !== NEVER) {
      const id = output[row] as number;
      const known = results.get(id);
      if (known === undefined) {
        resultOf[row] = results.size;
        results.set(id, { number: results.size, firstToReturn: row });
      } else {
        resultOf[row] = known.number;
        const first = table.return[known.firstToReturn] as number;
        if ((table.return[row] as number) < first) known.firstToReturn = row;
      }
    }
  }
  return {
    elements: firstPut.length,
    elementOf,
    firstPut: Int32Array.from(firstPut),
    isUnique: puts === firstPut.length,
    results: Array.from(results, ([id, { firstToReturn }]) => ({
      ids: values.elements(id) ?? new Int32Array(0),
      firstToReturn,
    })),
    resultOf,
    numberOf: (id) => numbers.get(id),
  };
}

/** Numbers for ids of values, in arrays where the ids are dense enough. */
class Numbers {
  readonly #small: Int32Array;
  readonly #interned: Int32Array;
  readonly #others = new Map<number, number>();
  #count = 0;

  /** @param ids - those that will be added, and perhaps others */
  constructor(ids: Int32Array) {
    let greatest = 0;
    let least = 0;
    for (const id of ids) {
      if (id > greatest) greatest = id;
      if (id < least) least = id;
    }
    const room = 4 * ids.length + 1024;
    this.#small = new Int32Array(Math.min(greatest + 1, room)).fill(NONE);
    this.#interned = new Int32Array(Math.min(-least, room)).fill(NONE);
  }

  get(id: number): number {
    if (id >= 0) {
      if (id < this.#small.length) return this.#small[id] as number;
    } else if (-1 - id < this.#interned.length) {
      return this.#interned[-1 - id] as number;
    }
    return this.#others.size === 0 ? NONE : (this.#others.get(id) ?? NONE);
  }

  /** @returns the number it has, or a new one */
  add(id: number): number {
    const known = this.get(id);
    if (known !== NONE) return known;
    if (id >= 0 && id < this.#small.length) this.#small[id] = this.#count;
    else if (id < 0 && -1 - id < this.#interned.length) this.#interned[-1 - id] = this.#count;
    else this.#others.set(id, this.#count);
    return this.#count++;
  }
}
