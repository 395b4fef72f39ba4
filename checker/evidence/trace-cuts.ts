import type { Cut } from '../engines/decision.ts';
import type { Slice } from '../engines/run.ts';
import type { Table } from '../table.ts';
import { Configurations } from './configurations.ts';
import type { Effort } from './effort.ts';
import type { EffectStates } from './effect-states.ts';

/** The latest that are remembered. */
const KEPT = 64;
/** Objects with more states are followed from their beginning only. */
const STATES_MAX = 64;
const EFFECTS_MAX = 256;

/** Which events are followed. */
export interface Stretch {
  /** Rank of the first. */
  readonly first: number;
  /** Rank of the last. */
  readonly last: number;
}

/**
 * Finds points where all that can have happened agrees on the state, by following every configuration that
 * there can have been (`Configurations`), event by event. Where that does not begin with the history, it begins
 * with all states there are, and with nothing known of what was pending: with more than there can have been.
 *
 * @returns the latest cuts, in order; none where there are too many configurations, or the effort ends
 */
export function* traceCuts(
  table: Table,
  states: EffectStates,
  { first, last }: Stretch,
  effort: Effort,
): Generator<Slice, readonly Cut[]> {
  const trace = new Trace(table, states);
  const isBegun = first === 0 || trace.beginInTheMiddle(first);
  effort.spend(states.takeWork());
  const cuts: Cut[] = [];
  if (!isBegun) return cuts;
  for (let rank = first; rank <= last; rank++) {
    if ((rank & 0xff) === 0xff) yield 'running';
    const isFollowed = trace.follow(table.events[rank] as number);
    effort.spend(states.takeWork());
    if (!isFollowed || effort.isSpent) break;
    const cut = trace.cut(rank + 1);
    if (cut === undefined) continue;
    cuts.push(cut);
    if (cuts.length > KEPT) cuts.shift();
  }
  return cuts;
}

/** One walk over a stretch of events. */
class Trace {
  readonly #table: Table;
  readonly #states: EffectStates;
  readonly #configurations: Configurations;
  #hasCompleted = false;

  constructor(table: Table, states: EffectStates) {
    this.#table = table;
    this.#states = states;
    this.#configurations = new Configurations(states);
  }

  /** @returns false when there are too many configurations, or none */
  follow(event: number): boolean {
    this.#hasCompleted = (event & 1) === 1;
    return this.#hasCompleted
      ? this.#configurations.complete(event >>> 1)
      : this.#invoke(event >>> 1);
  }

  /** @param rank - of the next event */
  cut(rank: number): Cut | undefined {
    if (!this.#hasCompleted) return undefined;
    const state = this.#configurations.agreed();
    if (state === undefined) return undefined;
    return { rank, state: this.#states.value(state), ...this.#configurations.rest() };
  }

  #invoke(row: number): boolean {
    const isRead = this.#states.isReadOnly(row);
    if (this.#table.isCompleted(row)) return this.#configurations.invoke(row, isRead);
    if (!isRead) this.#configurations.crash(row);
    return true;
  }

  /** @returns false when that is too much to follow */
  beginInTheMiddle(first: number): boolean {
    if (!this.#states.close(STATES_MAX, EFFECTS_MAX)) return false;
    const { invoke, return: returns, size } = this.#table;
    for (let row = 0; row < size && (invoke[row] as number) < first; row++) {
      if ((returns[row] as number) >= first && !this.#invoke(row)) return false;
    }
    this.#configurations.forget(this.#states.count);
    return true;
  }
}
