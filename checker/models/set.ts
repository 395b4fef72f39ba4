import type { Json, Operation } from '../history.ts';
import { canonicalJson, sameJson } from '../json.ts';
import {
  elementsOf,
  inside,
  malformedElement,
  malformedElements,
  placeOf,
  sortElements,
  Tally,
} from './elements.ts';
import { REJECTED, type Model, type Replay } from './model.ts';
import { show, unknownFunction } from './register.ts';
import { counted, describeCall, showElements } from './wording.ts';

const FUNCTIONS = ['add', 'read'] as const;

/**
 * A set that only grows: `add` v, `read` → array of all that was added, in any order, each once
 * (null: nothing yet). It begins empty. Adding again changes nothing, and is allowed. A crashed add
 * is an add. An element that a read returns twice is no malformed input but a wrong answer.
 *
 * States are arrays sorted by canonical text.
 */
export const set: Model = {
  name: 'set',
  about: 'a set that grows; a read returns all of it, in any order',
  functions: FUNCTIONS,
  structure: 'set',
  initial: [],
  malformed(operation) {
    if (operation.f === 'add') return malformedElement(operation);
    if (operation.f === 'read') return malformedElements(operation);
    return unknownFunction('set', FUNCTIONS, operation);
  },
  step(state, operation) {
    const elements = inside(state);
    if (operation.f === 'add') {
      const at = placeOf(elements, operation.input);
      const found = elements[at];
      if (found !== undefined && sameJson(found, operation.input)) return state;
      return elements.toSpliced(at, 0, operation.input);
    }
    const seen = elementsOf(operation);
    // Lengths first: most reads that do not fit differ there, and sorting costs.
    if (operation.outcome === 'info' || seen.length !== elements.length) return REJECTED;
    return sameJson(sortElements(seen), elements) ? state : REJECTED;
  },
  isReadOnly: ({ f }) => f === 'read',
  effectKey: ({ f, input, output, outcome }) =>
    f === 'add' ? `add ${canonicalJson(input)}` : `read ${outcome} ${canonicalJson(output)}`,
  replay: () => new GrowingSet(),
  describe: (operation) =>
    describeCall(operation, operation.f === 'read' ? showElements(operation.output) : undefined),
  describeState: showElements,
  explainRejection: (state, operation) =>
    operation.outcome === 'info'
      ? 'its result is unknown'
      : explain(inside(state), elementsOf(operation)),
};

function explain(elements: readonly Json[], seen: readonly Json[]): string {
  const times = new Tally();
  for (const element of seen) times.set(element, times.get(element) + 1);
  const twice = seen.find((element) => times.get(element) > 1);
  if (twice !== undefined) return `it returned ${show(twice)} more than once`;
  const missing = elements.filter((element) => times.get(element) === 0);
  const extra = seen.filter(
    (element) => !sameJson(elements[placeOf(elements, element)] ?? null, element),
  );
  const parts = [
    extra.length === 0 ? [] : `it returned ${list(extra)}, which had not been added`,
    missing.length === 0 ? [] : `it did not return ${list(missing)}, which had been added`,
  ].flat();
  return parts.join('; ');
}

function list(elements: readonly Json[]): string {
  const [first] = elements;
  const rest = elements.length - 1;
  return `${show(first ?? null)}${rest > 0 ? ` and ${counted(rest, 'other')}` : ''}`;
}

class GrowingSet implements Replay {
  /** Per element: 1 when no read has returned it, else 1 + the number of the last that did. */
  readonly #elements = new Tally();
  #size = 0;
  #reads = 0;

  apply(operation: Operation): boolean {
    if (operation.f === 'add') {
      if (this.#elements.get(operation.input) === 0) {
        this.#elements.set(operation.input, 1);
        this.#size++;
      }
      return true;
    }
    const seen = elementsOf(operation);
    if (operation.outcome === 'info' || seen.length !== this.#size) return false;
    const mark = 1 + ++this.#reads;
    for (const element of seen) {
      const marked = this.#elements.get(element);
      if (marked === 0 || marked === mark) return false;
      this.#elements.set(element, mark);
    }
    return true;
  }

  state(): Json {
    return sortElements(Array.from(this.#elements.entries(), ([element]) => element));
  }
}
