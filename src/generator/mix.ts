import type { Asked, Draw, Source } from '../contracts/workload.ts';
import { assert } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import { DONE, earlier } from './draws.ts';
import { tellAll } from './listeners.ts';
import { pickWeighted, sum } from './weighted.ts';

export interface Share {
  /** Above 0; of the sum of all that still have something to give. */
  readonly weight: number;
  readonly source: Source;
}

/**
 * Each operation from one of several sources, drawn by weight. Where the one drawn has to wait another
 * gives the operation; one that is exhausted leaves its share to the rest.
 */
export function mix(shares: readonly Share[], random: Random): Source {
  assert(
    shares.every(({ weight }) => weight > 0),
    'a share of a mix has a weight',
  );
  const weights = shares.map(({ weight }) => weight);
  const ask = (position: number, asked: Asked): Draw => {
    const draw = shares[position]?.source.next(asked) ?? DONE;
    if (draw.type === 'done') weights[position] = 0;
    return draw;
  };
  return {
    next(asked) {
      for (;;) {
        const total = sum(weights);
        if (total === 0) return DONE;
        const first = pickWeighted(weights, total, random);
        const draw = ask(first, asked);
        if (draw.type === 'invoke') return draw;
        if (draw.type === 'done') continue;
        let wait = draw;
        for (const i of weights.keys()) {
          if (i === first || weights[i] === 0) continue;
          const other = ask(i, asked);
          if (other.type === 'invoke') return other;
          if (other.type === 'wait') wait = earlier(wait, other);
        }
        return wait;
      }
    },
    ...tellAll(shares.map(({ source }) => source)),
  };
}
