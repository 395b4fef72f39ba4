import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import { chance, logUniform, weighted } from './draws.ts';
import type { ScenarioLoad } from './scenario.ts';

/** What clients do together, about: enough to overlap, few enough to check. */
const OPERATIONS_PER_SECOND = 50;

/** What the clients of a seed do. */
export function drawLoad(random: Random): ScenarioLoad {
  const concurrency = weighted(random, [
    [1, 1],
    [3, random.integer(2, 5)],
    [3, random.integer(6, 12)],
    [1, random.integer(13, 30)],
  ]);
  const isOpen = chance(random, 0.5);
  const hasFewValues = chance(random, 0.3);
  return {
    workload: random.pick(['register', 'rw-register']),
    concurrency,
    // With few values, and crashed writes of each, long keys are hard to decide and prove no more.
    keyOps: logUniform(random, 20, hasFewValues ? 100 : 400),
    values: hasFewValues ? random.integer(2, 6) : null,
    settings: {
      readShare: random.pick([0.1, 0.3, 0.5, 0.7, 0.9]),
      keys: logUniform(random, 1, 16),
    },
    ratePerSecond: isOpen ? logUniform(random, 25, 2 * OPERATIONS_PER_SECOND) : null,
    thinkNs: isOpen ? 0 : Math.round((concurrency / OPERATIONS_PER_SECOND) * SECOND),
    deadlineNs: logUniform(random, 200 * MILLISECOND, 5 * SECOND),
  };
}
