import type { Invocation } from '../contracts/client.ts';
import type { Asked, Draw, Source } from '../contracts/workload.ts';
import { DONE, invoke } from './draws.ts';
import { tellAll } from './listeners.ts';

/** Asks `draw` for every operation, without an end. */
export function each(draw: (asked: Asked) => Invocation): Source {
  return { next: (asked) => invoke(draw(asked)) };
}

/** These operations in their order, each once, whoever asks. */
export function once(...invocations: readonly Invocation[]): Source {
  let position = 0;
  return {
    next() {
      const invocation = invocations[position];
      if (invocation === undefined) return DONE;
      position++;
      return invoke(invocation);
    },
  };
}

/**
 * One source after the other: the next begins when this one has nothing more to give, while its last
 * operations may still be under way. `phases` waits for them.
 */
export function sequence(...sources: readonly Source[]): Source {
  let position = 0;
  return {
    next(asked) {
      for (; position < sources.length; position++) {
        const draw = sources[position]?.next(asked) ?? DONE;
        if (draw.type !== 'done') return draw;
      }
      return DONE;
    },
    ...tellAll(sources),
  };
}

/** The first `count` operations. */
export function limit(count: number, source: Source): Source {
  let left = count;
  return {
    next(asked): Draw {
      if (left <= 0) return DONE;
      const draw = source.next(asked);
      if (draw.type === 'invoke') left--;
      return draw;
    },
    ...tellAll([source]),
  };
}
