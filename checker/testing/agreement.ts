import * as fc from 'fast-check';
import { defined } from '../assert.ts';
import { decideTable, ENGINES, type Decided } from '../engines/auto.ts';
import type { Decision } from '../engines/decision.ts';
import { verifyWitness } from '../evidence/verify-witness.ts';
import type { Operation } from '../history.ts';
import { MODELS } from '../models/index.ts';
import type { Model } from '../models/model.ts';
import { Table } from '../table.ts';
import type { Budget, EngineName } from '../verdict.ts';
import { isLinearizableByBruteForce } from './brute-force.ts';
import { simulate, type SimulateOptions } from './simulate.ts';

/** What a property met, so that a test can tell that it tested something. */
export interface Met {
  valid: number;
  invalid: number;
  crashed: number;
  observed: number;
  /** Decisions that a budget cut short. */
  unknown: number;
  /** Decisions per engine that applied, whatever it found. */
  readonly decided: Map<EngineName | 'auto', number>;
  /** Refutations with a conflict, with a rank: verified. */
  conflicts: number;
  ranks: number;
}

export function nothingMet(): Met {
  const counts = { valid: 0, invalid: 0, crashed: 0, observed: 0, unknown: 0 };
  return { ...counts, decided: new Map(), conflicts: 0, ranks: 0 };
}

export function modelNamed(name: string): Model {
  return defined(MODELS.get(name), 'a model');
}

/** Up to 7 operations: brute force says what is right. */
export function smallOptions(model: string): fc.Arbitrary<SimulateOptions> {
  return fc.record({
    model: fc.constant(model),
    seed: fc.integer({ min: 0, max: 1_000_000_000 }),
    operations: fc.integer({ min: 3, max: 7 }),
    processes: fc.integer({ min: 1, max: 4 }),
    crashRate: fc.constantFrom(0, 0.1, 0.3),
    values: fc.constantFrom(2, 3, 100),
    readRate: fc.constantFrom(0.3, 0.5, 0.6),
    isCasObserved: fc.boolean(),
    hasAppends: fc.boolean(),
    changes: fc.constantFrom(0, 1, 3, 7),
  });
}

/**
 * 20 to 140 operations, many of them CAS where there are any: where a reduction that is nearly
 * right goes wrong.
 */
export function largerOptions(model: string): fc.Arbitrary<SimulateOptions> {
  // Where order is seen only by who takes or reads, a search gets nowhere unless that happens
  // often.
  const isOrdered = ['queue', 'stack', 'append-list'].includes(model);
  return fc.record({
    model: fc.constant(model),
    seed: fc.integer({ min: 0, max: 1_000_000_000 }),
    operations: fc.integer({ min: 20, max: 140 }),
    processes: fc.integer({ min: 3, max: isOrdered ? 5 : 8 }),
    crashRate: fc.constantFrom(0, 0.02, 0.05),
    values: fc.constantFrom(2, 3, 5, 1_000_000),
    readRate: isOrdered ? fc.constantFrom(0.4, 0.5, 0.6) : fc.constantFrom(0.1, 0.3, 0.5),
    isCasObserved: fc.boolean(),
    hasAppends: fc.boolean(),
    changes: fc.constantFrom(0, 1, 2, 4),
  });
}

/**
 * Checks every engine that applies, and `auto`, on one history: the verdict, its witness by replay,
 * its conflict and its rank by brute force.
 *
 * @returns what is wrong; undefined when all is well
 */
export function disagreement(
  options: SimulateOptions,
  met: Met,
  judge: 'brute force' | 'each other',
): string | undefined {
  const operations = simulate(options);
  const model = modelNamed(options.model);
  const table = Table.of(operations);
  if (operations.some((each) => each.outcome === 'info')) met.crashed++;
  if (operations.some((each) => !each.applied)) met.observed++;
  const isBrute = judge === 'brute force';
  let expected = isBrute ? isLinearizableByBruteForce(operations, model.name) : undefined;
  for (const [name, decision] of decisions(table, model, isBrute)) {
    if (decision.type === 'unknown') {
      if (isBrute) return `${name}: unknown without a limit`;
      met.unknown++;
      continue;
    }
    met.decided.set(name, (met.decided.get(name) ?? 0) + 1);
    const isValid = decision.type === 'linearizable';
    expected ??= isValid;
    if (isValid !== expected) return `${name}: ${decision.type}, but linearizable is ${expected}`;
    const wrong = isValid
      ? verifyWitness(
          table,
          model,
          decision.order.map((row) => table.id(row)),
        )
      : isBrute
        ? wrongRefutation(table, model, decision, met)
        : undefined;
    if (wrong !== undefined) return `${name}: ${wrong}`;
  }
  if (expected !== undefined) met[expected ? 'valid' : 'invalid']++;
  return undefined;
}

function* decisions(
  table: Table,
  model: Model,
  isUnlimited: boolean,
): Generator<readonly [EngineName | 'auto', Decision | Decided]> {
  for (const engine of ENGINES.values()) {
    const decide = engine.prepare(table, model);
    if (decide !== undefined) yield [engine.name, drain(decide(budget(isUnlimited)))];
  }
  yield ['auto', drain(decideTable(table, model, budget(isUnlimited)))];
}

/** Looks at the clock are the clock: what runs out of time does so on every machine. */
function budget(isUnlimited: boolean): Budget {
  let looks = 0;
  const memoryBytesMax = isUnlimited ? Infinity : 2 ** 26;
  return { now: () => ++looks, deadlineNs: isUnlimited ? Infinity : LOOKS_MAX, memoryBytesMax };
}

const LOOKS_MAX = 8;

function drain<Result>(decision: Generator<unknown, Result>): Result {
  for (;;) {
    const step = decision.next();
    if (step.done === true) return step.value;
  }
}

function wrongRefutation(
  table: Table,
  model: Model,
  { conflict, byRank }: Extract<Decision, { readonly type: 'not-linearizable' }>,
  met: Met,
): string | undefined {
  if (conflict !== undefined) {
    if (conflict.some((row) => !table.isCompleted(row))) return 'a crashed operation conflicts';
    const rest = weakened(table, model, (row) => conflict.includes(row));
    if (rest.length - conflict.length > WEAK_MAX) return undefined;
    met.conflicts++;
    if (isLinearizableByBruteForce(rest, model.name)) return `${conflict.join()} do not conflict`;
  }
  if (byRank !== undefined) {
    if (((table.events[byRank] ?? 0) & 1) === 0) return `rank ${byRank} is no completion`;
    const prefix = table.select(
      [...table.invoke.keys()].filter((row) => (table.invoke[row] as number) < byRank),
    );
    const strong = (row: number): boolean =>
      (prefix.columns.return[row] ?? 0) <= idAt(table, byRank);
    const rest = weakened(prefix, model, strong);
    if (rest.filter(({ outcome }) => outcome === 'info').length > WEAK_MAX) return undefined;
    met.ranks++;
    if (isLinearizableByBruteForce(rest, model.name)) {
      return `the history up to rank ${byRank} is linearizable`;
    }
  }
  return undefined;
}

/** With more that may happen at any time or never, there are too many orders to try. */
const WEAK_MAX = 6;

/** Position in the whole history of a completion. */
function idAt(table: Table, rank: number): number {
  return table.columns.return[(table.events[rank] as number) >>> 1] as number;
}

/**
 * All but the strong ones weakened: what only reads vanishes, what changes something has an unknown
 * outcome.
 */
export function weakened(
  table: Table,
  model: Model,
  isStrong: (row: number) => boolean,
): readonly Operation[] {
  const rows = [...table.invoke.keys()].filter(
    (row) => isStrong(row) || !model.isReadOnly(table.operation(row)),
  );
  return table.select(rows, (row) => !isStrong(row)).operations();
}
