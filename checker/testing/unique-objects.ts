import { defined } from '../assert.ts';
import { pair, type HistoryEvent, type Json, type Operation } from '../history.ts';
import type { Structure } from '../models/model.ts';
import { mulberry32 } from './generate.ts';

/** Objects that histories can be made of here. */
export type ObjectKind = Extract<
  Structure,
  'queue' | 'bag' | 'stack' | 'mutex' | 'reentrant-mutex' | 'fenced-lock'
>;

export interface ObjectHistoryOptions {
  /** The same options give the same history. */
  readonly seed: number;
  readonly kind: ObjectKind;
  readonly operations: number;
  readonly processes: number;
  /** Share of operations that crash. */
  readonly crashRate: number;
  /** Results that are changed afterwards, or neighbouring events that change places. */
  readonly damages: number;
  /** Share of puts. */
  readonly putRate?: number;
}

/** What an operation did, at the instant when it took effect. */
interface Effect {
  readonly output: Json;
}

/** A correct object: undefined where the operation has to wait. */
type Apply = (f: string, input: Json, process: number) => Effect | undefined;

/**
 * Clients on a correct object, simulated: each operation takes effect at a random instant between
 * its invocation and its completion, crashed ones at any time or never. Values are unique.
 */
export function objectHistory(options: ObjectHistoryOptions): readonly Operation[] {
  const random = mulberry32(options.seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const events = damageOrder(simulate(options, random, below), options, below);
  const result = pair(events.map((event, index) => ({ ...event, index })));
  if (!result.ok) throw new Error(result.error.message);
  return damageResults(result.history.operations, options, below);
}

function isLock(kind: ObjectKind): boolean {
  return kind !== 'queue' && kind !== 'bag' && kind !== 'stack';
}

function simulate(
  options: ObjectHistoryOptions,
  random: () => number,
  below: (bound: number) => number,
): HistoryEvent[] {
  const { kind, crashRate, operations } = options;
  const events: HistoryEvent[] = [];
  const apply = objectOf(options, random, below);
  const holds = new Map<number, number>();
  const processes = Array.from({ length: options.processes }, (_, i) => i);
  interface Flight {
    readonly f: string;
    readonly value: Json;
    effect: Effect | undefined;
  }
  const flights = new Map<number, Flight>();
  const ghosts: (Flight & { readonly process: number })[] = [];
  let invoked = 0;
  let written = 0;
  let idle = 0;
  const record = (type: HistoryEvent['type'], process: number, f: string, value: Json): void => {
    events.push({ index: events.length, time: events.length, type, process, f, value });
    idle = 0;
  };
  while ((invoked < operations || flights.size > 0) && idle++ < 40) {
    const slot = below(processes.length);
    const process = defined(processes[slot], 'a slot');
    const flight = flights.get(process);
    if (flight === undefined) {
      if (invoked >= operations) continue;
      invoked++;
      // Clients of a lock mostly release what they hold, and nothing else.
      const held = (holds.get(process) ?? 0) > 0;
      const lockRate = held ? 0.3 : kind === 'mutex' ? 0.6 : 0.95;
      const isPut = random() < (isLock(kind) ? lockRate : (options.putRate ?? 0.5));
      const f = nameOf(kind, isPut);
      const value = isPut && !isLock(kind) ? ++written : null;
      record('invoke', process, f, value);
      flights.set(process, { f, value, effect: undefined });
    } else if (random() < crashRate / 2) {
      if (random() < 0.8) record('info', process, flight.f, flight.value);
      flights.delete(process);
      processes[slot] = process + options.processes;
      if (flight.effect === undefined) ghosts.push({ ...flight, process });
    } else if (flight.effect === undefined) {
      flight.effect = apply(flight.f, flight.value, process);
      if (flight.effect === undefined && isLock(kind) && random() < 0.3) {
        record('fail', process, flight.f, flight.value);
        flights.delete(process);
      }
    } else {
      const { output } = flight.effect;
      record('ok', process, flight.f, flight.value === null ? output : flight.value);
      const isAcquire = flight.f === 'acquire';
      holds.set(process, Math.max(0, (holds.get(process) ?? 0) + (isAcquire ? 1 : -1)));
      flights.delete(process);
    }
    if (ghosts.length > 0 && random() < 0.1) {
      const [ghost] = ghosts.splice(below(ghosts.length), 1);
      if (ghost !== undefined && random() < 0.7) apply(ghost.f, ghost.value, ghost.process);
    }
  }
  return events;
}

function nameOf(kind: ObjectKind, isPut: boolean): string {
  if (isLock(kind)) return isPut ? 'acquire' : 'release';
  if (kind === 'stack') return isPut ? 'push' : 'pop';
  return isPut ? 'enqueue' : 'dequeue';
}

/** A lock that is to be damaged now and then lets somebody in who should wait. */
function objectOf(
  { kind, damages }: ObjectHistoryOptions,
  random: () => number,
  below: (bound: number) => number,
): Apply {
  const inside: Json[] = [];
  let owner: number | undefined;
  let depth = 0;
  let token = 0;
  return (f, input, process) => {
    if (f === 'enqueue' || f === 'push') {
      inside.push(input);
      return { output: input };
    }
    if (f === 'dequeue' || f === 'pop') {
      const at = kind === 'queue' ? 0 : kind === 'stack' ? inside.length - 1 : below(inside.length);
      const [output] = inside.splice(Math.max(0, at), 1);
      return { output: output ?? null };
    }
    const isOwner = kind === 'mutex' || owner === process;
    if (f === 'acquire') {
      const mayEnter = depth === 0 || (kind === 'reentrant-mutex' && isOwner);
      if (!mayEnter && random() >= 0.1 * damages) return undefined;
      owner = process;
      depth++;
      token += 1 + below(2);
      return { output: kind === 'fenced-lock' ? token : null };
    }
    if ((depth === 0 || !isOwner) && random() >= 0.1 * damages) return undefined;
    depth = Math.max(0, depth - 1);
    if (depth === 0) owner = undefined;
    return { output: null };
  };
}

/** Events of different processes that change places with their neighbours. */
function damageOrder(
  events: HistoryEvent[],
  { damages, kind }: ObjectHistoryOptions,
  below: (bound: number) => number,
): HistoryEvent[] {
  const swaps = isLock(kind) ? 2 * damages : damages;
  for (let i = 0; i < swaps && events.length > 1; i++) {
    const at = below(events.length - 1);
    const [a, b] = [events[at], events[at + 1]];
    if (a === undefined || b === undefined || a.process === b.process) continue;
    events[at] = b;
    events[at + 1] = a;
  }
  return events;
}

/** Results that are exchanged, or replaced. */
function damageResults(
  operations: readonly Operation[],
  { damages, kind }: ObjectHistoryOptions,
  below: (bound: number) => number,
): readonly Operation[] {
  const damaged = [...operations];
  const isTake = ({ f, outcome }: Operation): boolean =>
    outcome === 'ok' &&
    (f === 'dequeue' || f === 'pop' || (f === 'acquire' && kind === 'fenced-lock'));
  for (let i = 0; i < damages; i++) {
    const takes = damaged.flatMap((each, at) => (isTake(each) ? [at] : []));
    const [one, other] = [takes[below(takes.length)], takes[below(takes.length)]];
    if (one === undefined || other === undefined) continue;
    const [a, b] = [damaged[one], damaged[other]];
    if (a === undefined || b === undefined) continue;
    const chance = below(10);
    if (chance < 6 || kind === 'fenced-lock') {
      damaged[one] = { ...a, output: b.output };
      damaged[other] = { ...b, output: a.output };
    } else if (chance < 9) {
      damaged[one] = { ...a, output: null };
    } else {
      damaged[one] = { ...a, output: 1 + below(operations.length) };
    }
  }
  return damaged;
}
