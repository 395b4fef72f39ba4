import { SECOND } from '../../lib/duration.ts';
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

/** What a second thread brings. */
export interface Threads {
  /** Simulated seconds per second of wall time. */
  readonly one: number;
  readonly two: number;
  readonly gain: number;
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

/** The same seeds on one thread and on two, as `gong sim` runs them; loading included. */
export async function measureThreads(given: {
  readonly nodes: number;
  readonly seeds: readonly string[];
  readonly simTimeNs: number;
}): Promise<Threads> {
  const { nodes, seeds, simTimeNs } = given;
  const speed = async (threads: number): Promise<number> => {
    const result = await hunt({ seeds, constraints: { nodes, simTimeNs }, threads });
    return result.simulatedNs / result.wallNs;
  };
  const one = await speed(1);
  const two = await speed(2);
  return { one, two, gain: two / one };
}
