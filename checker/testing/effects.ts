import type { Json, Operation } from '../history.ts';

/** What an object does, written anew for brute force: nondeterministic where the object is. */
export interface Effect {
  readonly initial: Json;
  /**
   * Every state that the operation may lead to, with its result where that is known. None: it
   * cannot happen here.
   */
  readonly apply: (state: Json, operation: Operation) => readonly Json[];
}

/** @param model - name of any model */
export function effectOf(model: string): Effect {
  switch (model) {
    case 'register':
    case 'cas-register':
    case 'kv':
      return { initial: null, apply: applyCell };
    case 'set':
      return { initial: '', apply: applySet };
    case 'append-list':
      return { initial: '', apply: applyList };
    case 'counter':
    case 'grow-counter':
      return {
        initial: 0,
        apply: (state, { f, input, output, outcome }) => {
          const sum = (state as number) + (f === 'read' ? 0 : (input as number));
          return f === 'add' || outcome === 'info' || output === sum ? [sum] : [];
        },
      };
    case 'queue':
      return {
        initial: [],
        apply: (state, operation) => applyLine(state, operation, (n) => [n, 0]),
      };
    case 'stack':
      return {
        initial: [],
        apply: (state, operation) => applyLine(state, operation, (n) => [n, n - 1]),
      };
    case 'unordered-queue':
      return { initial: [], apply: applyBag };
    case 'mutex':
      return {
        initial: 'free',
        apply: (state, { f }) => {
          if (f === 'acquire') return state === 'free' ? ['held'] : [];
          return state === 'held' ? ['free'] : [];
        },
      };
    case 'reentrant-mutex':
      return { initial: '', apply: applyReentrant };
    case 'fenced-lock':
      return { initial: '-1', apply: applyFenced };
    case 'lease-lock':
      return { initial: { holder: null, mayExpire: false, last: -1 }, apply: applyLease };
    case 'multi-register':
      return { initial: '{}', apply: applyTransaction };
    case 'txn-kv':
      return { initial: '{}', apply: applyConditional };
    default:
      throw new Error(`brute force does not know ${model}`);
  }
}

function applyCell(state: Json, operation: Operation): readonly Json[] {
  const { f, input, output, outcome, applied } = operation;
  const isCertain = outcome === 'ok';
  switch (f) {
    case 'read':
      return !isCertain || equals(output, state) ? [state] : [];
    case 'get': {
      const isEmpty = output === '' && state === null;
      return !isCertain || equals(output, state) || isEmpty ? [state] : [];
    }
    case 'write':
    case 'put':
      return [input];
    case 'delete':
      if (isCertain && !applied) return state === null ? [state] : [];
      return [null];
    case 'append':
      if (state !== null && typeof state !== 'string') return isCertain ? [] : [state];
      return [`${state ?? ''}${input as string}`];
    case 'cas': {
      const [from, to] = input as readonly [Json, Json];
      const fits = equals(from, state);
      if (isCertain && fits !== applied) return [];
      return [fits ? to : state];
    }
    default:
      throw new Error(`brute force does not know ${f}`);
  }
}

function equals(a: Json, b: Json): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** States are texts: `1;3;`, in order of text. */
function applySet(state: Json, { f, input, output, outcome }: Operation): readonly Json[] {
  const has = (state as string).split(';').filter((each) => each !== '');
  const join = (each: readonly string[]): string =>
    each
      .toSorted()
      .map((one) => `${one};`)
      .join('');
  if (f === 'add') {
    const added = JSON.stringify(input);
    return [has.includes(added) ? state : join([...has, added])];
  }
  if (outcome === 'info') return [state];
  const seen = ((output ?? []) as readonly Json[]).map((each) => JSON.stringify(each));
  return join(seen) === state ? [state] : [];
}

function applyList(state: Json, { f, input, output, outcome }: Operation): readonly Json[] {
  const text = (value: Json): string => `${JSON.stringify(value)};`;
  if (f === 'append') return [(state as string) + text(input)];
  if (outcome === 'info') return [state];
  return ((output ?? []) as readonly Json[]).map(text).join('') === state ? [state] : [];
}

/** @param ends - of that many elements: where one is put, where one is taken */
function applyLine(
  state: Json,
  { f, input, output, outcome }: Operation,
  ends: (count: number) => readonly [number, number],
): readonly Json[] {
  const elements = state as readonly Json[];
  const [putAt, takeAt] = ends(elements.length);
  if (f === 'enqueue' || f === 'push') return [elements.toSpliced(putAt, 0, input)];
  const rest = elements.toSpliced(takeAt, 1);
  if (outcome === 'info') return [rest];
  if (output === null) return elements.length === 0 ? [state] : [];
  return elements.length > 0 && equals(elements[takeAt] ?? null, output) ? [rest] : [];
}

function applyBag(state: Json, { f, input, output, outcome }: Operation): readonly Json[] {
  const elements = state as readonly Json[];
  if (f === 'enqueue') return [[...elements, input].sort((a, b) => Number(a) - Number(b))];
  if (outcome === 'ok' && output === null) return elements.length === 0 ? [state] : [];
  // A crashed one may have taken any of them.
  return elements.flatMap((element, at) =>
    outcome === 'info' || equals(element, output) ? [elements.toSpliced(at, 1)] : [],
  );
}

/** States: the owner's name once for each time that it holds the lock. */
function applyReentrant(state: Json, { f, process }: Operation): readonly Json[] {
  const holds = state as string;
  const mine = `p${process} `;
  if (holds !== '' && !holds.startsWith(mine)) return [];
  if (f === 'acquire') return [holds + mine];
  return holds === '' ? [] : [holds.slice(mine.length)];
}

/** States: `7` free, `7 of 3` held, with the last token that is known. */
function applyFenced(state: Json, operation: Operation): readonly Json[] {
  const { f, process, output, outcome } = operation;
  const [token, owner] = (state as string).split(' of ');
  if (f === 'release') return owner === `${process}` ? [`${token}`] : [];
  if (owner !== undefined) return [];
  if (outcome === 'info') return [`${token} of ${process}`];
  return Number(output) > Number(token) ? [`${Number(output)} of ${process}`] : [];
}

interface Lease {
  /** Null: free. A token, or a text where it is not known: any that is greater than the last, then. */
  readonly holder: number | string | null;
  readonly mayExpire: boolean;
  readonly last: number;
}

/** Time passes before any operation, so that a lock which may expire may have done so, or not. */
function applyLease(state: Json, operation: Operation): readonly Json[] {
  const lease = state as unknown as Lease;
  const expired = { ...lease, holder: null, mayExpire: false };
  return [lease, ...(lease.mayExpire ? [expired] : [])]
    .flatMap((each) => applyInTime(each, operation))
    .map(({ holder, mayExpire, last }) => ({ holder, mayExpire, last }));
}

function applyInTime(lease: Lease, operation: Operation): readonly Lease[] {
  const { f, input, output, outcome, applied, id } = operation;
  const isCrashed = outcome === 'info';
  if (f === 'acquire') {
    if (lease.holder !== null) return isCrashed || !applied ? [lease] : [];
    if (!applied) return [];
    const mayExpire = input !== null;
    if (isCrashed) return [{ ...lease, holder: `of ${id}`, mayExpire }];
    const token = Number(output);
    return token > lease.last ? [{ holder: token, mayExpire, last: token }] : [];
  }
  const [token, time] = f === 'renew' ? (input as readonly [Json, Json]) : [input, null];
  const named = Number(token);
  const canBeHeld = typeof lease.holder === 'string' ? named > lease.last : lease.holder === named;
  const canBeOther = lease.holder !== named;
  const rest = { mayExpire: time !== null, last: named };
  const accepted = { ...rest, holder: f === 'renew' ? named : null };
  if (isCrashed) return canBeHeld ? [lease, accepted] : [lease];
  if (applied) return canBeHeld ? [accepted] : [];
  return canBeOther ? [lease] : [];
}

/** Comparisons are made of the state before; a crashed one does what it does. */
function applyConditional(state: Json, operation: Operation): readonly Json[] {
  const { input, output, outcome, applied } = operation;
  const cells = JSON.parse(state as string) as Record<string, Json>;
  const parts = input as readonly (readonly [string, string, Json])[];
  const holds = parts.every(
    ([word, key, value]) => word !== 'if' || equals(cells[key] ?? null, value),
  );
  if (outcome === 'ok' && holds !== applied) return [];
  if (!holds) return [state];
  const results = output as typeof parts;
  for (const [at, [word, key, value]] of parts.entries()) {
    if (word === 'write') cells[key] = value;
    if (word === 'delete') delete cells[key];
    const isRead = word === 'read' && outcome === 'ok';
    if (isRead && !equals(cells[key] ?? null, results[at]?.[2] ?? null)) return [];
  }
  const sorted = Object.entries(cells).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [JSON.stringify(Object.fromEntries(sorted))];
}

function applyTransaction(state: Json, operation: Operation): readonly Json[] {
  const { input, output, outcome } = operation;
  const cells = JSON.parse(state as string) as Record<string, Json>;
  const micros = (outcome === 'ok' ? output : input) as readonly (readonly [
    string,
    string,
    Json,
  ])[];
  for (const [f, key, value] of micros) {
    if (f === 'write') cells[key] = value;
    else if (outcome === 'ok' && key in cells && !equals(cells[key] ?? null, value)) return [];
    // What nobody wrote yet may be told as null or as 0.
    else if (outcome === 'ok' && !(key in cells) && value !== null && value !== 0) return [];
  }
  const sorted = Object.entries(cells).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [JSON.stringify(Object.fromEntries(sorted))];
}
