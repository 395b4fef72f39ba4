import type { Source } from '../contracts/workload.ts';
import type { Random } from '../lib/prng.ts';
import { DONE, waitUntil } from './draws.ts';
import { tellAll } from './listeners.ts';

/** Operations of `source` for so long, counted from when it is first asked. */
export function timeLimit(limitNs: number, source: Source): Source {
  let endNs: number | undefined;
  return {
    next(asked) {
      endNs ??= asked.nowNs + limitNs;
      if (asked.nowNs >= endNs) return DONE;
      const draw = source.next(asked);
      // Whoever waits for longer learns at the limit that it is over.
      return draw.type === 'wait' ? { ...draw, untilNs: Math.min(draw.untilNs, endNs) } : draw;
    },
    ...tellAll([source]),
  };
}

/**
 * At least a random time between two operations, whoever asks: evenly drawn from 0 to twice `meanNs`.
 * It never catches up: after a pause of the clients it goes on at the same pace.
 */
export function stagger(meanNs: number, source: Source, random: Random): Source {
  let nextNs = -Infinity;
  return {
    next(asked) {
      if (asked.nowNs < nextNs) return waitUntil(nextNs);
      const draw = source.next(asked);
      if (draw.type === 'invoke') {
        nextNs = asked.nowNs + Math.round(2 * meanNs * random.float());
      }
      return draw;
    },
    ...tellAll([source]),
  };
}
