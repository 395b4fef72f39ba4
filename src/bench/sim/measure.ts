import { SECOND } from '../../lib/duration.ts';
import { median } from '../checker/measure.ts';
import { onCores } from './cores.ts';
import { drawScenario, hunt, runScenario, type Scenario } from '../../hunt/index.ts';

const OPERATIONS_PER_SECOND = 50;
/** Enough that slow machines do not hold the rate back. */
const CLIENTS_MIN = 10;

/** What seeds of one cluster size cost, all of them together. */
export interface Row {
  readonly nodes: number;
  readonly simulatedSeconds: number;
  readonly cpuSeconds: number;
  readonly simulatedPerCpu: number;
  readonly eventsPerCpu: number;
  readonly eventsPerSimulated: number;
  readonly operationsPerSimulated: number;
}

/** What a second core brings; medians. */
export interface Threads {
  /** Simulated seconds per second of wall time: one thread on one core, two on two. */
  readonly one: number;
  readonly two: number;
  readonly gain: number;
  /** Whether the process could be held to one core; otherwise the first used part of the other one, too. */
  readonly isRestricted: boolean;
}

/** As the seed draws it, faults and machines and all; but the rate is the same for all seeds. */
function scenarioOf(seed: string, nodes: number, simTimeNs: number): Scenario {
  const scenario = drawScenario(seed, { nodes, simTimeNs });
  const { load } = scenario;
  return {
    ...scenario,
    load: {
      ...load,
      ratePerSecond: OPERATIONS_PER_SECOND,
      concurrency: Math.max(CLIENTS_MIN, load.concurrency),
    },
  };
}

/**
 * Runs seeds one after the other in this thread: simulation, invariants, coverage and judge.
 *
 * @throws when a seed breaks something: what it costs means nothing then
 */
export async function measureSize(
  nodes: number,
  { seeds, simTimeNs }: { readonly seeds: readonly string[]; readonly simTimeNs: number },
): Promise<Row> {
  let simulatedNs = 0;
  let events = 0;
  let operations = 0;
  const before = process.cpuUsage();
  for (const seed of seeds) {
    const result = await runScenario(scenarioOf(seed, nodes, simTimeNs));
    if (result.violation !== undefined) {
      throw new Error(`${nodes} nodes, seed ${seed}: ${result.violation.sentence}`);
    }
    simulatedNs += result.simulatedNs;
    events += result.events;
    for (const { type } of result.history) if (type === 'invoke') operations += 1;
  }
  // All threads of the process: the runtime compiles and collects garbage on others.
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const simulatedSeconds = simulatedNs / SECOND;
  return {
    nodes,
    simulatedSeconds,
    cpuSeconds,
    simulatedPerCpu: simulatedSeconds / cpuSeconds,
    eventsPerCpu: events / cpuSeconds,
    eventsPerSimulated: events / simulatedSeconds,
    operationsPerSimulated: operations / simulatedSeconds,
  };
}

/**
 * The same seeds by one thread on one core and by two on two, as `gong sim` runs them, loading included.
 * The runtime compiles and collects garbage on threads of its own: they must fit on that core, too.
 */
export async function measureThreads(given: {
  readonly nodes: number;
  readonly seeds: readonly string[];
  readonly simTimeNs: number;
  readonly rounds: number;
}): Promise<Threads> {
  const { nodes, seeds, simTimeNs, rounds } = given;
  const speed = async (threads: number): Promise<number> => {
    const result = await hunt({ seeds, constraints: { nodes, simTimeNs }, threads });
    return result.simulatedNs / result.wallNs;
  };
  const ones: number[] = [];
  const twos: number[] = [];
  let isRestricted = true;
  for (let round = 0; round < rounds; round++) {
    const first = await onCores(1, () => speed(1));
    const second = await onCores(2, () => speed(2));
    isRestricted &&= first.isRestricted;
    ones.push(first.value);
    twos.push(second.value);
  }
  const [one, two] = [median(ones), median(twos)];
  return { one, two, gain: two / one, isRestricted };
}
