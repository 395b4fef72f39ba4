import type { Source } from '../contracts/workload.ts';
import { WAIT_FOR_COMPLETION } from './draws.ts';
import { tellAll } from './listeners.ts';
import { UnderWay } from './under-way.ts';

/**
 * No more than so many operations of `source` under way at a time: who asks for another is told to wait
 * until one of them has ended, however it ended.
 */
export function atMost(operations: number, source: Source): Source {
  const underWay = new UnderWay();
  const told = tellAll([source]);
  return {
    next(asked) {
      if (underWay.size >= operations) return WAIT_FOR_COMPLETION;
      return underWay.noted(source.next(asked), asked);
    },
    completed(process, invocation, completion) {
      underWay.end(process);
      told.completed?.(process, invocation, completion);
    },
  };
}
