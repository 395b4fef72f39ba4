import type { Json, Operation } from '../history.ts';
import { REJECTED, type Model } from './model.ts';
import { malformedObservation, show, unknownFunction } from './register.ts';
import { describeCall } from './wording.ts';

const FUNCTIONS = ['add', 'incr', 'read'] as const;

/**
 * A counter: `add` n (an integer of either sign), `incr` n → the sum with it, `read` → the sum. It begins
 * at 0. A crashed add is an add, as is a crashed incr. Adding 0 is read-only. Sums are exact up to 2⁵³.
 */
export const counter: Model = counterModel(
  'counter',
  'a counter: integers are added, the sum is read',
);

/** A counter that never falls: `add` and `incr` of n ≥ 0. Otherwise as `counter`. */
export const growCounter: Model = counterModel('grow-counter', 'a counter that never falls');

function counterModel(name: 'counter' | 'grow-counter', about: string): Model {
  const isGrowing = name === 'grow-counter';
  return {
    name,
    about,
    functions: FUNCTIONS,
    structure: name,
    initial: 0,
    malformed(operation) {
      const { f, input, output, outcome } = operation;
      if (f !== 'add' && f !== 'incr' && f !== 'read') {
        return unknownFunction(name, FUNCTIONS, operation);
      }
      if (f !== 'read') {
        if (!Number.isSafeInteger(input)) {
          return `${f} has value ${show(input)}, expected an integer`;
        }
        if (isGrowing && Number(input) < 0) {
          return `${f} of ${show(input)}, but ${name} never falls`;
        }
      }
      if (f !== 'add' && outcome === 'ok' && !Number.isSafeInteger(output)) {
        return `${f} returned ${show(output)}, expected an integer`;
      }
      return f === 'read' ? undefined : malformedObservation(operation);
    },
    step(state, { f, input, output, outcome }) {
      const sum = f === 'read' ? state : Number(state) + Number(input);
      const isTold = f === 'read' || (f === 'incr' && outcome === 'ok');
      return !isTold || (outcome === 'ok' && Number(output) === sum) ? sum : REJECTED;
    },
    isReadOnly: ({ f, input }) => f === 'read' || input === 0,
    effectKey({ f, input, output, outcome }) {
      if (f === 'read') return `read ${outcome} ${Number(output)}`;
      // Without a result it is an addition like any other.
      const result = f === 'incr' && outcome === 'ok' ? ` to ${Number(output)}` : '';
      return `add ${Number(input)}${result}`;
    },
    describe: (operation) =>
      describeCall(operation, operation.f === 'add' ? undefined : show(operation.output)),
    describeState: show,
    explainRejection: (state: Json, { f, input, output, outcome }: Operation) => {
      if (outcome === 'info') return 'its result is unknown';
      const sum = f === 'incr' ? Number(state) + Number(input) : state;
      return `it returned ${show(output)}, but the sum is ${show(sum)}`;
    },
  };
}
