import type { Json, Operation } from '../history.ts';
import { sameJson } from '../json.ts';
import type { Overwrite } from '../models/model.ts';
import { show } from '../models/register.ts';
import { completedBy, earlier, instant, named, result } from './phrases.ts';
import type { Scene } from './sentence.ts';

/** An operation with what it demands of the state and does to it. */
interface Act {
  readonly operation: Operation;
  readonly effect: Overwrite;
}

/**
 * What is wrong with the values of an overwriting object: a value that nobody wrote, two CAS that both
 * found what was there once, a value that was over already.
 *
 * @returns undefined when the object is of another kind, or the counterexample shows something else
 */
export function valueSentence(scene: Scene): string | undefined {
  const { model, strong, before } = scene;
  const all = actsOf(scene, scene.all);
  const certain = actsOf(scene, strong);
  if (all === undefined || certain === undefined) return undefined;
  const byReturn = certain.toSorted((a, b) => b.operation.return - a.operation.return);
  for (const act of byReturn) {
    const value = act.effect.requires;
    if (value === undefined) continue;
    const begins = before === undefined ? model.initial : before.state;
    const isInitial = sameJson(value, model.initial) && sameJson(begins, model.initial);
    const writers = all.filter(({ effect }) => isSame(effect.produces, value));
    if (writers.length === 0 && !isInitial) {
      const since = before === undefined ? 'by then' : 'since';
      const had =
        before === undefined
          ? ''
          : `all that happened before had left ${model.describeState(before.state)}, and `;
      const write = value === null ? 'delete it' : `write ${show(value)}`;
      return `${told(act, value)}, but ${had}nobody had begun to ${write} ${since}`;
    }
    const times = writers.length + (isInitial ? 1 : 0);
    const found =
      spentTwice(act, value, times, certain) ??
      overAlready(act, value, { times, writers, certain, own: scene.own });
    if (found !== undefined) return found;
  }
  return undefined;
}

function actsOf({ model }: Scene, operations: readonly Operation[]): readonly Act[] | undefined {
  const acts: Act[] = [];
  for (const operation of operations) {
    const effect = model.overwrite?.(operation);
    if (effect === undefined) return undefined;
    acts.push({ operation, effect });
  }
  return acts;
}

function isSame(a: Json | undefined, b: Json): boolean {
  return a !== undefined && sameJson(a, b);
}

/** What the client was told that depends on the value. */
function told({ operation, effect }: Act, value: Json): string {
  if (effect.produces === undefined) {
    return `${named(operation)} ${value === null ? 'found it absent' : `returned ${show(value)}`}`;
  }
  return `${named(operation)} ${result(operation)} and expects ${show(value)}`;
}

/** A CAS that ended the only stretch of time for which the value was the state. */
function leaves({ effect }: Act, value: Json, times: number): boolean {
  const isEnd = effect.produces !== undefined && !isSame(effect.produces, value);
  return times === 1 && isEnd && isSame(effect.requires, value);
}

/** Two CAS that left the value, which had come about once: the second had nothing to find. */
function spentTwice(
  act: Act,
  value: Json,
  times: number,
  certain: readonly Act[],
): string | undefined {
  if (!leaves(act, value, times)) return undefined;
  const other = certain.find((each) => each !== act && leaves(each, value, times));
  if (other === undefined) return undefined;
  const [first, second] = [other, act].map(
    ({ operation }) => `${named(operation)} ${result(operation)}`,
  );
  return `${first}, and ${second}: both expect ${show(value)}, which was there only once`;
}

/**
 * A value that was over: every write of it had completed, or it had been seen, before another operation
 * began that left or saw another value and was answered before this one began. Or that other operation is a
 * CAS which found the value, and there was only one write of it.
 *
 * It is implied: at some instant of that operation the state was another, and all writes of the value had
 * taken effect before (the only one had, when it was seen), so that it could not come again.
 */
function overAlready(
  act: Act,
  value: Json,
  parts: {
    /** How often it can have come about. */
    readonly times: number;
    readonly writers: readonly Act[];
    readonly certain: readonly Act[];
    readonly own: readonly Operation[];
  },
): string | undefined {
  const { times, writers, certain, own } = parts;
  const isCertain = ({ operation }: Act): boolean =>
    own.includes(operation) || certain.some((each) => each.operation.id === operation.id);
  // By when all writes had taken effect for certain; a crashed one never had.
  let over = -Infinity;
  for (const writer of writers) {
    over = Math.max(over, isCertain(writer) ? writer.operation.return : Infinity);
  }
  const only = times === 1 ? writers[0] : undefined;
  const seen = certain
    .filter((each) => each !== act && only !== undefined && isSame(each.effect.requires, value))
    .toSorted((a, b) => a.operation.return - b.operation.return)[0];
  const isSeenFirst = seen !== undefined && seen.operation.return < over;
  if (isSeenFirst) over = seen.operation.return;
  const witness = certain
    .filter(
      (each) =>
        each !== act &&
        (each.operation.invoke > over || leaves(each, value, times)) &&
        each.operation.return < act.operation.invoke &&
        differs(each, value),
    )
    .toSorted((a, b) => a.operation.return - b.operation.return)[0];
  if (witness === undefined) return undefined;
  const before =
    isSeenFirst && !leaves(witness, value, times)
      ? `; ${show(value)} had been there by ${instant(seen.operation.returnTime)} already, ` +
        `when process ${seen.operation.process} was answered`
      : '';
  return `${told(act, value)}, but ${newer(witness)}${earlierThan(witness, act)}${before}`;
}

/** Whether the state was certainly another at some instant of the operation. */
function differs({ effect }: Act, value: Json): boolean {
  if (effect.produces !== undefined) return !sameJson(effect.produces, value);
  return effect.requires !== undefined && !sameJson(effect.requires, value);
}

function newer({ operation, effect }: Act): string {
  const { produces, requires = null } = effect;
  if (produces === undefined) {
    const was = requires === null ? 'it had been found absent' : `${show(requires)} had been read`;
    return `${was} ${completedBy(operation)}`;
  }
  const what = produces === null ? 'its deletion' : show(produces);
  return `${what} had been acknowledged ${completedBy(operation)}`;
}

function earlierThan(a: Act, b: Act): string {
  return earlier(b.operation.invokeTime - a.operation.returnTime);
}
