import type { Json, Operation } from '../history.ts';

/** Functions that may answer `applied: false`. */
const CONDITIONAL = ['cas', 'delete', 'renew'];
/** Functions whose result says something about the object. */
const TELLING = ['read', 'get', 'incr', 'dequeue', 'pop', 'acquire', 'renew', 'txn'];
/** What these may have returned: arguments of those. */
const SUPPLIES: Readonly<Record<string, readonly string[]>> = {
  read: ['write'],
  get: ['put'],
  dequeue: ['enqueue'],
  pop: ['push'],
};
/** Locks whose acquires return something. */
const TOKEN_LOCKS = ['fenced-lock', 'lease-lock'];
/** Of locks whose operations return nothing. */
const OPPOSITE: Readonly<Record<string, string>> = { acquire: 'release', release: 'acquire' };

/**
 * Changes what some operations did or returned, in no particular way: another operation's result,
 * an older one, one that is nearly right, two operations exchanged, an observation turned round,
 * one operation struck out. The history stays well formed: who was busy when does not change.
 */
export function damage(
  operations: readonly Operation[],
  model: string,
  changes: number,
  random: () => number,
): readonly Operation[] {
  const damaged = [...operations];
  for (let i = 0; i < changes; i++) change(damaged, model, random);
  return damaged;
}

function change(operations: Operation[], model: string, random: () => number): void {
  const completed = [...operations.keys()].filter((at) => operations[at]?.outcome === 'ok');
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const isTelling = (at: number): boolean => TELLING.includes(operations[at]?.f ?? '');
  const at = pick(random() < 0.75 ? completed.filter(isTelling) : completed);
  const chosen = at === undefined ? undefined : operations[at];
  if (at === undefined || chosen === undefined) return;
  const kind = random();
  const opposite = TOKEN_LOCKS.includes(model) ? undefined : OPPOSITE[chosen.f];
  // Where it may be refused, it was; a refusal has no result that could be another.
  const isTurned = CONDITIONAL.includes(chosen.f) || !chosen.applied;
  if (kind < 0.1) {
    exchange(operations, at, pick(completed) ?? at);
  } else if (kind < 0.15) {
    if (operations.length > 3) operations.splice(at, 1);
  } else if (isTurned) {
    operations[at] = turned(chosen);
  } else if (opposite !== undefined) {
    operations[at] = { ...chosen, f: opposite };
  } else if (chosen.f === 'txn') {
    operations[at] = { ...chosen, output: retold(chosen, operations, pick) };
  } else if (TELLING.includes(chosen.f)) {
    const other = kind < 0.6 ? pick(resultsFor(chosen, operations, kind < 0.3)) : undefined;
    const result = other === undefined ? nudge(chosen.output, random) : other;
    operations[at] = { ...chosen, output: result };
  }
}

/**
 * What others returned, or put there to be returned.
 *
 * @param isOld - of those invoked before it only
 */
function resultsFor(
  chosen: Operation,
  operations: readonly Operation[],
  isOld: boolean,
): readonly Json[] {
  return operations
    .filter((each) => each.outcome === 'ok' && each.applied && (!isOld || each.id < chosen.id))
    .flatMap((each): readonly Json[] => {
      if (each.f === chosen.f) return [each.output];
      return (SUPPLIES[chosen.f] ?? []).includes(each.f) ? [each.input] : [];
    });
}

/** Refused where it was not, and done where it was refused. */
function turned(chosen: Operation): Operation {
  const applied = !chosen.applied;
  if (chosen.f === 'txn') return { ...chosen, applied, output: chosen.input };
  return chosen.f === 'acquire' ? { ...chosen, applied, output: 4 } : { ...chosen, applied };
}

/** Who did what when stays; what was done and what came back trade places. */
function exchange(operations: Operation[], a: number, b: number): void {
  const first = operations[a];
  const second = operations[b];
  if (first === undefined || second === undefined) return;
  const what = ({ f, input, output, applied }: Operation) => ({ f, input, output, applied });
  operations[a] = { ...first, ...what(second) };
  operations[b] = { ...second, ...what(first) };
}

/** Nearly the same. */
function nudge(value: Json, random: () => number): Json {
  const below = (bound: number): number => Math.floor(random() * bound);
  if (value === null) return null;
  if (typeof value === 'number') return Math.max(0, value + (random() < 0.5 ? -1 : 1));
  if (typeof value === 'string') {
    const words = value.split(' ');
    return random() < 0.3
      ? `${value}${below(3)} `
      : words.toSpliced(below(words.length), 1).join(' ');
  }
  if (!Array.isArray(value)) return null;
  const elements = [...(value as readonly Json[])];
  const at = below(elements.length);
  const [taken] = elements.splice(at, 1);
  switch (below(4)) {
    case 0:
      return elements;
    case 1:
      return [...elements, taken ?? 1];
    case 2:
      return [...elements, taken ?? 1, taken ?? 1];
    default:
      return [...(value as readonly Json[]), 1 + below(9)];
  }
}

type Micros = readonly (readonly [string, string, Json])[];

/** The transaction with one of its reads, if there is one, returning what another read or wrote. */
function retold(
  chosen: Operation,
  operations: readonly Operation[],
  pick: <T>(from: readonly T[]) => T | undefined,
): Json {
  const micros = chosen.output as Micros;
  const at = pick([...micros.keys()].filter((place) => micros[place]?.[0] === 'read'));
  const values = operations
    .filter(({ outcome, applied }) => outcome === 'ok' && applied)
    .flatMap(({ output }) => (output as Micros).map(([, , value]) => value));
  const other = pick(values) ?? null;
  return micros.map(([f, key, value], place) => [f, key, place === at ? other : value]);
}
