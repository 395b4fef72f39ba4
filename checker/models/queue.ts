import type { Json, Operation } from '../history.ts';
import { canonicalJson, sameJson } from '../json.ts';
import { inside, malformedElement, placeOf, sortElements, Tally } from './elements.ts';
import { REJECTED, type Model, type Replay } from './model.ts';
import { malformedObservation, show, unknownFunction } from './register.ts';
import { counted, describeCall, showElements } from './wording.ts';

/**
 * A FIFO queue: `enqueue` v, `dequeue` → the oldest element, or null where it was empty; null is
 * never enqueued. It begins empty. A crashed enqueue is an enqueue; a crashed dequeue takes the
 * oldest element, whatever it is, and is rejected where there is none. A dequeue that found it
 * empty is read-only.
 *
 * States are arrays, the oldest first.
 */
export const queue: Model = {
  ...takingModel('queue', 'enqueue', 'dequeue'),
  about: 'a FIFO queue',
  structure: 'queue',
  step: (state, operation) =>
    operation.f === 'enqueue' ? [...inside(state), operation.input] : taken(state, operation, 0),
  replay: () => new Line('oldest'),
  explainRejection: (state, operation) => explainOrdered(inside(state), operation, 'oldest'),
};

/**
 * A stack: `push` v, `pop` → the newest element, or null where it was empty; null is never pushed.
 * It begins empty. A crashed push is a push; a crashed pop takes the newest element, whatever it
 * is, and is rejected where there is none. A pop that found it empty is read-only.
 *
 * States are arrays, the oldest first.
 */
export const stack: Model = {
  ...takingModel('stack', 'push', 'pop'),
  about: 'a stack',
  structure: 'stack',
  step: (state, operation) =>
    operation.f === 'push' ? [...inside(state), operation.input] : taken(state, operation, -1),
  replay: () => new Line('newest'),
  explainRejection: (state, operation) => explainOrdered(inside(state), operation, 'newest'),
};

/**
 * An unordered queue: as the FIFO queue, but a `dequeue` may take any element that is inside. It
 * begins empty. A crashed dequeue, of which nobody knows what it took, takes *the least* element by
 * canonical text, and is rejected where there is none. That makes the object deterministic, and
 * decides every history as the choice among all elements would:
 *
 * - An order that is legal with the least is legal with any: it is one of the choices.
 * - Take an order that is legal with some choice. A crashed dequeue that took `x` can be moved to
 *   just before the next dequeue that found the queue empty, or be left out where none follows:
 *   nothing bounds it from above, nobody else takes that `x`, and only a dequeue that found the
 *   queue empty minds that it is still inside. Then the crashed dequeues stand in runs, each
 *   directly before a dequeue that found the queue empty, so each run takes all there is. Taking
 *   the least each time, it does the same.
 *
 * States are arrays sorted by canonical text.
 */
export const unorderedQueue: Model = {
  ...takingModel('unordered-queue', 'enqueue', 'dequeue'),
  about: 'a queue that gives its elements back in any order',
  structure: 'bag',
  step(state, operation) {
    const elements = inside(state);
    if (operation.f === 'enqueue') {
      return elements.toSpliced(placeOf(elements, operation.input), 0, operation.input);
    }
    if (operation.outcome === 'info') return elements.length === 0 ? REJECTED : elements.slice(1);
    if (operation.output === null) return elements.length === 0 ? state : REJECTED;
    const at = placeOf(elements, operation.output);
    const found = elements[at];
    if (found === undefined || !sameJson(found, operation.output)) return REJECTED;
    return elements.toSpliced(at, 1);
  },
  replay: () => new Bag(),
  explainRejection(state, operation) {
    const elements = inside(state);
    if (operation.outcome === 'info') return 'it is empty';
    return operation.output === null
      ? `it found it empty, but ${counted(elements.length, 'element')} were inside`
      : `it returned ${show(operation.output)}, which was not inside (${showElements(state)})`;
  },
};

/** What queues and stacks have in common. */
function takingModel(name: string, put: string, take: string) {
  const functions = [put, take];
  return {
    name,
    functions,
    initial: [],
    malformed(operation: Operation): string | undefined {
      if (operation.f === put) return malformedElement(operation);
      if (operation.f === take) return malformedObservation(operation);
      return unknownFunction(name, functions, operation);
    },
    isReadOnly: ({ f, outcome, output }: Operation) =>
      f === take && outcome === 'ok' && output === null,
    effectKey({ f, input, output, outcome }: Operation): string {
      if (f === put) return `${put} ${canonicalJson(input)}`;
      return outcome === 'info' ? take : `${take} ${canonicalJson(output)}`;
    },
    describe(operation: Operation): string {
      if (operation.f === put) return describeCall(operation);
      return describeCall(operation, operation.output === null ? 'empty' : show(operation.output));
    },
    describeState: showElements,
  } satisfies Partial<Model>;
}

/** A dequeue or pop: of the element at 0, the oldest, or at -1, the newest. */
function taken(state: Json, operation: Operation, at: 0 | -1): Json | typeof REJECTED {
  const elements = inside(state);
  const { outcome, output } = operation;
  const next = elements.at(at);
  if (outcome === 'ok' && output === null) return next === undefined ? state : REJECTED;
  if (next === undefined || (outcome === 'ok' && !sameJson(next, output))) return REJECTED;
  return elements.toSpliced(at, 1);
}

function explainOrdered(
  elements: readonly Json[],
  { outcome, output }: Operation,
  which: 'oldest' | 'newest',
): string {
  if (outcome === 'info') return 'it is empty';
  if (output === null)
    return `it found it empty, but ${counted(elements.length, 'element')} inside`;
  const next = elements.at(which === 'oldest' ? 0 : -1);
  const instead = next === undefined ? 'it was empty' : `the ${which} was ${show(next)}`;
  return `it returned ${show(output)}, but ${instead}`;
}

/** A queue or a stack in place. */
class Line implements Replay {
  readonly #next: 'oldest' | 'newest';
  /** Those before `#begin` are gone. */
  #elements: Json[] = [];
  #begin = 0;

  constructor(next: 'oldest' | 'newest') {
    this.#next = next;
  }

  apply({ f, input, output, outcome }: Operation): boolean {
    if (f === 'enqueue' || f === 'push') {
      this.#elements.push(input);
      return true;
    }
    const isEmpty = this.#begin === this.#elements.length;
    if (isEmpty) return outcome === 'ok' && output === null;
    const at = this.#next === 'oldest' ? this.#begin : this.#elements.length - 1;
    if (outcome === 'ok' && !sameJson(this.#elements[at] ?? null, output)) return false;
    if (this.#next === 'newest') this.#elements.pop();
    else if (++this.#begin * 2 > this.#elements.length) {
      this.#elements = this.#elements.slice(this.#begin);
      this.#begin = 0;
    }
    return true;
  }

  state(): Json {
    return this.#elements.slice(this.#begin);
  }
}

/** An unordered queue in place. What a crashed dequeue takes is looked for: those are few. */
class Bag implements Replay {
  readonly #counts = new Tally();
  #size = 0;

  apply({ f, input, output, outcome }: Operation): boolean {
    if (f === 'enqueue') {
      this.#counts.set(input, this.#counts.get(input) + 1);
      this.#size++;
      return true;
    }
    if (outcome === 'ok' && output === null) return this.#size === 0;
    if (this.#size === 0) return false;
    const wanted = outcome === 'ok' ? output : this.#least();
    const count = this.#counts.get(wanted);
    if (count === 0) return false;
    this.#counts.set(wanted, count - 1);
    this.#size--;
    return true;
  }

  state(): Json {
    const each = Array.from(this.#counts.entries(), ([element, count]) =>
      Array.from({ length: count }, () => element),
    );
    return sortElements(each.flat(1));
  }

  #least(): Json {
    let least: Json = null;
    let leastText: string | undefined;
    for (const [element] of this.#counts.entries()) {
      const text = canonicalJson(element);
      if (leastText !== undefined && text >= leastText) continue;
      least = element;
      leastText = text;
    }
    return least;
  }
}
