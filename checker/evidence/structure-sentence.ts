import type { Json, Operation } from '../history.ts';
import { isArray, sameJson } from '../json.ts';
import { leaseLock } from '../models/lease-lock.ts';
import { show } from '../models/register.ts';
import { countSentence } from './count-sentence.ts';
import { COLLECTIONS, CONTAINERS } from './matters.ts';
import { completedBy, earlier, named, ofTheKey } from './phrases.ts';
import type { Scene } from './sentence.ts';
import { tokenSentence } from './token-sentence.ts';

/**
 * What is wrong with an object that names its kind: elements that appear from nowhere, twice, too late, in
 * another order, or not at all; a lock that two hold.
 *
 * @returns undefined when the object is of another kind, or the counterexample shows something else
 */
export function structureSentence(scene: Scene): string | undefined {
  const structure = scene.model.structure ?? '';
  if (scene.model.name === leaseLock.name) return tokenSentence(scene);
  const isLock = structure.endsWith('mutex') || structure === 'fenced-lock';
  if (scene.before !== undefined) return isLock ? heldSentence(scene, scene.before) : undefined;
  const container = CONTAINERS[structure];
  if (container !== undefined) return containerSentence(scene, container);
  const collection = COLLECTIONS[structure];
  if (collection !== undefined) return collectionSentence(scene, collection);
  if (structure === 'counter' || structure === 'grow-counter') return countSentence(scene);
  return structure === 'mutex' ? mutexSentence(scene) : undefined;
}

function containerSentence(
  scene: Scene,
  { put, take }: { readonly put: string; readonly take: string },
): string | undefined {
  const { strong, all, model } = scene;
  const putsOf = (value: Json): readonly Operation[] =>
    all.filter(({ f, input }) => f === put && sameJson(input, value));
  const takes = strong.filter(({ f }) => f === take);
  for (const one of takes) {
    const value = one.output;
    if (value === null) continue;
    const puts = putsOf(value);
    if (puts.length === 0) {
      return `${named(one)} returned ${show(value)}, but nobody had begun to ${put} it by then`;
    }
    const same = takes.filter(({ output }) => sameJson(output, value));
    if (same.length > puts.length) {
      const who = same.map((each) => completedBy(each)).join(' and ');
      const times = puts.length === 1 ? 'once' : `${puts.length} times`;
      return `${take}${ofTheKey(one)} returned ${show(value)} ${who}, but ${put} of it had been asked for ${times} only`;
    }
  }
  const empty = takes.find(({ output }) => output === null);
  if (empty !== undefined) return notEmpty(scene, empty, put, take);
  if (model.structure !== 'queue') return undefined;
  return outOfOrder(takes, putsOf, put, take) ?? leftBehind(scene, takes, putsOf, put);
}

/** Empty, while a value was inside for certain: nobody had begun to take it out. */
function notEmpty(
  { strong, all }: Scene,
  empty: Operation,
  put: string,
  take: string,
): string | undefined {
  // With more strong ones, others might have been in the way of somebody who took it out.
  const [inside, other, ...others] = strong.filter((each) => each !== empty);
  if (inside === undefined || inside.f !== put || others.length > 0) return undefined;
  if (inside.return >= empty.invoke) return undefined;
  if (other !== undefined && (other.f !== take || other.invoke < empty.return)) return undefined;
  if (all.some((each) => each.f === take && each.invoke < empty.return && each !== empty)) {
    return undefined;
  }
  return (
    `${named(empty)} found nothing, but ${put} of ${show(inside.input)} had been acknowledged ` +
    `${completedBy(inside)}${earlier(empty.invokeTime - inside.returnTime)}, and nobody had begun to take it out by then`
  );
}

/** First in, and not first out. */
function outOfOrder(
  takes: readonly Operation[],
  putsOf: (value: Json) => readonly Operation[],
  put: string,
  take: string,
): string | undefined {
  for (const late of takes) {
    for (const soon of takes) {
      if (soon.return >= late.invoke) continue;
      const [older, ...others] = putsOf(late.output);
      const [newer, ...more] = putsOf(soon.output);
      if (older === undefined || newer === undefined || others.length + more.length > 0) continue;
      if (older.return >= newer.invoke) continue;
      return (
        `${named(soon)} returned ${show(soon.output)}, but ${put} of ${show(late.output)} had been ` +
        `acknowledged ${completedBy(older)}, before ${put} of ${show(soon.output)} began, and ${take} returned it only ` +
        completedBy(late)
      );
    }
  }
  return undefined;
}

/** First in, and never out: every other take got something else. */
function leftBehind(
  { strong, all }: Scene,
  takes: readonly Operation[],
  putsOf: (value: Json) => readonly Operation[],
  put: string,
): string | undefined {
  const isTake = ({ f }: Operation): boolean => f !== put;
  if (all.filter(isTake).length !== takes.length) return undefined;
  const late = takes.toSorted((a, b) => b.return - a.return)[0];
  if (late === undefined) return undefined;
  const newer = putsOf(late.output);
  const older = strong.find(
    (each) =>
      each.f === put &&
      newer.every(({ invoke }) => each.return < invoke) &&
      takes.every(({ output }) => !sameJson(output, each.input)),
  );
  if (older === undefined || newer.length === 0) return undefined;
  return (
    `${named(late)} returned ${show(late.output)}, but ${put} of ${show(older.input)} had been acknowledged ` +
    `${completedBy(older)}, before ${put} of ${show(late.output)} began, and nobody had got it: ` +
    `all ${takes.length - 1} others that had begun by then returned something else`
  );
}

function collectionSentence(
  { strong, all }: Scene,
  { put, read }: { readonly put: string; readonly read: string },
): string | undefined {
  const reads = strong.filter(({ f }) => f === read);
  for (const one of reads) {
    const elements = isArray(one.output) ? one.output : [];
    for (const [i, element] of elements.entries()) {
      const puts = all.filter(({ f, input }) => f === put && sameJson(input, element));
      if (puts.length === 0) {
        return `${named(one)} holds ${show(element)}, but nobody had begun to ${put} it by then`;
      }
      const isAgain = elements.slice(0, i).some((each) => sameJson(each, element));
      if (isAgain && puts.length === 1) {
        return `${named(one)} holds ${show(element)} twice, but ${put} of it had been asked for once only`;
      }
    }
    const lost = lostBefore(one, strong, put, read);
    if (lost !== undefined) return lost;
  }
  return undefined;
}

/** A read without an element that was there for certain. */
function lostBefore(
  read: Operation,
  strong: readonly Operation[],
  put: string,
  reads: string,
): string | undefined {
  const holds = (elements: Json, element: Json): boolean =>
    isArray(elements) && elements.some((each) => sameJson(each, element));
  for (const before of strong) {
    if (before.return >= read.invoke) continue;
    const gap = earlier(read.invokeTime - before.returnTime);
    if (before.f === put && !holds(read.output, before.input)) {
      return (
        `${named(read)} does not hold ${show(before.input)}, but ${put} of it had been acknowledged ` +
        `${completedBy(before)}${gap}`
      );
    }
    if (before.f !== reads || !isArray(before.output)) continue;
    const missing = before.output.find((element) => !holds(read.output, element));
    if (missing !== undefined) {
      return (
        `${named(read)} does not hold ${show(missing)}, but it had been read ` +
        `${completedBy(before)}${gap}`
      );
    }
  }
  return undefined;
}

/** Acquired while it was held, and nobody began to release it. */
function heldSentence(
  { model, strong, all }: Scene,
  { state }: NonNullable<Scene['before']>,
): string | undefined {
  const [only, ...others] = strong;
  if (only === undefined || others.length > 0 || only.f !== 'acquire') return undefined;
  if (all.some(({ f }) => f === 'release')) return undefined;
  return (
    `${named(only)} succeeded, but all that happened before had left the lock ` +
    `${model.describeState(state)}, and nobody had begun to release it since`
  );
}

function mutexSentence({ strong, all }: Scene): string | undefined {
  const [first, second, ...others] = strong;
  if (first === undefined || others.length > 0) return undefined;
  if (second === undefined) {
    return first.f === 'release' && all.length === 1
      ? `${named(first)} was acknowledged, but nobody had begun to acquire it by then`
      : undefined;
  }
  const isHeldTwice =
    first.f === 'acquire' && second.f === 'acquire' && all.every(({ f }) => f === 'acquire');
  return isHeldTwice
    ? `${named(first)} succeeded, and so did ${named(second)}, but nobody had begun to release it`
    : undefined;
}
