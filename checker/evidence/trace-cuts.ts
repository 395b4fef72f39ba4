import type { Cut } from '../engines/decision.ts';
import type { Slice } from '../engines/run.ts';
import type { Json } from '../history.ts';
import { canonicalJson } from '../json.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { Cursor, NEVER, type Table } from '../table.ts';
import type { Effort } from './effort.ts';

/** More are not followed: without a cut then. */
const CONFIGURATIONS_MAX = 1_000;
/** The latest that are remembered. */
const KEPT = 3;
/** Pending operations that a configuration can tell apart: bits of a number. */
const PENDING_MAX = 50;

/**
 * Finds points where all that can have happened agrees on the state, for objects that no engine finds them
 * for: follows every configuration, event by event.
 *
 * A configuration is a state and the set of pending operations that have taken effect. It changes only when an
 * operation returns that has none yet: pending mutations take effect, in any order, until that one has. A read
 * takes effect as soon as it fits: it changes nothing, so any legal order stays legal when it is moved there.
 * So, for every legal order of the history (with its reads moved), the configuration that its shortest beginning
 * leads to which holds all that has returned is among those that are followed. Where all agree on the state,
 * the rest of that order is a legal order, from that state, of what was not placed: which is what a cut promises.
 *
 * @param last - rank of the last event that is looked at
 * @param wanted - a state of which the latest cut is kept, too
 * @returns the latest cuts, in order; none where there are too many configurations, or the effort ends
 */
export function* traceCuts(
  table: Table,
  model: Model,
  last: number,
  effort: Effort,
  wanted?: Json,
): Generator<Slice, readonly Cut[]> {
  const trace = new Trace(table, model);
  const wantedState = wanted === undefined ? undefined : trace.number(wanted);
  const latest: Cut[] = [];
  let match: Cut | undefined;
  const found = (): readonly Cut[] =>
    match === undefined || latest.includes(match) ? latest : [match, ...latest];
  for (let rank = 0; rank <= last; rank++) {
    if ((rank & 0xff) === 0xff) yield 'running';
    const event = table.events[rank] as number;
    if ((event & 1) === 0) {
      if (!trace.invoke(event >>> 1)) return found();
      continue;
    }
    if (effort.isSpent || !trace.complete(event >>> 1)) return found();
    effort.spend(trace.takeWork());
    const state = trace.agreed();
    if (state === undefined) continue;
    const cut = trace.cut(rank + 1, state);
    if (state === wantedState) match = cut;
    latest.push(cut);
    if (latest.length > KEPT) latest.shift();
  }
  return found();
}

/** One per state and set. The set is a sum of powers of two: more bits than an integer operation has. */
interface Configuration {
  readonly state: number;
  readonly placed: number;
}

class Trace {
  readonly #table: Table;
  readonly #model: Model;
  readonly #cursor: Cursor;
  readonly #states: Json[] = [];
  readonly #numbers = new Map<string, number>();
  /** Row of the pending operation in each slot, which is its bit; undefined: free. */
  readonly #slots: (number | undefined)[] = [];
  readonly #isRead: boolean[] = [];
  #configurations: readonly Configuration[];
  #work = 0;

  constructor(table: Table, model: Model) {
    this.#table = table;
    this.#model = model;
    this.#cursor = new Cursor(table.columns);
    this.#configurations = [{ state: this.number(model.initial), placed: 0 }];
  }

  /** What was done since this was last asked. */
  takeWork(): number {
    const work = this.#work;
    this.#work = 0;
    return work;
  }

  /** @returns false when there are too many to follow */
  invoke(row: number): boolean {
    const isRead = this.#model.isReadOnly(this.#cursor.at(row));
    if (isRead && !this.#table.isCompleted(row)) return true;
    const free = this.#slots.indexOf(undefined);
    const slot = free < 0 ? this.#slots.length : free;
    if (slot >= PENDING_MAX) return false;
    this.#slots[slot] = row;
    this.#isRead[slot] = isRead;
    if (isRead) this.#configurations = this.#configurations.map((each) => this.#served(each));
    return true;
  }

  /** @returns false when there are too many to follow, or none is left */
  complete(row: number): boolean {
    const slot = this.#slots.indexOf(row);
    const bit = 2 ** slot;
    const after = new Map<string, Configuration>();
    const seen = new Set<string>();
    const open: Configuration[] = [];
    const add = (configuration: Configuration): void => {
      const text = textOf(configuration);
      if (seen.has(text)) return;
      seen.add(text);
      open.push(configuration);
    };
    for (const configuration of this.#configurations) add(configuration);
    for (;;) {
      const configuration = open.pop();
      if (configuration === undefined) break;
      if (seen.size > CONFIGURATIONS_MAX) return false;
      const { state, placed } = configuration;
      if (has(placed, bit)) {
        const done = { state, placed: placed - bit };
        after.set(textOf(done), done);
        continue;
      }
      for (const [other, pending] of this.#slots.entries()) {
        if (pending === undefined || this.#isRead[other] === true) continue;
        if (has(placed, 2 ** other)) continue;
        const reached = this.#step(state, pending);
        if (reached === undefined) continue;
        add(this.#served({ state: reached, placed: placed + 2 ** other }));
      }
    }
    this.#slots[slot] = undefined;
    this.#configurations = [...after.values()];
    return after.size > 0;
  }

  /** With all reads that fit. */
  #served(configuration: Configuration): Configuration {
    const { state } = configuration;
    let { placed } = configuration;
    for (const [slot, row] of this.#slots.entries()) {
      if (row === undefined || this.#isRead[slot] !== true || has(placed, 2 ** slot)) continue;
      if (this.#step(state, row) !== undefined) placed += 2 ** slot;
    }
    return { state, placed };
  }

  /** The number of the state of all configurations; undefined where they differ. */
  agreed(): number | undefined {
    const state = this.#configurations[0]?.state;
    return this.#configurations.every((each) => each.state === state) ? state : undefined;
  }

  /** @param rank - of the next event */
  cut(rank: number, state: number): Cut {
    const open: number[] = [];
    const maybe: number[] = [];
    for (const [slot, row] of this.#slots.entries()) {
      if (row === undefined) continue;
      const bit = 2 ** slot;
      const count = this.#configurations.filter(({ placed }) => has(placed, bit)).length;
      if (count === this.#configurations.length) continue;
      const isStrong = count === 0 && this.#table.return[row] !== NEVER;
      (isStrong ? open : maybe).push(row);
    }
    return { rank, state: this.#states[state] ?? null, open, maybe };
  }

  #step(state: number, row: number): number | undefined {
    const next = this.#model.step(this.#states[state] ?? null, this.#cursor.at(row));
    return next === REJECTED ? undefined : this.number(next);
  }

  number(state: Json): number {
    const text = canonicalJson(state);
    this.#work += 1 + (text.length >>> 5);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.#states.length);
    return this.#states.push(state) - 1;
  }
}

function textOf({ state, placed }: Configuration): string {
  return `${state} ${placed}`;
}

function has(placed: number, bit: number): boolean {
  return Math.floor(placed / bit) % 2 === 1;
}
