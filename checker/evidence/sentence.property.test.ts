import { expect, test } from 'vitest';
import { checkKey } from '../check.ts';
import { defined } from '../assert.ts';
import type { Json, Operation } from '../history.ts';
import { sameJson } from '../json.ts';
import { MODELS } from '../models/index.ts';
import { REJECTED, type Model } from '../models/model.ts';
import { simulate } from '../testing/simulate.ts';
import type { Counterexample } from '../verdict.ts';
import { instant } from './phrases.ts';

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };

interface Told {
  readonly sentence: string;
  readonly counterexample: Counterexample;
  readonly strong: readonly Operation[];
  /** The operation that the sentence begins with. */
  readonly subject: Operation;
  readonly history: readonly Operation[];
  readonly model: Model;
}

function tell(model: string, seed: number): Told | undefined {
  const history = simulate({
    seed,
    model,
    operations: 8 + (seed % 12),
    processes: 2 + (seed % 3),
    changes: 1 + (seed % 2),
    crashRate: seed % 4 === 0 ? 0.1 : 0,
    ...(seed % 3 === 0 ? { values: 3 } : undefined),
  });
  const verdict = checkKey(history, defined(MODELS.get(model), 'a model'), UNLIMITED);
  if (verdict.valid !== false) return undefined;
  const { sentence, counterexample } = verdict;
  if (counterexample === undefined) throw new Error(`seed ${seed} has a counterexample`);
  const strong = counterexample.operations
    .filter(({ isWeak, isOwn }) => !isWeak && !isOwn)
    .map(({ operation }) => operation);
  const subject = subjectOf(sentence, strong);
  const parts = { sentence, counterexample, strong, history };
  return { ...parts, subject, model: defined(MODELS.get(model), 'a model') };
}

/** The last of those named, where the sentence names none first: it names them all. */
function subjectOf(sentence: string, strong: readonly Operation[]): Operation {
  const found = /^(\S+) by process (\d+) at ([\d.]+ s)/.exec(sentence);
  const named = strong.find(
    (each) =>
      found !== null &&
      each.f === found[1] &&
      each.process === Number(found[2]) &&
      instant(each.invokeTime) === found[3],
  );
  return defined(found === null ? strong.at(-1) : named, `the subject of: ${sentence}`);
}

/** Who completed at an instant, as the sentence tells. */
function completed(strong: readonly Operation[], time: string, process: string): Operation {
  const found = strong.find(
    (each) => instant(each.returnTime) === time && each.process === Number(process),
  );
  return defined(found, `somebody who completed at ${time}`);
}

function made(operation: Operation, model: Model): Json | undefined {
  const effect = model.overwrite?.(operation);
  return effect === undefined ? operation.input : effect.produces;
}

/** @throws where a clause does not hold */
function must(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(`it is not so: ${sentence}`);
}

type Clause = (told: Told) => string | undefined;

/** `5 had been acknowledged at …`: before it began, and it is another value than it required. */
const overAlready: Clause = ({ sentence, strong, subject, model }) => {
  const found = /but (.+?) had been (acknowledged|read) at ([\d.]+ s) by process (\d+)/.exec(
    sentence,
  );
  if (found === null || model.overwrite === undefined) return undefined;
  const [, what = '', how, time = '', process = ''] = found;
  const witness = completed(strong, time, process);
  const value = what === 'its deletion' ? null : (JSON.parse(what) as Json);
  const seen = how === 'read' ? model.overwrite(witness)?.requires : made(witness, model);
  must(witness.return < subject.invoke, sentence);
  must(seen !== undefined && sameJson(seen, value), sentence);
  must(!sameJson(model.overwrite(subject)?.requires ?? null, value), sentence);
  return 'over already';
};

const nobodyWrote: Clause = ({ sentence, subject, model, history, counterexample }) => {
  const found = /nobody had begun to (?:delete it|write (.+?)) (by then|since)$/.exec(sentence);
  if (found === null) return undefined;
  const value = JSON.parse(found[1] ?? 'null') as Json;
  const all =
    found[2] === 'since' ? counterexample.operations.map((each) => each.operation) : history;
  const writers = all.filter(
    (each) =>
      each.invoke < subject.return &&
      each.id !== subject.id &&
      !model.isReadOnly(each) &&
      sameJson(made(each, model) ?? null, value),
  );
  must(writers.length === 0, sentence);
  return `nobody ${found[2]}`;
};

const phantom: Clause = ({ sentence, subject, history }) => {
  const found = /but nobody had begun to (enqueue|push|add|append) it by then$/.exec(sentence);
  if (found === null) return undefined;
  const value = JSON.parse(/(?:returned|holds) (.+?), but/.exec(sentence)?.[1] ?? '') as Json;
  const makers = history.filter(
    ({ f, input, invoke }) => f === found[1] && sameJson(input, value) && invoke < subject.return,
  );
  must(makers.length === 0, sentence);
  return 'phantom';
};

const lost: Clause = ({ sentence, strong, subject }) => {
  const found = /does not hold (.+?), but .*? at ([\d.]+ s) by process (\d+)/.exec(sentence);
  if (found === null) return undefined;
  const witness = completed(strong, found[2] ?? '', found[3] ?? '');
  const value = JSON.parse(found[1] ?? '') as Json;
  const holds = (elements: readonly Json[]): boolean =>
    elements.some((each) => sameJson(each, value));
  must(witness.return < subject.invoke, sentence);
  must(
    holds(witness.f === 'read' ? (witness.output as readonly Json[]) : [witness.input]),
    sentence,
  );
  must(!holds((subject.output ?? []) as readonly Json[]), sentence);
  return 'lost';
};

const twice: Clause = ({ sentence, strong, history }) => {
  const found = /returned (.+?) at .* had been asked for (once|\d+ times) only$/.exec(sentence);
  if (found === null) return undefined;
  const value = JSON.parse(found[1] ?? '') as Json;
  const times = found[2] === 'once' ? 1 : Number.parseInt(found[2] ?? '', 10);
  const takes = strong.filter(
    ({ f, output }) => ['dequeue', 'pop'].includes(f) && sameJson(output, value),
  );
  const until = Math.max(...takes.map((each) => each.return));
  const puts = history.filter(
    ({ f, input, invoke }) =>
      ['enqueue', 'push'].includes(f) && sameJson(input, value) && invoke < until,
  );
  must(puts.length === times && takes.length > times, sentence);
  return 'twice';
};

const general: Clause = ({ sentence, strong }) => {
  if (!/^(?:this operation|no order of these \d+ operations) /.test(sentence)) return undefined;
  for (const { invokeTime, returnTime } of strong.slice(0, 6)) {
    must(sentence.includes(`${instant(invokeTime)} to ${instant(returnTime)}`), sentence);
  }
  return 'general';
};

/** A counter's sums: of what was acknowledged before, of all that had begun, or told to two. */
const counted: Clause = ({ sentence, strong, subject, history }) => {
  const fewer = /additions? of (\d+) in all had been acknowledged by then/.exec(sentence);
  const more = /but (nothing|no more than (\d+)) had been asked for by then/.exec(sentence);
  const adds = (each: readonly Operation[]): number =>
    each.reduce((sum, { f, input }) => sum + (f === 'read' ? 0 : Number(input)), 0);
  const own = subject.f === 'read' ? 0 : Number(subject.input);
  if (fewer !== null) {
    const before = strong.filter((each) => each.return < subject.invoke);
    must(adds(before) === Number(fewer[1]), sentence);
    must(Number(subject.output) < adds(before) + own, sentence);
    return 'fewer';
  }
  if (more !== null) {
    const begun = adds(history.filter((each) => each.invoke < subject.return));
    must(begun === Number(more[2] ?? 0) && Number(subject.output) > begun, sentence);
    return 'more';
  }
  if (!sentence.endsWith('one of them did not count')) return undefined;
  must(strong.filter(({ output }) => output === subject.output).length > 1, sentence);
  return 'told twice';
};

/** A lock's token, given to two; or one operation that the state before does not allow. */
const fenced: Clause = ({ sentence, strong, subject, counterexample, model }) => {
  if (model.name !== 'lease-lock') return undefined;
  const { before } = counterexample;
  if (/and so did acquire/.test(sentence)) {
    const same = strong.filter(({ f, output }) => f === 'acquire' && output === subject.output);
    must(same.length > 1, sentence);
    return 'token for two';
  }
  if (before === undefined || /^(this operation|no order)/.test(sentence)) return undefined;
  must(model.step(before.state, subject) === REJECTED, sentence);
  return 'token is void';
};

const CLAUSES: readonly Clause[] = [
  overAlready,
  nobodyWrote,
  phantom,
  lost,
  twice,
  counted,
  fenced,
  general,
];

test('every clause of a sentence is true of the counterexample, or of the history where it says that nobody did', () => {
  const kinds = new Map<string, number>();
  let told = 0;
  for (const model of MODELS.keys()) {
    for (let seed = 1; seed <= 60; seed++) {
      const one = tell(model, seed);
      if (one === undefined) continue;
      told++;
      expect(one.sentence).not.toMatch(/likely|probably|undefined|NaN/);
      const processes = [...one.sentence.matchAll(/process (\d+)/g)].map((match) =>
        Number(match[1]),
      );
      for (const process of processes) {
        expect(
          one.strong.some((each) => each.process === process),
          one.sentence,
        ).toBe(true);
      }
      const kind =
        CLAUSES.map((clause) => clause(one)).find((found) => found !== undefined) ?? 'other';
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  }
  expect(told).toBeGreaterThan(300);
  const met = [...kinds.keys()];
  expect(met).toEqual(
    expect.arrayContaining([
      'over already',
      'nobody by then',
      'phantom',
      'lost',
      'twice',
      'fewer',
      'more',
      'token is void',
      'general',
    ]),
  );
});
