import type { Json, Operation } from '../history.ts';
import { REJECTED, type Model } from './model.ts';
import { malformedObservation, show, unknownFunction } from './register.ts';
import { describeCall } from './wording.ts';

const FUNCTIONS = ['add', 'read'] as const;

/**
 * A counter: `add` n (an integer of either sign), `read` → the sum. It begins at 0. A crashed add
 * is an add. Adding 0 is read-only. Sums are exact up to 2⁵³.
 */
export const counter: Model = counterModel(
  'counter',
  'a counter: integers are added, the sum is read',
);

/** A counter that never falls: `add` n with n ≥ 0, `read` → the sum. Otherwise as `counter`. */
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
      if (f === 'add') {
        if (!Number.isSafeInteger(input))
          return `add has value ${show(input)}, expected an integer`;
        if (isGrowing && Number(input) < 0) return `add of ${show(input)}, but ${name} never falls`;
        return malformedObservation(operation);
      }
      if (f !== 'read') return unknownFunction(name, FUNCTIONS, operation);
      return outcome === 'info' || Number.isSafeInteger(output)
        ? undefined
        : `read returned ${show(output)}, expected an integer`;
    },
    step(state, { f, input, output, outcome }) {
      if (f === 'add') return Number(state) + Number(input);
      return outcome === 'ok' && Number(output) === state ? state : REJECTED;
    },
    isReadOnly: ({ f, input }) => f === 'read' || input === 0,
    effectKey: ({ f, input, output, outcome }) =>
      f === 'add' ? `add ${Number(input)}` : `read ${outcome} ${Number(output)}`,
    describe: (operation) =>
      describeCall(operation, operation.f === 'read' ? show(operation.output) : undefined),
    describeState: show,
    explainRejection: (state: Json, { output, outcome }: Operation) =>
      outcome === 'info'
        ? 'its result is unknown'
        : `it returned ${show(output)}, but the sum is ${show(state)}`,
  };
}
