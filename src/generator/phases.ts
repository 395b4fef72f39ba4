import type { Source } from '../contracts/workload.ts';
import { DONE, WAIT_FOR_COMPLETION } from './draws.ts';
import { tellAll } from './listeners.ts';
import { UnderWay } from './under-way.ts';

/** One source after the other; each begins when every operation of the one before has completed. */
export function phases(...sources: readonly Source[]): Source {
  const underWay = new UnderWay();
  const told = tellAll(sources);
  let position = 0;
  return {
    next(asked) {
      for (; position < sources.length; position++) {
        const draw = sources[position]?.next(asked) ?? DONE;
        if (draw.type !== 'done') return underWay.noted(draw, asked);
        if (underWay.size > 0) return WAIT_FOR_COMPLETION;
      }
      return DONE;
    },
    completed(process, invocation, completion) {
      underWay.end(process);
      told.completed?.(process, invocation, completion);
    },
  };
}

/**
 * Operations of `source` until one of them has ended ok. What is under way then still ends as it does.
 */
export function untilOk(source: Source): Source {
  const underWay = new UnderWay();
  const told = tellAll([source]);
  let isOk = false;
  return {
    next: (asked) => (isOk ? DONE : underWay.noted(source.next(asked), asked)),
    completed(process, invocation, completion) {
      if (underWay.end(process) && completion.type === 'ok') isOk = true;
      told.completed?.(process, invocation, completion);
    },
  };
}
