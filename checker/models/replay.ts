import { REJECTED, type Model, type Replay } from './model.ts';

/** An object of the model, to apply operations to: the model's own way, or step by step. */
export function replayOf(model: Model): Replay {
  const own = model.replay?.();
  if (own !== undefined) return own;
  let state = model.initial;
  return {
    apply(operation) {
      const next = model.step(state, operation);
      if (next === REJECTED) return false;
      state = next;
      return true;
    },
    state: () => state,
  };
}
