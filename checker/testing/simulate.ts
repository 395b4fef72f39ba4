import { defined } from '../assert.ts';
import { pair, type HistoryEvent, type Json, type Operation } from '../history.ts';
import { damage } from './damage.ts';
import { mulberry32 } from './generate.ts';
import { kindOf, type Answer, type CorrectObject, type Kind } from './objects.ts';

export interface SimulateOptions {
  /** The same options give the same history. */
  readonly seed: number;
  /** Name of any model. */
  readonly model: string;
  /** How many operations are invoked. */
  readonly operations: number;
  readonly processes: number;
  /** Share of operations that end `info`. */
  readonly crashRate?: number;
  /** How many different values are written; each write has its own when absent. */
  readonly values?: number;
  /** Share of reads, dequeues, pops. */
  readonly readRate?: number;
  /**
   * True: a CAS that finds another value is observed (`ok`, `applied: false`); else it is `fail`.
   */
  readonly isCasObserved?: boolean;
  /** kv only: strings are appended, and there is no CAS. */
  readonly hasAppends?: boolean;
  /**
   * How many results are changed afterwards (`damage`): most such histories are not linearizable.
   */
  readonly changes?: number;
}

/** Operations on one object of any model: simulated by `simulateEvents`, then damaged. */
export function simulate(options: SimulateOptions): readonly Operation[] {
  const paired = pair(simulateEvents(options));
  if (!paired.ok) throw new Error(`line ${paired.error.line}: ${paired.error.message}`);
  const { operations } = paired.history;
  const changes = options.changes ?? 0;
  if (changes === 0) return operations;
  return damage(operations, options.model, changes, mulberry32(options.seed + 1));
}

interface Flight {
  readonly f: string;
  readonly value: Json;
  readonly process: number;
  /** Set once it took effect. */
  answer: Answer | undefined;
}

/**
 * Clients on a correct object: each call takes effect at a random instant between its invocation
 * and its completion; a crashed one at any time after its invocation, or never. What waits for a
 * lock may give up.
 */
export function simulateEvents(options: SimulateOptions): readonly HistoryEvent[] {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulateOptions;
  readonly #random: () => number;
  readonly #kind: Kind;
  readonly #object: CorrectObject;
  readonly #events: HistoryEvent[] = [];
  readonly #flights = new Map<number, Flight>();
  /** Crashed, and still on the way. */
  readonly #ghosts: Flight[] = [];
  readonly #processes: number[];
  readonly #recent: Json[] = [];
  #invoked = 0;
  #written = 0;

  constructor(options: SimulateOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    this.#kind = kindOf(options.model, options.hasAppends ?? false);
    this.#object = this.#kind.make(options.isCasObserved ?? false);
    this.#processes = Array.from({ length: options.processes }, (_, i) => i);
  }

  run(): readonly HistoryEvent[] {
    const crashRate = this.#options.crashRate ?? 0;
    while (this.#invoked < this.#options.operations || this.#flights.size > 0) {
      const slot = this.#below(this.#processes.length);
      const process = defined(this.#processes[slot], 'a slot');
      const flight = this.#flights.get(process);
      if (flight === undefined) {
        if (this.#invoked < this.#options.operations) this.#invoke(process);
      } else if (this.#random() < crashRate / 2) {
        this.#crash(slot, flight);
      } else if (flight.answer !== undefined) {
        this.#complete(flight, flight.answer);
      } else {
        flight.answer = this.#call(flight);
        // It waits: now and then for too long.
        if (flight.answer === undefined && this.#random() < 0.2) {
          this.#complete(flight, { type: 'fail', value: flight.value });
        }
      }
      if (this.#ghosts.length > 0 && this.#random() < 0.05) {
        const [ghost] = this.#ghosts.splice(this.#below(this.#ghosts.length), 1);
        if (ghost !== undefined && this.#random() < 0.7) this.#call(ghost);
      }
    }
    return this.#events;
  }

  #invoke(process: number): void {
    const { model, readRate, isCasObserved, hasAppends } = this.#options;
    const isText = model === 'kv' && hasAppends === true;
    const { f, value } = this.#kind.draw({
      random: this.#random,
      values: this.#options.values,
      below: (bound) => this.#below(bound),
      value: () => {
        const { values } = this.#options;
        const number = values === undefined ? ++this.#written : this.#below(values);
        const drawn = isText ? `${number} ` : number;
        if (this.#recent.push(drawn) > 3) this.#recent.shift();
        return drawn;
      },
      recent: () => this.#recent[this.#below(4)] ?? null,
      readRate: readRate ?? 0.5,
      isCasObserved: isCasObserved ?? false,
      hasAppends: hasAppends ?? false,
      process,
    });
    this.#record('invoke', process, f, value);
    this.#invoked++;
    this.#flights.set(process, { f, value, process, answer: undefined });
  }

  #call({ f, value, process }: Flight): Answer | undefined {
    return this.#object.call(f, value, process);
  }

  #complete({ f, process }: Flight, { type, value, applied }: Answer): void {
    this.#record(type, process, f, value, applied);
    this.#flights.delete(process);
  }

  #crash(slot: number, flight: Flight): void {
    const { f, value, process } = flight;
    // Some never hear anything: their invocation stays without a completion.
    if (this.#random() < 0.8) this.#record('info', process, f, value);
    this.#flights.delete(process);
    this.#processes[slot] = process + this.#options.processes;
    if (flight.answer === undefined) this.#ghosts.push(flight);
  }

  #record(
    type: HistoryEvent['type'],
    process: number,
    f: string,
    value: Json,
    applied?: boolean,
  ): void {
    const index = this.#events.length;
    this.#events.push({
      index,
      time: index * 1_000_000,
      type,
      process,
      f,
      value,
      ...(applied === undefined ? undefined : { applied }),
    });
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

/** Operations back as a history; `fail`ed ones are not in it. */
export function eventsOf(operations: readonly Operation[]): readonly HistoryEvent[] {
  const events: Omit<HistoryEvent, 'index'>[] = [];
  for (const { process, f, input, output, outcome, applied, ...at } of operations) {
    events[at.invoke] = { time: at.invokeTime, type: 'invoke', process, f, value: input };
    if (outcome !== 'ok') continue;
    const done = { time: at.returnTime, type: 'ok', process, f, value: output } as const;
    events[at.return] = applied ? done : { ...done, applied };
  }
  return events.filter(() => true).map((event, index) => ({ index, ...event }));
}
