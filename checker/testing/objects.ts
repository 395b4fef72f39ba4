import { defined } from '../assert.ts';
import type { Json } from '../history.ts';

/** How a call on a correct object ended. */
export interface Answer {
  readonly type: 'ok' | 'fail';
  readonly value: Json;
  readonly applied?: boolean;
}

export interface Call {
  readonly f: string;
  readonly value: Json;
}

/** A correct object, which clients of the simulation call; it shares nothing with the models. */
export interface CorrectObject {
  /** Takes effect now. Undefined: it would have to wait (for a lock). */
  call(f: string, value: Json, process: number): Answer | undefined;
}

/** What clients draw their next call from. */
export interface Draw {
  /** In [0, 1). */
  readonly random: () => number;
  /** How many different values are written; undefined: each its own. */
  readonly values: number | undefined;
  readonly below: (bound: number) => number;
  /** A value to write: one of few, or each its own. */
  readonly value: () => Json;
  /** A value written of late, or null. */
  readonly recent: () => Json;
  readonly readRate: number;
  readonly isCasObserved: boolean;
  /** kv only. */
  readonly hasAppends: boolean;
  readonly process: number;
}

/** A kind of object and what its clients do. */
export interface Kind {
  make(isCasObserved: boolean): CorrectObject;
  draw(draw: Draw): Call;
}

const ok = (value: Json): Answer => ({ type: 'ok', value });

const read = (f = 'read'): Call => ({ f, value: null });

function cell(isCasObserved: boolean): CorrectObject {
  let state: Json = null;
  const missed = (value: Json): Answer =>
    isCasObserved ? { type: 'ok', value, applied: false } : { type: 'fail', value };
  return {
    call(f, value) {
      switch (f) {
        case 'read':
          return ok(state);
        case 'get':
          return ok(state);
        case 'append':
          state = `${typeof state === 'string' ? state : ''}${value as string}`;
          return ok(value);
        case 'delete':
          if (state === null && isCasObserved) return missed(null);
          state = null;
          return ok(null);
        case 'cas': {
          const [from, to] = value as readonly [Json, Json];
          if (from !== state) return missed(value);
          state = to;
          return ok(value);
        }
        default:
          state = value;
          return ok(value);
      }
    },
  };
}

function drawCell(functions: readonly string[], readF: string) {
  return (draw: Draw): Call => {
    if (draw.random() < draw.readRate) return read(readF);
    const f = defined(functions[draw.below(functions.length)], 'a function');
    if (f === 'delete') return read(f);
    return { f, value: f === 'cas' ? [draw.recent(), draw.value()] : draw.value() };
  };
}

/** Elements in the order of their coming, of which `at` says which goes next. */
function line(put: string, at: (elements: readonly Json[], draw: () => number) => number) {
  return (): CorrectObject => {
    const elements: Json[] = [];
    let turn = 0;
    return {
      call(f, value) {
        if (f === put) {
          elements.push(value);
          return ok(value);
        }
        if (elements.length === 0) return ok(null);
        const [taken] = elements.splice(
          at(elements, () => (turn += 7)),
          1,
        );
        return ok(taken ?? null);
      },
    };
  };
}

function drawLine(put: string, take: string) {
  return (draw: Draw): Call =>
    draw.random() < draw.readRate ? read(take) : { f: put, value: draw.value() };
}

function lock(hasOwner: boolean, isReentrant: boolean, hasTokens: boolean) {
  return (): CorrectObject => {
    let depth = 0;
    let owner = -1;
    let token = 0;
    return {
      call(f, _, process) {
        if (f === 'acquire') {
          if (depth > 0 && !(isReentrant && owner === process)) return undefined;
          depth++;
          owner = process;
          token += 1 + (token % 3);
          return ok(hasTokens ? token : null);
        }
        if (depth === 0 || (hasOwner && owner !== process)) return { type: 'fail', value: null };
        depth--;
        return ok(null);
      },
    };
  };
}

/** A client acquires and releases in turn, mostly. */
function drawLock(): (draw: Draw) => Call {
  const holds = new Set<number>();
  return ({ random, process }) => {
    const isHolding = holds.has(process);
    const f = isHolding !== random() < 0.15 ? 'release' : 'acquire';
    if (f === 'acquire') holds.add(process);
    else holds.delete(process);
    return read(f);
  };
}

function sum(): CorrectObject {
  let state = 0;
  return {
    call(f, value) {
      if (f === 'add') state += Number(value);
      return ok(f === 'add' ? value : state);
    },
  };
}

/** Of two values, all adds are of one size. */
const drawSum =
  (least: number) =>
  ({ random, below, readRate, values }: Draw): Call => {
    if (random() < readRate) return read();
    return { f: 'add', value: values === 2 ? 2 : least + below(4 - least) };
  };

/** Several cells, called by transactions. */
function cells(): CorrectObject {
  const states = new Map<Json, Json>();
  return {
    call(_, value) {
      const micros = value as readonly (readonly [string, string, Json])[];
      return ok(
        micros.map(([f, key, its]) => {
          if (f === 'write') states.set(key, its);
          // Recorders begin with either; this one with both.
          const untouched = key === 'y' ? 0 : null;
          return [f, key, f === 'write' ? its : (states.get(key) ?? untouched)];
        }),
      );
    },
  };
}

function drawTransaction(draw: Draw): Call {
  const micros = Array.from({ length: 1 + draw.below(3) }, (): Json => {
    const key = defined(['x', 'y', 'z'][draw.below(3)], 'a key');
    return draw.random() < draw.readRate ? ['read', key, null] : ['write', key, draw.value()];
  });
  return { f: 'txn', value: micros };
}

function elements(f: 'add' | 'append'): () => CorrectObject {
  return () => {
    const inside: Json[] = [];
    const added = new Set<Json>();
    return {
      call(called, value) {
        if (called !== f) {
          // A set comes back in another order now and then.
          const isTurned = f === 'add' && inside.length % 2 === 1;
          return ok(isTurned ? inside.toReversed() : [...inside]);
        }
        if (f === 'append' || !added.has(value)) inside.push(value);
        added.add(value);
        return ok(value);
      },
    };
  };
}

const drawElements =
  (f: string) =>
  (draw: Draw): Call =>
    draw.random() < draw.readRate ? read() : { f, value: draw.value() };

/** By model name. Made anew for each history: some clients remember what they did. */
export function kindOf(model: string, hasAppends: boolean): Kind {
  switch (model) {
    case 'register':
      return { make: cell, draw: drawCell(['write'], 'read') };
    case 'cas-register':
      return { make: cell, draw: drawCell(['write', 'cas', 'cas'], 'read') };
    case 'kv': {
      const functions = hasAppends ? ['put', 'append', 'delete'] : ['put', 'cas', 'delete'];
      return { make: cell, draw: drawCell(functions, 'get') };
    }
    case 'set':
      return { make: elements('add'), draw: drawElements('add') };
    case 'append-list':
      return { make: elements('append'), draw: drawElements('append') };
    case 'counter':
      return { make: sum, draw: drawSum(-3) };
    case 'grow-counter':
      return { make: sum, draw: drawSum(0) };
    case 'queue':
      return { make: line('enqueue', () => 0), draw: drawLine('enqueue', 'dequeue') };
    case 'stack':
      return { make: line('push', ({ length }) => length - 1), draw: drawLine('push', 'pop') };
    case 'unordered-queue':
      return {
        make: line('enqueue', ({ length }, turn) => turn() % length),
        draw: drawLine('enqueue', 'dequeue'),
      };
    case 'mutex':
      return { make: lock(false, false, false), draw: drawLock() };
    case 'reentrant-mutex':
      return { make: lock(true, true, false), draw: drawLock() };
    case 'fenced-lock':
      return { make: lock(true, false, true), draw: drawLock() };
    case 'multi-register':
      return { make: cells, draw: drawTransaction };
    default:
      throw new Error(`the simulation knows no ${model}`);
  }
}
