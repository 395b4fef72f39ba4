import type { Json, Operation } from '../history.ts';
import { canonicalJson, sameJson } from '../json.ts';
import { elementsOf, inside, malformedElement, malformedElements } from './elements.ts';
import { REJECTED, type Model, type Replay } from './model.ts';
import { show, unknownFunction } from './register.ts';
import { counted, describeCall, showElements } from './wording.ts';

const FUNCTIONS = ['append', 'read'] as const;

/**
 * A list that only grows: `append` v, `read` → array of all that was appended, in order (null:
 * nothing yet). It begins empty. A crashed append is an append.
 */
export const appendList: Model = {
  name: 'append-list',
  about: 'a list that grows at its end; a read returns all of it, in order',
  functions: FUNCTIONS,
  structure: 'list',
  initial: [],
  malformed(operation) {
    if (operation.f === 'append') return malformedElement(operation);
    if (operation.f === 'read') return malformedElements(operation);
    return unknownFunction('append-list', FUNCTIONS, operation);
  },
  step(state, operation) {
    const elements = inside(state);
    if (operation.f === 'append') return [...elements, operation.input];
    return operation.outcome === 'ok' && areSame(elements, elementsOf(operation))
      ? state
      : REJECTED;
  },
  isReadOnly: ({ f }) => f === 'read',
  effectKey: ({ f, input, output, outcome }) =>
    f === 'append' ? `append ${canonicalJson(input)}` : `read ${outcome} ${canonicalJson(output)}`,
  replay: () => new GrowingList(),
  describe: (operation) =>
    describeCall(operation, operation.f === 'read' ? showElements(operation.output) : undefined),
  describeState: showElements,
  explainRejection(state, operation) {
    if (operation.outcome === 'info') return 'its result is unknown';
    const elements = inside(state);
    const seen = elementsOf(operation);
    const at = seen.findIndex(
      (each, i) => i >= elements.length || !sameJson(each, elements[i] ?? null),
    );
    if (at < 0) {
      const missing = counted(elements.length - seen.length, 'element');
      return `it did not return the last ${missing}, ${show(elements[seen.length] ?? null)} first`;
    }
    const instead = elements[at];
    return (
      `it returned ${show(seen[at] ?? null)} at position ${at}, where ` +
      (instead === undefined ? 'the list had ended' : `${show(instead)} had been appended`)
    );
  },
};

function areSame(a: readonly Json[], b: readonly Json[]): boolean {
  if (a.length !== b.length) return false;
  // The newest first: that is where reads differ.
  for (let i = a.length - 1; i >= 0; i--) if (!sameJson(a[i] ?? null, b[i] ?? null)) return false;
  return true;
}

class GrowingList implements Replay {
  readonly #elements: Json[] = [];

  apply(operation: Operation): boolean {
    if (operation.f !== 'append') {
      return operation.outcome === 'ok' && areSame(this.#elements, elementsOf(operation));
    }
    this.#elements.push(operation.input);
    return true;
  }

  state(): Json {
    return [...this.#elements];
  }
}
