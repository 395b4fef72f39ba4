import { defined } from '../assert.ts';
import type { HistoryEvent, Json } from '../history.ts';
import { mulberry32 } from './generate.ts';

export interface LaggingOptions {
  /** The same options give the same history. */
  readonly seed: number;
  /** How many operations are invoked. */
  readonly operations: number;
  readonly processes: number;
  /** Share of reads that a replica answers which lags behind. */
  readonly staleRate: number;
  /** Share of operations whose client hears nothing. */
  readonly crashRate: number;
  /** How many different values are written; Infinity: each write has its own. */
  readonly values: number;
}

/** A history, and what happened: known to the simulation, hidden from the checker. */
export interface LaggingTruth {
  readonly events: readonly HistoryEvent[];
  /** Place in the log of each mutation that took effect, by the position of its invocation. */
  readonly indexOf: ReadonlyMap<number, number>;
  /** How far in the log the answer of each read was, by the position of its invocation. */
  readonly seenBy: ReadonlyMap<number, number>;
}

interface Flight {
  readonly id: number;
  readonly f: 'read' | 'write' | 'cas';
  readonly value: Json;
  answer: { readonly type: 'ok' | 'fail'; readonly value: Json } | undefined;
}

/**
 * Clients on a `cas-register` that keeps its promises but for reads: mutations go to one log, each at
 * a random instant between its invocation and its completion (crashed ones later, or never), while a
 * share of the reads is answered by replicas that have applied an older part of the log.
 */
export function generateLagging(options: LaggingOptions): LaggingTruth {
  const random = mulberry32(options.seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const events: HistoryEvent[] = [];
  const log: Json[] = [null];
  const indexOf = new Map<number, number>();
  const seenBy = new Map<number, number>();
  const replicas = [0, 0];
  /** How often each catches up. */
  const rates = [0.1, 0.01];
  const flights = new Map<number, Flight>();
  const processes = Array.from({ length: options.processes }, (_, i) => i);
  let ghosts: Flight[] = [];
  let invoked = 0;
  let written = 0;

  const record = (type: HistoryEvent['type'], process: number, f: string, value: Json): number => {
    const index = events.length;
    events.push({ index, time: index * 1_000_000, type, process, f, value });
    return index;
  };
  const newValue = (): Json => (options.values === Infinity ? ++written : below(options.values));
  const invoke = (process: number): void => {
    invoked++;
    const f = defined((['read', 'read', 'write', 'cas'] as const)[below(4)], 'a function');
    const from = defined(log[Math.max(0, log.length - 1 - below(2))], 'a value of late');
    const value = f === 'read' ? null : f === 'write' ? newValue() : [from, newValue()];
    flights.set(process, { id: record('invoke', process, f, value), f, value, answer: undefined });
  };
  const takeEffect = (flight: Flight): void => {
    const last = log.length - 1;
    if (flight.f === 'read') {
      const isStale = random() < options.staleRate;
      const at = isStale ? defined(replicas[below(replicas.length)], 'a replica') : last;
      seenBy.set(flight.id, at);
      flight.answer = { type: 'ok', value: defined(log[at], 'in the log') };
      return;
    }
    const pair = flight.f === 'cas' ? (flight.value as readonly [Json, Json]) : undefined;
    if (pair !== undefined && pair[0] !== log[last]) {
      flight.answer = { type: 'fail', value: flight.value };
      return;
    }
    log.push(pair === undefined ? flight.value : pair[1]);
    indexOf.set(flight.id, log.length - 1);
    flight.answer = { type: 'ok', value: flight.value };
  };
  const step = (): void => {
    const slot = below(processes.length);
    const process = defined(processes[slot], 'a slot');
    const flight = flights.get(process);
    if (flight === undefined) {
      if (invoked < options.operations) invoke(process);
    } else if (random() < options.crashRate / 2) {
      record('info', process, flight.f, flight.value);
      flights.delete(process);
      processes[slot] = process + options.processes;
      if (flight.answer === undefined) ghosts.push(flight);
    } else if (flight.answer === undefined) {
      takeEffect(flight);
    } else {
      record(flight.answer.type, process, flight.f, flight.answer.value);
      flights.delete(process);
    }
  };
  while (invoked < options.operations || flights.size > 0) {
    step();
    for (const [i, applied] of replicas.entries()) {
      if (random() < (rates[i] ?? 0)) replicas[i] = applied + below(log.length - applied);
    }
    if (ghosts.length > 0 && random() < 0.05) {
      const ghost = defined(ghosts[below(ghosts.length)], 'one of them');
      ghosts = ghosts.filter((each) => each !== ghost);
      if (random() < 0.7) takeEffect(ghost);
    }
  }
  return { events, indexOf, seenBy };
}
