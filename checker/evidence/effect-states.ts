import type { Json } from '../history.ts';
import { canonicalJson } from '../json.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { Cursor, type Table } from '../table.ts';

/** No state: rejected. */
export const NO_STATE = -1;

/** The states of an object as numbers, and what operations make of them. 0 is the initial one. */
export class EffectStates {
  readonly #table: Table;
  readonly #model: Model;
  readonly #cursor: Cursor;
  readonly #states: Json[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #effects = new Map<string, number>();
  readonly #effectOf: Int32Array;
  /** By effect, then by state; undefined: not asked for yet. */
  readonly #next: (number | undefined)[][] = [];
  #isClosed: boolean | undefined;
  #work = 0;

  constructor(table: Table, model: Model) {
    this.#table = table;
    this.#model = model;
    this.#cursor = new Cursor(table.columns);
    this.#effectOf = new Int32Array(table.size).fill(-1);
    this.number(model.initial);
  }

  get count(): number {
    return this.#states.length;
  }

  /** What was done since this was last asked. */
  takeWork(): number {
    const work = this.#work;
    this.#work = 0;
    return work;
  }

  value(state: number): Json {
    return this.#states[state] ?? null;
  }

  number(state: Json): number {
    const text = canonicalJson(state);
    this.#work += 1 + (text.length >>> 5);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#states.length);
    return this.#states.push(state) - 1;
  }

  /** The number of what a row's operation does: rows with one number do the same. */
  effect(row: number): number {
    const seen = this.#effectOf[row] as number;
    if (seen >= 0) return seen;
    const text = this.#model.effectKey(this.#cursor.at(row));
    this.#work++;
    const known = this.#effects.get(text) ?? this.#effects.size;
    this.#effects.set(text, known);
    this.#effectOf[row] = known;
    return known;
  }

  isReadOnly(row: number): boolean {
    return this.#model.isReadOnly(this.#cursor.at(row));
  }

  /** True for one that leaves the same state whatever was before, and can always happen. */
  isPlainWrite(row: number): boolean {
    const effect = this.#model.overwrite?.(this.#cursor.at(row));
    if (effect === undefined || effect.produces === undefined) return false;
    return effect.requires === undefined && effect.forbids === undefined;
  }

  /** The state after the row's operation; NO_STATE where it is rejected. */
  step(state: number, row: number): number {
    const effect = this.effect(row);
    let next = this.#next[effect];
    if (next === undefined) this.#next[effect] = next = [];
    this.#work++;
    const known = next[state];
    if (known !== undefined) return known;
    const reached = this.#model.step(this.value(state), this.#cursor.at(row));
    return (next[state] = reached === REJECTED ? NO_STATE : this.number(reached));
  }

  /** Finds all states that the operations can lead to. @returns false when there are too many */
  close(statesMax: number, effectsMax: number): boolean {
    return (this.#isClosed ??= this.#close(statesMax, effectsMax));
  }

  #close(statesMax: number, effectsMax: number): boolean {
    const rows: number[] = [];
    for (let row = 0; row < this.#table.size; row++) {
      const effects = this.#effects.size;
      if (this.effect(row) < effects) continue;
      rows.push(row);
      if (rows.length > effectsMax) return false;
    }
    for (let state = 0; state < this.count; state++) {
      if (this.count > statesMax) return false;
      for (const row of rows) this.step(state, row);
    }
    return true;
  }
}
