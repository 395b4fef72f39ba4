import { workloads } from '../../workloads/index.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import { chance, logUniform, weighted } from './draws.ts';
import type { ScenarioLoad } from './scenario.ts';

/** What clients do together, about: enough to overlap, few enough to check. */
const OPERATIONS_PER_SECOND = 50;

/**
 * What the clients of a seed do.
 *
 * @param asked - the workload, where it is not left to the seed
 */
export function drawLoad(random: Random, asked?: string): ScenarioLoad {
  const concurrency = weighted(random, [
    [1, 1],
    [3, random.integer(2, 5)],
    [3, random.integer(6, 12)],
    [1, random.integer(13, 30)],
  ]);
  const isOpen = chance(random, 0.5);
  const hasFewValues = chance(random, 0.3);
  const registers = random.pick(['register', 'rw-register']);
  const workload = asked ?? drawWorkload(registers, random.fork('workload'));
  return {
    workload,
    concurrency,
    // With few values, and crashed writes of each, long keys are hard to decide and prove no more.
    keyOps: logUniform(random, 20, hasFewValues ? 100 : 400),
    values: hasFewValues ? random.integer(2, 6) : null,
    settings: {
      readShare: random.pick([0.1, 0.3, 0.5, 0.7, 0.9]),
      keys: logUniform(random, 1, 16),
      ...settingsOf(workload, random.fork(`settings of ${workload}`)),
    },
    ratePerSecond: isOpen ? logUniform(random, 25, 2 * OPERATIONS_PER_SECOND) : null,
    thinkNs: isOpen ? 0 : Math.round((concurrency / OPERATIONS_PER_SECOND) * SECOND),
    deadlineNs: logUniform(random, 200 * MILLISECOND, 5 * SECOND),
  };
}

/** Half of the seeds read and write registers, which cost least; the others share the rest. */
function drawWorkload(registers: string, random: Random): string {
  if (chance(random, 0.5)) return registers;
  return random.pick([...workloads.keys()].filter((name) => !REGISTERS.includes(name)));
}

const REGISTERS = ['register', 'rw-register'];

/** What a workload lets its user choose beside what all have. */
function settingsOf(workload: string, random: Random): Readonly<Record<string, number>> {
  switch (workload) {
    case 'append':
    case 'set':
      return { elements: logUniform(random, 5, 100) };
    case 'queue':
      return { enqueueShare: random.pick([0.4, 0.5, 0.6]) };
    case 'lock':
      return {
        expiringShare: random.pick([0, 0.3, 0.7, 1]),
        // Shorter than an election, and longer than a fault.
        leaseMs: logUniform(random, 50, 20_000),
      };
    case 'txn':
      return { groupKeys: random.integer(2, 5) };
    default:
      return {};
  }
}
