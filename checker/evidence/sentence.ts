import type { Json, Operation } from '../history.ts';
import type { Model } from '../models/model.ts';
import { show } from '../models/register.ts';
import type { Counterexample, Stuck } from '../verdict.ts';
import { completedBy, earlier, instant, named, result, ofTheKey } from './phrases.ts';
import type { StaleRead } from './stale-read.ts';
import { structureSentence } from './structure-sentence.ts';
import { valueSentence } from './value-sentence.ts';

/** How many operations the general form names. */
const NAMED_MAX = 6;

/** A counterexample, sorted for telling. All in the order of invocations. */
export interface Scene {
  readonly model: Model;
  /** Completed, and counted as such; the checker's own write not among them. */
  readonly strong: readonly Operation[];
  /** Strong and weak ones, the checker's own write among them. */
  readonly all: readonly Operation[];
  /** Those of the checker's own that count as completed. */
  readonly own: readonly Operation[];
  /** Where it begins in the middle of a history: the state there. */
  readonly before: { readonly state: Json } | undefined;
}

/**
 * What happened on a key, from the minimal counterexample alone: every clause is implied by its
 * operations, and together they allow no order. Without one, what the place says where the history stopped
 * being linearizable.
 */
export function sentenceOf(
  counterexample: Counterexample | undefined,
  stuck: Stuck,
  model: Model,
): string {
  if (counterexample === undefined) return stuckSentence(stuck, model);
  const { operations } = counterexample;
  const scene: Scene = {
    model,
    strong: operations
      .filter(({ isWeak, isOwn }) => !isWeak && !isOwn)
      .map((each) => each.operation),
    all: operations.map((each) => each.operation),
    own: operations.filter(({ isOwn, isWeak }) => isOwn && !isWeak).map((each) => each.operation),
    before: counterexample.before,
  };
  return valueSentence(scene) ?? structureSentence(scene) ?? generalSentence(scene);
}

/**
 * `read of key k17 by process 4 at 31.207 s on n2 returned 3, but 5 had been acknowledged at 31.180 s
 * by process 2 on n3 (27.0 ms earlier)`.
 */
export function staleSentence(stale: StaleRead): string {
  const { read, value, overwrittenBy, newerValue, staleByNs } = stale;
  const returned = value === null ? 'found it absent' : `returned ${show(value)}`;
  const newer = newerValue === null ? 'its deletion' : show(newerValue);
  return (
    `${named(read)} ${returned}, but ${newer} had been acknowledged ` +
    `${completedBy(overwrittenBy)}${earlier(staleByNs)}`
  );
}

/** What remains to be said of any set: that nothing orders it. */
function generalSentence({ model, strong, all, own, before }: Scene): string {
  const key = all[0] === undefined ? '' : ofTheKey(all[0]);
  const isTold = new Set([...strong, ...own].map(({ id }) => id));
  const weak = all.filter(({ id }) => !isTold.has(id)).length;
  const told = strong
    .slice(0, NAMED_MAX)
    .map(
      (each) =>
        `${model.describe({ ...each, key: undefined })} by process ${each.process} ` +
        `(${instant(each.invokeTime)} to ${instant(each.returnTime)})`,
    );
  const more = strong.length - told.length;
  const rest = more > 0 ? `, and ${more} more` : '';
  const from =
    before === undefined
      ? ''
      : `; all that happened before had left ${model.describeState(before.state)}`;

  const others =
    weak === 0
      ? ''
      : `; ${weak === 1 ? 'one more may have' : `${weak} more may each have`} happened once, ` +
        `at any time after ${weak === 1 ? 'it' : 'they'} began, or not at all`;
  const what =
    strong.length === 1
      ? `this operation${key} fits nowhere`
      : `no order of these ${strong.length} operations${key} is legal`;
  return `${what}: ${told.join(', ')}${rest}${from}${others}`;
}

function stuckSentence(stuck: Stuck, model: Model): string {
  const { operation } = stuck;
  const what = `${named(operation)} ${result(operation)}`;
  if (!stuck.isExact) {
    return `${what}: the history is not linearizable by then, and no order was found that gets beyond it`;
  }
  const note = stuck.note === undefined ? '' : `: ${stuck.note}`;
  const left = model.describeState(stuck.state);
  return (
    `${what}${note}; no order of the operations allows that, while all that completed before it is ` +
    `linearizable (one such order ends with ${left})`
  );
}
