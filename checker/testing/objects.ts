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
      if (f !== 'read') state += Number(value);
      return ok(f === 'add' ? value : state);
    },
  };
}

/** Of two or three values, all adds are of one size. */
const drawSum =
  (least: number) =>
  ({ random, below, readRate, values }: Draw): Call => {
    if (random() < readRate) return read();
    // Of a few values, clients are told what they made.
    const f = values === 3 || (values === 2 && random() < 0.5) ? 'incr' : 'add';
    return { f, value: values === 2 || values === 3 ? 2 : least + below(4 - least) };
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

/** A lock by tokens: every third that asks finds that an expiring one has expired. */
function lease(isCasObserved: boolean): CorrectObject {
  let holder: number | undefined;
  let mayExpire = false;
  let token = 0;
  let asked = 0;
  const refused = (value: Json): Answer =>
    isCasObserved ? { type: 'ok', value, applied: false } : { type: 'fail', value };
  return {
    call(f, value) {
      if (mayExpire && ++asked % 3 === 0) holder = undefined;
      if (f === 'acquire') {
        if (holder !== undefined) return refused(null);
        token += 1 + (token % 3);
        holder = token;
        mayExpire = value !== null;
        return ok(token);
      }
      const [named, time] = f === 'renew' ? (value as readonly [Json, Json]) : [value, null];
      if (holder !== named) return refused(value);
      if (f === 'release') holder = undefined;
      else mayExpire = time !== null;
      return ok(value);
    },
  };
}

/** Clients guess tokens, which grow by 1 to 3: of late ones some are right. */
function drawLease(): (draw: Draw) => Call {
  let acquires = 0;
  return ({ random, below, values }) => {
    const time = random() < (values === 2 ? 0.8 : 0.3) ? null : 5;
    if (random() < 0.45) {
      acquires++;
      return { f: 'acquire', value: time };
    }
    const first = [1, 3, 4, 6, 7, 9, 10];
    const token = first[below(Math.min(acquires, first.length))] ?? 1;
    return random() < 0.4 ? { f: 'renew', value: [token, time] } : { f: 'release', value: token };
  };
}

/** Several cells, compared and changed by transactions. */
function store(isCasObserved: boolean): CorrectObject {
  const states = new Map<Json, Json>();
  return {
    call(_, value) {
      const parts = value as readonly (readonly [string, string, Json])[];
      for (const [word, key, its] of parts) {
        if (word !== 'if' || (states.get(key) ?? null) === its) continue;
        return isCasObserved ? { type: 'ok', value, applied: false } : { type: 'fail', value };
      }
      return ok(
        parts.map(([word, key, its]): Json => {
          if (word === 'write') states.set(key, its);
          if (word === 'delete') states.delete(key);
          return [word, key, word === 'read' ? (states.get(key) ?? null) : its];
        }),
      );
    },
  };
}

function drawConditional(draw: Draw): Call {
  const key = (): string => defined(['x', 'y', 'z'][draw.below(3)], 'a key');
  const comparisons = Array.from({ length: draw.below(3) }, (): Json => {
    return ['if', key(), draw.random() < 0.3 ? null : draw.recent()];
  });
  const rest = Array.from({ length: 1 + draw.below(2) }, (): Json => {
    if (draw.random() < draw.readRate) return ['read', key(), null];
    return draw.random() < 0.2 ? ['delete', key(), null] : ['write', key(), draw.value()];
  });
  return { f: 'txn', value: [...comparisons, ...rest] };
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
    case 'lease-lock':
      return { make: lease, draw: drawLease() };
    case 'txn-kv':
      return { make: store, draw: drawConditional };
    case 'multi-register':
      return { make: cells, draw: drawTransaction };
    default:
      throw new Error(`the simulation knows no ${model}`);
  }
}
