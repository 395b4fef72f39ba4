import { describe, expect, test } from 'vitest';
import { defined } from '../assert.ts';
import { verifyWitness } from '../evidence/verify-witness.ts';
import { pair, type Operation } from '../history.ts';
import { MODELS } from '../models/index.ts';
import { Table } from '../table.ts';
import { isLinearizableByBruteForce } from '../testing/brute-force.ts';
import { generateHistory, mulberry32, type GenerateOptions } from '../testing/generate.ts';
import type { Cut, Decision } from './decision.ts';
import { frontier } from './frontier.ts';
import { OverwritingSearch, type OverwritingOptions } from './frontier-overwrite.ts';
import { rolesOf } from './frontier-roles.ts';
import { Reconstruction } from './frontier-witness.ts';
import { compile, NEVER, rowsOf } from './problem.ts';
import { Search } from './wgl.ts';

type ModelName = GenerateOptions['model'];
interface Shape {
  readonly operations: readonly [number, number];
  readonly processes: readonly number[];
  readonly crashRates: readonly number[];
  readonly values: readonly number[];
  readonly changes: number;
  readonly hasAppends: boolean;
}

const SMALL: Shape = {
  operations: [4, 8],
  processes: [1, 2, 3, 4],
  crashRates: [0, 0.1, 0.3, 0.5],
  values: [2, 3, 100],
  changes: 6,
  hasAppends: false,
};
/** CAS-heavy and long enough for what small histories never show. */
const LONG: Shape = {
  operations: [20, 140],
  processes: [3, 4, 5, 6, 8, 10],
  crashRates: [0, 0, 0.02, 0.05, 0.1],
  values: [2, 3, 4, 5, 100],
  changes: 3,
  hasAppends: false,
};

/** A history of a correct object, with some results replaced by what another operation returned. */
function randomHistory(seed: number, model: ModelName, shape: Shape): readonly Operation[] {
  const random = mulberry32(Math.imul(seed, 7919) + 13);
  const below = (bound: number): number => Math.floor(random() * bound);
  const one = (of: readonly number[]): number => defined(of[below(of.length)], 'a choice');
  const [least, most] = shape.operations;
  const paired = pair(
    generateHistory({
      seed,
      model,
      operations: least + below(most - least + 1),
      processes: one(shape.processes),
      crashRate: one(shape.crashRates),
      values: one(shape.values),
      readRate: one([0, 0.1, 0.3, 0.6]),
      isCasObserved: random() < 0.5,
      hasAppends: shape.hasAppends,
    }),
  );
  if (!paired.ok) throw new Error(paired.error.message);
  const operations = [...paired.history.operations];
  for (let i = below(shape.changes); i > 0; i--) {
    const at = below(operations.length);
    const chosen = operations[at];
    const other = operations[below(operations.length)];
    if (chosen === undefined || other === undefined || chosen.outcome === 'info') continue;
    if (chosen.f === 'read' || chosen.f === 'get') {
      operations[at] = {
        ...chosen,
        output: other.f === chosen.f ? other.output : seenAfter(other),
      };
    } else if (chosen.f === 'cas') {
      operations[at] = { ...chosen, applied: !chosen.applied };
    }
  }
  return operations;
}

function seenAfter({ f, input }: Operation): Operation['output'] {
  return f === 'cas' && Array.isArray(input) ? (input[1] as Operation['output']) : input;
}

function decide(table: Table, model: ModelName): Decision {
  const budget = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };
  const prepared = frontier.prepare(table, defined(MODELS.get(model), 'a model'));
  const decision = defined(prepared, 'it applies')(budget);
  for (;;) {
    const step = decision.next();
    if (step.done === true) return step.value;
  }
}

/** @returns what is wrong with it */
function witnessIsWrong(table: Table, model: ModelName, order: Int32Array): string | undefined {
  const ids = Int32Array.from(order, (row) => table.id(row));
  return verifyWitness(table, defined(MODELS.get(model), 'a model'), ids);
}

/** One pass over the events, with what it found out. */
function pass(
  table: Table,
  model: ModelName,
  options: OverwritingOptions,
): { readonly search: OverwritingSearch; readonly order: Int32Array | undefined } {
  const problem = compile(table, defined(MODELS.get(model), 'a model'));
  const values = defined(problem.values, 'all overwrite');
  const roles = defined(rolesOf(problem, values), 'all have a role');
  const search = new OverwritingSearch(problem, values, roles, options);
  const end = defined(search.advance(Infinity), 'an end');
  if (end.type === 'died' || options.surplus === 'join') {
    return { search, order: end.type === 'died' ? undefined : new Int32Array() };
  }
  const { codes, ranks } = search.log.path(end.log);
  const order = new Reconstruction(problem, values, roles).order(codes, ranks, NEVER);
  return { search, order: rowsOf(problem, order) };
}

describe.each(['register', 'cas-register', 'kv', 'kv with appends'] as const)('%s', (name) => {
  const hasAppends = name === 'kv with appends';
  const model = name === 'kv with appends' ? 'kv' : name;

  test('20 000 small histories are decided as trying every order does', () => {
    const seen = { valid: 0, invalid: 0, crashed: 0, observed: 0 };
    for (let seed = 0; seed < 20_000; seed++) {
      const operations = randomHistory(seed, model, { ...SMALL, hasAppends });
      const expected = isLinearizableByBruteForce(operations);
      seen[expected ? 'valid' : 'invalid']++;
      if (operations.some((each) => each.outcome === 'info')) seen.crashed++;
      if (operations.some((each) => !each.applied)) seen.observed++;
      const table = Table.of(operations);
      const decision = decide(table, model);
      expect(decision.type, `seed ${seed}`).toBe(expected ? 'linearizable' : 'not-linearizable');
      if (decision.type !== 'linearizable') continue;
      expect(witnessIsWrong(table, model, decision.order), `seed ${seed}`).toBeUndefined();
    }
    expect(seen.valid).toBeGreaterThan(4_000);
    expect(seen.invalid).toBeGreaterThan(1_000);
    expect(seen.crashed).toBeGreaterThan(4_000);
    expect(seen.observed).toBeGreaterThan(name === 'register' || hasAppends ? -1 : 1_000);
  });

  test('2 000 longer histories, CAS-heavy among them, are decided as by the search', () => {
    const seen = { valid: 0, invalid: 0 };
    // States that grow with each append are many: shorter ones, and fewer.
    const shape = hasAppends ? { ...LONG, operations: [20, 40] as const, hasAppends } : LONG;
    for (let seed = 0; seed < (hasAppends ? 400 : 2_000); seed++) {
      const operations = randomHistory(seed, model, shape);
      const table = Table.of(operations);
      const search = new Search(compile(table, defined(MODELS.get(model), 'a model')));
      const expected = search.advance(200_000);
      if (expected === undefined) continue;
      seen[expected.type === 'linearizable' ? 'valid' : 'invalid']++;
      const decision = decide(table, model);
      expect(decision.type, `seed ${seed}`).toBe(expected.type);
      if (decision.type !== 'linearizable') continue;
      expect(witnessIsWrong(table, model, decision.order), `seed ${seed}`).toBeUndefined();
    }
    expect(Math.min(seen.valid, seen.invalid)).toBeGreaterThan(hasAppends ? 10 : 100);
    expect(seen.valid + seen.invalid).toBeGreaterThan(hasAppends ? 380 : 1_900);
  });
});

describe.each(['register', 'cas-register', 'kv'] as const)('%s, pass by pass', (model) => {
  test('a pass that leaves some out accepts nothing that is illegal, with a witness', () => {
    let narrowed = 0;
    for (let seed = 0; seed < 1_500; seed++) {
      const table = Table.of(randomHistory(seed, model, LONG));
      const { search, order } = pass(table, model, { width: 1 + (seed % 4), crashedMax: seed % 3 });
      if (!search.isNarrowed) continue;
      narrowed++;
      if (order === undefined) continue;
      expect(witnessIsWrong(table, model, order), `seed ${seed}`).toBeUndefined();
    }
    expect(narrowed).toBeGreaterThan(300);
  });

  test('a pass that joins some refutes nothing that is legal', () => {
    const seen = { refuted: 0, narrowed: 0 };
    for (let seed = 0; seed < 1_500; seed++) {
      const table = Table.of(randomHistory(seed, model, LONG));
      const { search, order } = pass(table, model, { width: 1 + (seed % 4), surplus: 'join' });
      if (search.isNarrowed) seen.narrowed++;
      if (order !== undefined) continue;
      const judge = new Search(compile(table, defined(MODELS.get(model), 'a model')));
      const expected = judge.advance(200_000);
      if (expected === undefined) continue;
      seen.refuted++;
      expect(expected.type, `seed ${seed}`).toBe('not-linearizable');
    }
    expect(seen.refuted).toBeGreaterThan(50);
    expect(seen.narrowed).toBeGreaterThan(300);
  });

  test('an exact pass dies at the first completion whose prefix is illegal', () => {
    let refuted = 0;
    for (let seed = 0; seed < 6_000; seed++) {
      const operations = randomHistory(seed, model, SMALL);
      const table = Table.of(operations);
      const decision = decide(table, model);
      if (decision.type !== 'not-linearizable') continue;
      refuted++;
      const byRank = defined(decision.byRank, 'it says where');
      const position = operations[(table.events[byRank] as number) >>> 1]?.return ?? Infinity;
      expect(isLinearizableByBruteForce(prefix(operations, position, true))).toBe(false);
      expect(isLinearizableByBruteForce(prefix(operations, position, false))).toBe(true);
      const before = prefix(operations, position, false);
      const order = defined(decision.orderBefore, 'an exact pass has one')();
      const ids = Int32Array.from(order, (row) => table.id(row));
      const wrong = verifyWitness(before, defined(MODELS.get(model), 'a model'), ids);
      expect(wrong, `seed ${seed}`).toBeUndefined();
    }
    expect(refuted).toBeGreaterThan(300);
  });

  test('what follows a cut is legal when the whole is, and illegal when the cut left nothing open', () => {
    const seen = { legal: 0, illegal: 0 };
    for (let seed = 0; seed < 1_500; seed++) {
      const operations = randomHistory(seed, model, { ...LONG, operations: [10, 40] });
      const table = Table.of(operations);
      const { search, order } = pass(table, model, {});
      for (const cut of search.cuts()) {
        const isExact = cut.maybe.length === 0;
        if (order === undefined && !isExact) continue;
        seen[order === undefined ? 'illegal' : 'legal']++;
        const isLegal = isLinearizableByBruteForce(afterCut(operations, table, model, cut));
        expect(isLegal, `seed ${seed}, rank ${cut.rank}`).toBe(order !== undefined);
      }
    }
    expect(seen.legal).toBeGreaterThan(3_000);
    expect(seen.illegal).toBeGreaterThan(100);
  });
});

test('more clients than a word has bits: seventy at once, and a stale read after them', () => {
  for (let seed = 0; seed < 40; seed++) {
    const shape = { ...LONG, operations: [150, 250], processes: [70], crashRates: [0] } as const;
    const operations = randomHistory(seed, 'cas-register', { ...shape, changes: 1 });
    const table = Table.of(operations);
    const decision = decide(table, 'cas-register');
    if (decision.type !== 'linearizable') throw new Error(`seed ${seed}: ${decision.type}`);
    expect(witnessIsWrong(table, 'cas-register', decision.order), `seed ${seed}`).toBeUndefined();
    const written = defined(
      operations.find((each) => each.f === 'write' && each.input !== 7),
      'a write',
    );
    const id = 1_000;
    const later = [
      { ...written, id, input: 7, output: 7, invoke: id, return: id + 1 },
      { ...written, id: id + 2, f: 'read', input: null, invoke: id + 2, return: id + 3 },
    ];
    const stale = Table.of([...operations, ...later]);
    expect(decide(stale, 'cas-register').type, `seed ${seed}`).toBe('not-linearizable');
  }
});

/** History up to a completion, that one included or left pending. */
function prefix(
  operations: readonly Operation[],
  end: number,
  isIncluded: boolean,
): readonly Operation[] {
  return operations
    .filter((each) => each.invoke < end)
    .flatMap((each): Operation[] => {
      if (each.return < end || (isIncluded && each.return === end)) return [each];
      return weakened(each);
    });
}

/** What only observed vanishes; what may take effect is pending. */
function weakened(operation: Operation): Operation[] {
  if (!operation.applied || operation.f === 'read' || operation.f === 'get') return [];
  return [{ ...operation, outcome: 'info', output: null, return: Infinity }];
}

/** A write of the cut's state, then what is open, what is weak, and all that came later. */
function afterCut(
  operations: readonly Operation[],
  table: Table,
  model: ModelName,
  cut: Cut,
): readonly Operation[] {
  const first = defined(operations[0], 'an operation');
  const f = model === 'kv' ? 'put' : 'write';
  const done = { f, input: cut.state, output: cut.state, outcome: 'ok', applied: true } as const;
  const own: Operation = { ...first, ...done, id: -2, invoke: -2, return: -1 };
  const at = (row: number): Operation => defined(operations[row], 'a row');
  const later = operations.filter((_, row) => (table.invoke[row] as number) >= cut.rank);
  return [own, ...cut.open.map(at), ...cut.maybe.flatMap((row) => weakened(at(row))), ...later];
}
