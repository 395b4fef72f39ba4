import type { Cut } from '../engines/decision.ts';
import { NO_STATE, type EffectStates } from './effect-states.ts';

/** More are not followed. */
const CONFIGURATIONS_MAX = 2_000;
/** Pending operations that a configuration can tell apart. */
const SLOTS_MAX = 31;

/** A state, and what is known of the operations in each slot, as bits. */
interface Configuration {
  readonly state: number;
  /** Have taken effect. */
  readonly placed: number;
  /** May have taken effect, or not: both can be. */
  readonly open: number;
}

/**
 * What can have happened so far: every state together with what of the pending operations has taken effect. It
 * changes only when an operation returns that has not: then pending mutations take effect, in any order, until
 * it has. So every legal order is followed: the configuration that its shortest beginning leads to which holds
 * all that has returned is one of these, or one of these allows more:
 *
 * - A *read* takes effect as soon as it fits. It changes nothing, so the order stays legal when it is moved there.
 * - When a *plain write* takes effect, every other pending one may or may not have done so directly before it:
 *   nobody could see that. Both are one configuration, with that operation `open`.
 * - *Crashed* mutations are taken for an endless supply: more than there is.
 * - Of two configurations with one state, one that allows all that the other allows stands for both.
 */
export class Configurations {
  readonly #states: EffectStates;
  /** Row of the operation in each slot; undefined: free. */
  readonly #slots: (number | undefined)[] = [];
  /** Bits of slots. */
  #reads = 0;
  #writes = 0;
  /** Crashed mutations, and one row for each effect of theirs. */
  readonly #crashed: number[] = [];
  readonly #supply = new Map<number, number>();
  #all: readonly Configuration[] = [{ state: 0, placed: 0, open: 0 }];

  constructor(states: EffectStates) {
    this.#states = states;
  }

  /** @returns false when there are too many to follow */
  invoke(row: number, isRead: boolean): boolean {
    const free = this.#slots.indexOf(undefined);
    const slot = free < 0 ? this.#slots.length : free;
    if (slot >= SLOTS_MAX) return false;
    this.#slots[slot] = row;
    const bit = 1 << slot;
    if (isRead) {
      this.#reads |= bit;
      this.#all = this.#all.map((each) => this.#served(each));
    } else if (this.#states.isPlainWrite(row)) {
      this.#writes |= bit;
    }
    return true;
  }

  /** A mutation that never completes. */
  crash(row: number): void {
    this.#crashed.push(row);
    this.#supply.set(this.#states.effect(row), row);
  }

  /** Nothing is known any more: any state, and of all that is pending anything. */
  forget(states: number): void {
    let mutations = 0;
    for (const [slot, row] of this.#slots.entries()) if (row !== undefined) mutations |= 1 << slot;
    mutations &= ~this.#reads;
    // A read that was served allows more than one that was not.
    const placed = this.#reads;
    this.#all = Array.from({ length: states }, (_, state) => ({ state, placed, open: mutations }));
  }

  /** @returns false when there are too many to follow, or none is left */
  complete(row: number): boolean {
    const slot = this.#slots.indexOf(row);
    const bit = 1 << slot;
    const found = new Antichain(this.#reads);
    const after = new Antichain(this.#reads);
    for (const each of this.#all) found.add(each);
    for (let i = 0; i < found.items.length; i++) {
      if (found.items.length > CONFIGURATIONS_MAX) return false;
      const each = found.items[i] as Configuration;
      const { state, placed, open } = each;
      if (((placed | open) & bit) !== 0)
        after.add({ state, placed: placed & ~bit, open: open & ~bit });
      if ((placed & bit) !== 0) continue;
      for (const [other, pending] of this.#slots.entries()) {
        const step = 1 << other;
        if (pending === undefined || ((placed | this.#reads) & step) !== 0) continue;
        const next = this.#states.step(state, pending);
        if (next !== NO_STATE) found.add(this.#changed(each, next, step));
      }
      for (const crashed of this.#supply.values()) {
        const next = this.#states.step(state, crashed);
        if (next === NO_STATE) continue;
        const isWrite = this.#states.isPlainWrite(crashed);
        found.add(this.#changed(each, next, 0, isWrite));
      }
    }
    this.#slots[slot] = undefined;
    this.#reads &= ~bit;
    this.#writes &= ~bit;
    this.#all = after.items;
    return after.items.length > 0;
  }

  /** The state of all; undefined where they differ. */
  agreed(): number | undefined {
    const state = this.#all[0]?.state;
    return this.#all.every((each) => each.state === state) ? state : undefined;
  }

  /** Rows that have certainly not taken effect, and mutations that may have. */
  rest(): Pick<Cut, 'open' | 'maybe'> {
    const open: number[] = [];
    const maybe = [...this.#crashed];
    for (const [slot, row] of this.#slots.entries()) {
      if (row === undefined) continue;
      const bit = 1 << slot;
      if (this.#all.every(({ placed }) => (placed & bit) !== 0)) continue;
      const isOpen = this.#all.every((each) => ((each.placed | each.open) & bit) === 0);
      if (isOpen) open.push(row);
      else if ((this.#reads & bit) === 0) maybe.push(row);
    }
    return { open, maybe };
  }

  /** After a mutation took effect: the one of this bit, or a crashed one (0). */
  #changed(
    { placed, open }: Configuration,
    state: number,
    bit: number,
    isWrite = (this.#writes & bit) !== 0,
  ): Configuration {
    const done = placed | bit;
    const unseen = isWrite ? this.#writes & ~done : 0;
    return this.#served({ state, placed: done, open: (open & ~bit) | unseen });
  }

  /** With all reads that fit. */
  #served({ state, placed, open }: Configuration): Configuration {
    let served = placed;
    for (const [slot, row] of this.#slots.entries()) {
      const bit = 1 << slot;
      if (row === undefined || (this.#reads & bit) === 0 || (served & bit) !== 0) continue;
      if (this.#states.step(state, row) !== NO_STATE) served |= bit;
    }
    return { state, placed: served, open };
  }
}

/** Configurations of which none is superfluous when it is added. */
class Antichain {
  readonly #reads: number;
  readonly items: Configuration[] = [];
  readonly #byState = new Map<number, Configuration[]>();

  constructor(reads: number) {
    this.#reads = reads;
  }

  add(configuration: Configuration): void {
    const others = this.#byState.get(configuration.state);
    if (others === undefined) {
      this.#byState.set(configuration.state, [configuration]);
    } else {
      for (const other of others) if (this.#allows(other, configuration)) return;
      others.push(configuration);
    }
    this.items.push(configuration);
  }

  /** True when `a` allows all that `b` allows; of the same state. */
  #allows(a: Configuration, b: Configuration): boolean {
    const isOpenToo = (b.open & ~a.open) === 0;
    const isPlacedToo = (b.placed & ~(a.placed | a.open)) === 0;
    // What is placed in the one only must be a read.
    const isNoMore = (a.placed & ~b.placed & ~this.#reads) === 0;
    return isOpenToo && isPlacedToo && isNoMore;
  }
}
