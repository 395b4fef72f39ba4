import type { Json } from '../../../checker/index.ts';
import type { Completion, Invocation, Served } from '../../contracts/client.ts';
import type { Command } from '../kv/commands.ts';
import type { Datum } from '../kv/datum.ts';
import { EXPIRY_MS_MAX } from '../kv/limits.ts';
import type { ReadOf } from '../kv/state-machine.ts';
import type { Compare, Operation } from '../kv/transaction.ts';
import type { Value } from '../kv/value.ts';

/** What the store is asked. */
export type Call =
  | { readonly type: 'command'; readonly command: Command }
  | { readonly type: 'read'; readonly of: ReadOf; readonly key: string };

/** What it answered, when it did what it was asked or found that it could not. */
export interface Told {
  readonly value: Datum;
  readonly applied: boolean;
}

/** How operations of one model are asked of the store, and what its answers say. */
interface Dialect {
  /** Every `f` that it knows. */
  readonly functions: readonly string[];
  /** Undefined when the value does not fit the function. */
  call(f: string, key: string, value: Json): Call | undefined;
  result(f: string, value: Json, told: Told): Json;
}

/** Values are kept in the store as JSON text; null stands for an absent key. */
function encode(value: Json): Value {
  return value === null ? null : JSON.stringify(value);
}

/** What Gong did not write itself is taken as it is: the checker will object. */
function decode(value: Datum): Json {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

function command(of: Command): Call {
  return { type: 'command', command: of };
}

function pairOf(value: Json): readonly [Json, Json] | undefined {
  if (!Array.isArray(value)) return undefined;
  const [first = null, second = null]: readonly Json[] = value;
  return [first, second];
}

const REGISTER: Dialect = {
  functions: ['read', 'write', 'cas'],
  call(f, key, value) {
    if (f === 'read') return { type: 'read', of: 'value', key };
    if (f === 'cas') {
      const pair = pairOf(value);
      if (pair === undefined) return undefined;
      return command({ type: 'cas', key, from: encode(pair[0]), to: encode(pair[1]) });
    }
    const text = encode(value);
    // Absent is null in a history: writing it is deleting the key.
    return command(text === null ? { type: 'delete', key } : { type: 'put', key, value: text });
  },
  result: (f, value, told) => (f === 'read' ? decode(told.value) : value),
};

/** Values are texts and stored as they are, so that they can be appended to. */
const KV: Dialect = {
  functions: ['get', 'put', 'delete', 'cas', 'append'],
  call(f, key, value) {
    if (f === 'get') return { type: 'read', of: 'value', key };
    if (f === 'delete') return command({ type: 'delete', key });
    if (f === 'cas') {
      const [from, to] = pairOf(value) ?? [0, 0];
      if (!isValue(from) || !isValue(to)) return undefined;
      return command({ type: 'cas', key, from, to });
    }
    if (typeof value !== 'string') return undefined;
    return command({ type: f === 'put' ? 'put' : 'append', key, value });
  },
  result: (f, value, told) => (f === 'get' ? told.value : value),
};

function isValue(value: Json): value is Value {
  return value === null || typeof value === 'string';
}

const COUNTER: Dialect = {
  functions: ['read', 'incr', 'add'],
  call(f, key, value) {
    if (f === 'read') return { type: 'read', of: 'value', key };
    return typeof value === 'number' ? command({ type: 'incr', key, by: value }) : undefined;
  },
  result: (f, value, told) =>
    f === 'read' ? (decode(told.value) ?? 0) : f === 'incr' ? told.value : value,
};

/** A list is a text of its elements' JSON, a comma after each. */
const LIST: Dialect = {
  functions: ['read', 'append'],
  call(f, key, value) {
    if (f === 'read') return { type: 'read', of: 'value', key };
    return command({ type: 'append', key, value: `${JSON.stringify(value)},` });
  },
  result(f, value, told) {
    if (f !== 'read') return value;
    return typeof told.value === 'string' ? decode(`[${told.value.slice(0, -1)}]`) : told.value;
  },
};

const SET: Dialect = {
  functions: ['read', 'add'],
  call(f, key, value) {
    if (f === 'read') return { type: 'read', of: 'set', key };
    return command({ type: 'set-add', key, element: JSON.stringify(value) });
  },
  result(f, value, told) {
    if (f !== 'read') return value;
    return Array.isArray(told.value) ? told.value.map(decode) : told.value;
  },
};

const QUEUE: Dialect = {
  functions: ['enqueue', 'dequeue'],
  call: (f, key, value) =>
    command(
      f === 'enqueue'
        ? { type: 'enqueue', key, element: JSON.stringify(value) }
        : { type: 'dequeue', key },
    ),
  result: (f, value, told) => (f === 'enqueue' ? value : decode(told.value)),
};

/** The longest that the store allows stands for a lock that does not expire: no run is that long. */
function ttlOf(time: Json): number | undefined {
  if (time === null) return EXPIRY_MS_MAX;
  return typeof time === 'number' ? time : undefined;
}

const LOCK: Dialect = {
  functions: ['acquire', 'renew', 'release'],
  call(f, key, value) {
    if (f === 'acquire') {
      const ttlMs = ttlOf(value);
      return ttlMs === undefined
        ? undefined
        : command({ type: 'acquire', key, owner: 'gong', ttlMs });
    }
    const [token, time] = f === 'renew' ? (pairOf(value) ?? [null, null]) : [value, null];
    const ttlMs = ttlOf(time);
    if (typeof token !== 'number' || ttlMs === undefined) return undefined;
    return command(
      f === 'renew' ? { type: 'renew', key, token, ttlMs } : { type: 'release', key, token },
    );
  },
  result: (f, value, told) => (f === 'acquire' ? told.value : value),
};

/** A group's keys are those of the store that begin with its name. */
const TXN: Dialect = {
  functions: ['txn'],
  call(_, group, value) {
    const compares: Compare[] = [];
    const success: Operation[] = [];
    for (const [word, its, wanted] of partsOf(value)) {
      const key = `${group}/${typeof its === 'string' ? its : JSON.stringify(its)}`;
      const text = encode(wanted);
      if (word === 'if') compares.push({ key, is: '=', value: text });
      else if (word === 'read' || word === 'r') success.push({ type: 'get', key });
      else if (word === 'delete' || text === null) success.push({ type: 'delete', key });
      else success.push({ type: 'put', key, value: text });
    }
    return command({ type: 'txn', compares, success, failure: [] });
  },
  result(_, value, told) {
    if (!told.applied) return value;
    const answers = Array.isArray(told.value) ? told.value : [];
    let at = 0;
    return partsOf(value).map(([word, key, its]): Json => {
      const answer = word === 'if' ? null : decode(answers[at++] ?? null);
      return [word, key, word === 'read' || word === 'r' ? answer : its];
    });
  },
};

function partsOf(value: Json): readonly (readonly [Json, Json, Json])[] {
  if (!Array.isArray(value)) return [];
  return value.map((part: Json): readonly [Json, Json, Json] => {
    const [word = null, key = null, its = null]: readonly Json[] = Array.isArray(part) ? part : [];
    return [word, key, its];
  });
}

/** By the names of the checker's models. */
const DIALECTS: ReadonlyMap<string, Dialect> = new Map([
  ['register', REGISTER],
  ['cas-register', REGISTER],
  ['kv', KV],
  ['set', SET],
  ['grow-counter', COUNTER],
  ['counter', COUNTER],
  ['queue', QUEUE],
  ['unordered-queue', QUEUE],
  ['lease-lock', LOCK],
  ['append-list', LIST],
  ['multi-register', TXN],
  ['txn-kv', TXN],
]);

/** Models whose operations the store can do. */
export const MODELS_KNOWN: readonly string[] = [...DIALECTS.keys()];

/** Every `f` of theirs. */
export const FUNCTIONS_KNOWN: readonly string[] = [
  ...new Set([...DIALECTS.values()].flatMap(({ functions }) => functions)),
];

/** Functions that may be told that their condition did not hold: an observation of the history. */
const CONDITIONAL = ['cas', 'acquire', 'renew', 'release', 'txn'];

/**
 * What an operation asks of the store.
 *
 * @param model - of the checker, whose operation it is
 * @returns undefined when the model has no such operation
 */
export function callOf(model: string, { f, key = 'gong', value }: Invocation): Call | undefined {
  const dialect = DIALECTS.get(model);
  return dialect?.functions.includes(f) === true ? dialect.call(f, key, value) : undefined;
}

/** What an answer means for an operation that `callOf` knows. */
export function completionOf(
  model: string,
  { f, value }: Invocation,
  told: Told & { readonly served: Served },
): Completion {
  const result = DIALECTS.get(model)?.result(f, value, told) ?? null;
  const isObservation = !told.applied && CONDITIONAL.includes(f);
  return {
    type: 'ok',
    value: result,
    ...(isObservation ? { applied: false } : {}),
    ...told.served,
  };
}
