import { defined } from '../assert.ts';
import type { HistoryEvent, Json } from '../history.ts';

export interface GenerateOptions {
  /** The same options give the same history. */
  readonly seed: number;
  readonly model: 'register' | 'cas-register' | 'kv';
  /** How many operations are invoked. */
  readonly operations: number;
  readonly processes: number;
  /** 0 for one object without a key. */
  readonly keys?: number;
  /** Share of operations that end `info`. */
  readonly crashRate?: number;
  /** How many different values are written; each write has its own when absent. */
  readonly values?: number;
  /** Share of reads. */
  readonly readRate?: number;
  /** True: a CAS that finds another value is observed (`ok`, `applied: false`); else it is `fail`. */
  readonly isCasObserved?: boolean;
  /** kv only: whether strings are appended. */
  readonly hasAppends?: boolean;
  /**
   * A violation planted at about this share of the history: one read answers from before a write that
   * was acknowledged; or one write is acknowledged and forgotten.
   */
  readonly plant?: { readonly kind: 'stale-read' | 'lost-write'; readonly at: number };
}

interface Version {
  readonly value: Json;
  readonly invoke: number;
  /** Position of its writer's completion. */
  return: number;
}

interface Store {
  readonly key: string | undefined;
  readonly versions: Version[];
}

interface Flight {
  readonly invoke: HistoryEvent;
  readonly store: Store;
  /** Set once it took effect. */
  answer:
    { readonly type: 'ok' | 'fail'; readonly value: Json; readonly applied?: boolean } | undefined;
  version: Version | undefined;
}

/**
 * Clients on a correct object, simulated: each operation takes effect at a random instant between its
 * invocation and its completion; crashed ones at any time after their invocation, or never.
 */
export function generateHistory(options: GenerateOptions): readonly HistoryEvent[] {
  return new Generation(options).run();
}

class Generation {
  readonly #options: GenerateOptions;
  readonly #random: () => number;
  readonly #events: HistoryEvent[] = [];
  readonly #stores: Store[];
  readonly #flights = new Map<number, Flight>();
  /** Crashed, and still on the way. */
  #ghosts: Flight[] = [];
  readonly #processes: number[];
  #time = 0;
  #invoked = 0;
  #written = 0;
  #isPlanted: boolean;

  constructor(options: GenerateOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    this.#isPlanted = options.plant === undefined;
    const keys = options.keys ?? 0;
    this.#stores = Array.from({ length: Math.max(1, keys) }, (_, i) => ({
      key: keys === 0 ? undefined : `k${i}`,
      versions: [{ value: null, invoke: -1, return: -1 }],
    }));
    this.#processes = Array.from({ length: options.processes }, (_, i) => i);
  }

  run(): readonly HistoryEvent[] {
    while (this.#invoked < this.#options.operations || this.#flights.size > 0) {
      const slot = this.#below(this.#processes.length);
      const process = defined(this.#processes[slot], 'a slot');
      const flight = this.#flights.get(process);
      if (flight === undefined) {
        if (this.#invoked < this.#options.operations) this.#invoke(process);
      } else if (this.#random() < (this.#options.crashRate ?? 0) / 2) {
        this.#crash(slot, process, flight);
      } else if (flight.answer === undefined) {
        this.#takeEffect(flight);
      } else {
        this.#complete(process, flight, flight.answer);
      }
      if (this.#ghosts.length > 0 && this.#random() < 0.05) {
        const [ghost] = this.#ghosts.splice(this.#below(this.#ghosts.length), 1);
        if (ghost !== undefined && this.#random() < 0.7) this.#takeEffect(ghost);
      }
    }
    return this.#events;
  }

  #invoke(process: number): void {
    const store = defined(this.#stores[this.#below(this.#stores.length)], 'a store');
    const { f, value } = this.#draw();
    const invoke = this.#record('invoke', process, f, store.key, value);
    this.#invoked++;
    this.#flights.set(process, { invoke, store, answer: undefined, version: undefined });
  }

  #draw(): { readonly f: string; readonly value: Json } {
    const isKv = this.#options.model === 'kv';
    if (this.#random() < (this.#options.readRate ?? 0.5)) {
      return { f: isKv ? 'get' : 'read', value: null };
    }
    const others = {
      register: ['write'],
      'cas-register': ['write', 'cas'],
      kv:
        this.#options.hasAppends === true ? ['put', 'append', 'delete'] : ['put', 'cas', 'delete'],
    }[this.#options.model];
    const f = defined(others[this.#below(others.length)], 'a function');
    if (f === 'delete') return { f, value: null };
    if (f !== 'cas') return { f, value: this.#value() };
    // A CAS from a value of late has a chance.
    const { versions } = defined(this.#stores[this.#below(this.#stores.length)], 'a store');
    const late = versions.slice(-3);
    const from = defined(late[this.#below(late.length)], 'at least the initial value').value;
    return { f, value: [from, this.#value()] };
  }

  #value(): Json {
    const { values, model, hasAppends } = this.#options;
    const number = values === undefined ? ++this.#written : this.#below(values);
    return model === 'kv' && hasAppends === true ? `${number} ` : number;
  }

  #takeEffect(flight: Flight): void {
    const { f, value } = flight.invoke;
    const { versions } = flight.store;
    const state = defined(versions.at(-1), 'at least the initial value').value;
    const set = (next: Json, answer: Json): void => {
      const isLost = this.#isDue('lost-write');
      flight.version = { value: next, invoke: flight.invoke.index, return: Infinity };
      if (!isLost) versions.push(flight.version);
      flight.answer = { type: 'ok', value: answer };
    };
    if (f === 'read' || f === 'get') {
      const stale = this.#staleVersion(flight);
      flight.answer = { type: 'ok', value: stale === undefined ? state : stale.value };
    } else if (f === 'append') {
      set(`${typeof state === 'string' ? state : ''}${value as string}`, value);
    } else if (f === 'delete') {
      set(null, null);
    } else if (f === 'cas') {
      const [from, to] = value as readonly [Json, Json];
      if (from === state) set(to, value);
      else if (this.#options.isCasObserved === true) {
        flight.answer = { type: 'ok', value, applied: false };
      } else flight.answer = { type: 'fail', value };
    } else {
      set(value, value);
    }
  }

  /** A version that was certainly overwritten before this read began, when one is to be planted. */
  #staleVersion(flight: Flight): Version | undefined {
    const { versions } = flight.store;
    const newer = versions.findLast((version) => version.return < flight.invoke.index);
    if (newer === undefined || newer.invoke < 0) return undefined;
    const older = versions.findLast((version) => version.return < newer.invoke);
    return older !== undefined && this.#isDue('stale-read') ? older : undefined;
  }

  /** True once: at the first chance after the planned point. */
  #isDue(kind: 'stale-read' | 'lost-write'): boolean {
    const { plant, operations } = this.#options;
    if (this.#isPlanted || plant?.kind !== kind) return false;
    this.#isPlanted = this.#invoked >= plant.at * operations;
    return this.#isPlanted;
  }

  #complete(process: number, flight: Flight, answer: NonNullable<Flight['answer']>): void {
    const { f } = flight.invoke;
    const { type, value, applied } = answer;
    const event = this.#record(type, process, f, flight.store.key, value, applied);
    if (flight.version !== undefined) flight.version.return = event.index;
    this.#flights.delete(process);
  }

  #crash(slot: number, process: number, flight: Flight): void {
    const { f, value } = flight.invoke;
    // Some never hear anything: their invocation stays without a completion.
    if (this.#random() < 0.8) this.#record('info', process, f, flight.store.key, value);
    this.#flights.delete(process);
    this.#processes[slot] = process + this.#options.processes;
    if (flight.answer === undefined) this.#ghosts.push(flight);
  }

  #record(
    type: HistoryEvent['type'],
    process: number,
    f: string,
    key: string | undefined,
    value: Json,
    applied?: boolean,
  ): HistoryEvent {
    this.#time += 1_000 + this.#below(2_000_000);
    const event: HistoryEvent = {
      index: this.#events.length,
      time: this.#time,
      type,
      process,
      f,
      ...(key === undefined ? undefined : { key }),
      value,
      node: `n${((process % this.#options.processes) % 5) + 1}`,
      ...(applied === undefined ? undefined : { applied }),
    };
    this.#events.push(event);
    return event;
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

/** A small seeded generator of numbers in [0, 1). */
export function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
