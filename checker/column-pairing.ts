import {
  completionWithoutInvoke,
  indexMismatch,
  nemesisType,
  processBusy,
  processRetired,
  wrongFunction,
  wrongKey,
  type HistoryError,
} from './history-error.ts';
import { assertNever, defined } from './assert.ts';
import type { HistoryEvent } from './history.ts';
import { ABSENT, Names, NEVER, type Columns } from './table.ts';
import { NULL, Values } from './values.ts';

/** A history as columns. */
export interface ColumnHistory {
  /** No rows is a history that proves nothing: the caller decides. */
  readonly columns: Columns;
  /** Operations that certainly did not happen: dropped, only counted. */
  readonly failed: number;
  /** Events of the fault injector, in order. */
  readonly nemesis: readonly HistoryEvent[];
  /** How many events were read, those of the nemesis included. */
  readonly events: number;
}

/** Why an event cannot follow those before it; FOLLOWS when it can. */
export type Step = number;
export const FOLLOWS: Step = 0;
const BUSY: Step = 1;
const RETIRED: Step = 2;
const NOTHING_PENDING: Step = 3;
const OTHER_FUNCTION: Step = 4;
const OTHER_KEY: Step = 5;

/** What is stored of a process: the row of its pending operation plus 1, or one of these. */
const IS_IDLE = 0;
const IS_RETIRED = -1;

/** Processes from 0 to here are numbers of an array. */
const DENSE_PROCESSES = 1 << 22;

/** Marks, in the column of completions, an operation that certainly did not happen. */
const FAILED = -1;

/** More operations are not believed before they come. */
const EXPECTED_MAX = 1 << 22;

const FUNCTIONS_MAX = 0x1_0000;

/**
 * Pairs invocations with completions as events arrive, straight into columns: what `Pairing` does,
 * with the same errors, without an object for each event.
 */
export class ColumnPairing {
  readonly #isShared: boolean;
  readonly values: Values;
  #functions = new Names();
  readonly #keys = new Names();
  readonly #nodes = new Names();
  readonly #functionOf = new TextNumbers(this.#functions);
  readonly #keyOf = new TextNumbers(this.#keys);
  readonly #nodeOf = new TextNumbers(this.#nodes);
  readonly #nemesis: HistoryEvent[] = [];
  #position = 0;
  #failed = 0;
  #dense = new Int32Array(256);
  readonly #sparse = new Map<number, number>();

  #size = 0;
  #capacity: number;
  #f: Uint16Array;
  #input: Int32Array;
  #output: Int32Array;
  #applied: Uint8Array;
  #invoke: Int32Array;
  #return: Int32Array;
  #processes: Float64Array;
  #invokeTime: Float64Array;
  #returnTime: Float64Array;
  #key: Int32Array;
  #node: Int32Array;
  #servedBy: Int32Array;

  /**
   * @param isShared - whether other threads are to see the columns without a copy
   * @param expected - operations, about: memory is taken for as many, and more when more come
   */
  constructor(isShared: boolean, expected: number = 0) {
    this.#isShared = isShared;
    this.#capacity = Math.ceil(Math.max(1024, Math.min(expected, EXPECTED_MAX)));
    this.values = new Values(isShared);
    const empty = new Int32Array(0);
    const capacity = this.#capacity;
    this.#f = new Uint16Array(this.#memory(2 * capacity));
    this.#applied = new Uint8Array(this.#memory(capacity));
    this.#input = this.#grown(empty);
    this.#output = this.#grown(empty);
    this.#invoke = this.#grown(empty);
    this.#return = this.#grown(empty);
    this.#key = this.#grown(empty);
    this.#node = this.#grown(empty);
    this.#servedBy = this.#grown(empty);
    this.#processes = new Float64Array(this.#memory(8 * capacity));
    this.#invokeTime = new Float64Array(this.#memory(8 * capacity));
    this.#returnTime = new Float64Array(this.#memory(8 * capacity));
  }

  /** How many events were added: the index of the next. */
  get position(): number {
    return this.#position;
  }

  /** @param text - the id, among `values`, of the name */
  functionNumber(text: number): number {
    // No model knows as many: one that comes earlier is reported.
    return Math.min(this.#functionOf.number(text, this.values), FUNCTIONS_MAX - 1);
  }

  keyNumber(text: number): number {
    return this.#keyOf.number(text, this.values);
  }

  nodeNumber(text: number): number {
    return this.#nodeOf.number(text, this.values);
  }

  /**
   * The next event, an invocation.
   *
   * @param process - a safe integer
   * @param f - `functionNumber`; `key` and `node` likewise, or ABSENT
   * @param input - an id
   * @returns FOLLOWS; or why not, then nothing has changed
   */
  invoke(process: number, f: number, key: number, input: number, node: number, time: number): Step {
    const state = this.#state(process);
    if (state !== IS_IDLE) return state === IS_RETIRED ? RETIRED : BUSY;
    const row = this.#size++;
    if (row === this.#capacity) this.#grow();
    this.#f[row] = f;
    this.#input[row] = input;
    this.#output[row] = NULL;
    this.#applied[row] = 1;
    this.#invoke[row] = this.#position++;
    this.#return[row] = NEVER;
    this.#processes[row] = process;
    this.#invokeTime[row] = time;
    this.#returnTime[row] = Infinity;
    this.#key[row] = key;
    this.#node[row] = node;
    this.#servedBy[row] = ABSENT;
    this.#setState(process, row + 1);
    return FOLLOWS;
  }

  /** The next event, an `ok`. @param key - ABSENT: as at its invocation */
  ok(
    process: number,
    f: number,
    key: number,
    output: number,
    applied: number,
    servedBy: number,
    time: number,
  ): Step {
    const step = this.#completes(process, f, key);
    if (step !== FOLLOWS) return step;
    const row = this.#state(process) - 1;
    this.#output[row] = output;
    this.#applied[row] = applied;
    this.#return[row] = this.#position++;
    this.#returnTime[row] = time;
    this.#servedBy[row] = servedBy;
    this.#setState(process, IS_IDLE);
    return FOLLOWS;
  }

  /** The next event, a `fail`. */
  fail(process: number, f: number, key: number): Step {
    const step = this.#completes(process, f, key);
    if (step !== FOLLOWS) return step;
    this.#position++;
    this.#failed++;
    this.#return[this.#state(process) - 1] = FAILED;
    this.#setState(process, IS_IDLE);
    return FOLLOWS;
  }

  /** The next event, an `info`: the operation stays as it is, and the process is retired. */
  info(process: number, f: number, key: number): Step {
    const step = this.#completes(process, f, key);
    if (step !== FOLLOWS) return step;
    this.#position++;
    this.#setState(process, IS_RETIRED);
    return FOLLOWS;
  }

  /** The next event, any. @returns the error, after which nothing more may be added */
  add(event: HistoryEvent): HistoryError | undefined {
    const position = this.#position;
    if (event.index !== position) return indexMismatch(position, event);
    if (event.process === 'nemesis') {
      if (event.type !== 'info') return nemesisType(position, event);
      this.#nemesis.push(event);
      this.#position++;
      return undefined;
    }
    const step = this.#addOperation(event, event.process);
    return step === FOLLOWS ? undefined : this.#error(step, event, event.process);
  }

  /** What has no completion yet is `info`: it may have happened. Nothing may be added afterwards. */
  finish(): ColumnHistory {
    this.#dropFailed();
    const size = this.#size;
    return {
      columns: {
        size,
        functions: this.#functions.texts,
        f: this.#f.subarray(0, size),
        input: this.#input.subarray(0, size),
        output: this.#output.subarray(0, size),
        applied: this.#applied.subarray(0, size),
        invoke: this.#invoke.subarray(0, size),
        return: this.#return.subarray(0, size),
        process: this.#processes.subarray(0, size),
        invokeTime: this.#invokeTime.subarray(0, size),
        returnTime: this.#returnTime.subarray(0, size),
        keys: this.#keys.texts,
        key: this.#key.subarray(0, size),
        nodes: this.#nodes.texts,
        node: this.#node.subarray(0, size),
        servedBy: this.#servedBy.subarray(0, size),
        values: this.values,
      },
      failed: this.#failed,
      nemesis: this.#nemesis,
      events: this.#position,
    };
  }

  #addOperation(event: HistoryEvent, process: number): Step {
    const { type, time, applied } = event;
    const f = this.functionNumber(this.values.id(event.f));
    const key = event.key === undefined ? ABSENT : this.keyNumber(this.values.id(event.key));
    const node = (name: string | undefined): number =>
      name === undefined ? ABSENT : this.nodeNumber(this.values.id(name));
    switch (type) {
      case 'invoke':
        return this.invoke(process, f, key, this.values.id(event.value), node(event.node), time);
      case 'ok': {
        const output = this.values.id(event.value);
        return this.ok(
          process,
          f,
          key,
          output,
          applied === false ? 0 : 1,
          node(event.servedBy),
          time,
        );
      }
      case 'fail':
        return this.fail(process, f, key);
      case 'info':
        return this.info(process, f, key);
      default:
        return assertNever(type);
    }
  }

  /** Whether the process has an operation pending that such a completion can end. */
  #completes(process: number, f: number, key: number): Step {
    const state = this.#state(process);
    if (state <= IS_IDLE) return NOTHING_PENDING;
    if (this.#f[state - 1] !== f) return OTHER_FUNCTION;
    return key === ABSENT || this.#key[state - 1] === key ? FOLLOWS : OTHER_KEY;
  }

  #error(step: Step, event: HistoryEvent, process: number): HistoryError {
    const position = this.#position;
    if (step === RETIRED) return processRetired(position, event);
    if (step === NOTHING_PENDING) return completionWithoutInvoke(position, event);
    const row = this.#state(process) - 1;
    const key = this.#keys.texts[this.#key[row] as number];
    const pending = {
      index: this.#invoke[row] as number,
      f: defined(this.#functions.texts[this.#f[row] as number], 'a function'),
      ...(key === undefined ? undefined : { key }),
    };
    if (step === BUSY) return processBusy(position, event, pending);
    return step === OTHER_FUNCTION
      ? wrongFunction(position, event, pending)
      : wrongKey(position, event, pending);
  }

  #state(process: number): number {
    if (process >= 0 && process < this.#dense.length) return this.#dense[process] as number;
    return this.#sparse.get(process) ?? IS_IDLE;
  }

  #setState(process: number, state: number): void {
    if (process >= this.#dense.length && process < DENSE_PROCESSES) this.#growDense(process);
    if (process >= 0 && process < this.#dense.length) this.#dense[process] = state;
    else this.#sparse.set(process, state);
  }

  #growDense(process: number): void {
    const dense = new Int32Array(Math.min(DENSE_PROCESSES, 2 * (process + 1)));
    dense.set(this.#dense);
    this.#dense = dense;
  }

  /** Keeps the others, in their order, and only functions that these have. */
  #dropFailed(): void {
    if (this.#failed === 0) return;
    const { texts } = this.#functions;
    this.#functions = new Names();
    let next = 0;
    for (let row = 0; row < this.#size; row++) {
      if (this.#return[row] === FAILED) continue;
      const f = this.#functions.number(texts[this.#f[row] as number] as string);
      this.#f[next] = f;
      this.#input[next] = this.#input[row] as number;
      this.#output[next] = this.#output[row] as number;
      this.#applied[next] = this.#applied[row] as number;
      this.#invoke[next] = this.#invoke[row] as number;
      this.#return[next] = this.#return[row] as number;
      this.#processes[next] = this.#processes[row] as number;
      this.#invokeTime[next] = this.#invokeTime[row] as number;
      this.#returnTime[next] = this.#returnTime[row] as number;
      this.#key[next] = this.#key[row] as number;
      this.#node[next] = this.#node[row] as number;
      this.#servedBy[next] = this.#servedBy[row] as number;
      next++;
    }
    this.#size = next;
  }

  #memory(bytes: number): ArrayBufferLike {
    // Pages that are not written to take no memory: the capacity may be generous.
    return this.#isShared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  }

  #grown(column: Int32Array): Int32Array {
    const grown = new Int32Array(this.#memory(4 * this.#capacity));
    grown.set(column);
    return grown;
  }

  #grownDoubles(column: Float64Array): Float64Array {
    const grown = new Float64Array(this.#memory(8 * this.#capacity));
    grown.set(column);
    return grown;
  }

  #grow(): void {
    this.#capacity *= 2;
    const f = new Uint16Array(this.#memory(2 * this.#capacity));
    f.set(this.#f);
    this.#f = f;
    const applied = new Uint8Array(this.#memory(this.#capacity));
    applied.set(this.#applied);
    this.#applied = applied;
    this.#input = this.#grown(this.#input);
    this.#output = this.#grown(this.#output);
    this.#invoke = this.#grown(this.#invoke);
    this.#return = this.#grown(this.#return);
    this.#processes = this.#grownDoubles(this.#processes);
    this.#invokeTime = this.#grownDoubles(this.#invokeTime);
    this.#returnTime = this.#grownDoubles(this.#returnTime);
    this.#key = this.#grown(this.#key);
    this.#node = this.#grown(this.#node);
    this.#servedBy = this.#grown(this.#servedBy);
  }
}

/** Numbers of names whose texts are known by their ids. */
class TextNumbers {
  readonly #names: Names;
  /** By the id, as -2 - id: the number plus 1, or 0. */
  #known = new Int32Array(64);

  constructor(names: Names) {
    this.#names = names;
  }

  number(text: number, values: Values): number {
    const at = -2 - text;
    const known = at < this.#known.length ? (this.#known[at] as number) : 0;
    return known > 0 ? known - 1 : this.#add(at, values.value(text) as string);
  }

  #add(at: number, text: string): number {
    if (at >= this.#known.length) {
      const known = new Int32Array(2 * (at + 1));
      known.set(this.#known);
      this.#known = known;
    }
    const number = this.#names.number(text);
    this.#known[at] = number + 1;
    return number;
  }
}
