import {
  checkHistory,
  type HistoryEvent,
  MODELS,
  pair,
  type Verdict,
} from '../../checker/index.ts';
import { nemeses } from '../../nemesis/index.ts';
import { workloads } from '../../workloads/index.ts';
import type { ClusterView } from '../contracts/nemesis.ts';
import { askEveryNode } from '../harness/interpreter/final-reads.ts';
import { interpret } from '../harness/interpreter/interpreter.ts';
import { closedLoop, openLoop } from '../harness/interpreter/pace.ts';
import { assertNever, defined, InvariantError } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { PAPER_RULES, type Rules } from '../raft/core/rules.ts';
import type { Disk } from '../raft/driver/ports.ts';
import { SimCluster } from '../sim/cluster.ts';
import type { SimObserver } from '../sim/observer.ts';
import { Simulation } from '../sim/simulation.ts';
import { type Violation, ViolationError } from '../sim/violation.ts';
import { MemoryHistory } from './memory-history.ts';
import type { Scenario, ScheduledFault } from './scenario.ts';

/** How long a cluster may take to elect its first leader, in maximum election timeouts. */
const FIRST_ELECTION_TIMEOUTS = 20;

export interface ScenarioOptions {
  readonly rules?: Rules;
  readonly wrapDisk?: (disk: Disk) => Disk;
  readonly observers?: readonly SimObserver[];
}

export interface ScenarioResult {
  /** The first thing that went wrong: an invariant, liveness, or a history that is not linearizable. */
  readonly violation: Violation | undefined;
  readonly history: readonly HistoryEvent[];
  /** Undefined when an invariant ended the run before. */
  readonly verdict: Verdict | undefined;
  readonly simulatedNs: number;
  /** Of the simulation, not of the history. */
  readonly events: number;
}

/** Runs a scenario to its end, or to the event that breaks an invariant. */
export async function runScenario(
  scenario: Scenario,
  options: ScenarioOptions = {},
): Promise<ScenarioResult> {
  const sim = new Simulation(scenario.seed);
  const cluster = new SimCluster(sim, {
    size: scenario.nodes,
    profile: scenario.profile,
    rules: options.rules ?? PAPER_RULES,
    wrapDisk: options.wrapDisk,
    observers: options.observers ?? [],
  });
  const history = new MemoryHistory(sim);
  const broken = await sim.drive(play(sim, cluster, scenario, history)).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof ViolationError) return error.violation;
      throw error;
    },
  );
  const verdict = broken === undefined ? judge(scenario, history) : undefined;
  return {
    violation: broken ?? (verdict === undefined ? undefined : illegal(verdict, sim.now())),
    history: history.events,
    verdict,
    simulatedNs: sim.now(),
    events: sim.events,
  };
}

function judge({ load }: Scenario, { events }: MemoryHistory): Verdict {
  const paired = pair(events);
  if (!paired.ok) throw new InvariantError(`the history is malformed: ${paired.error.message}`);
  const workload = defined(workloads.get(load.workload), 'a workload of the registry');
  const model = defined(MODELS.get(workload.model), 'a model for each workload');
  return checkHistory(paired.history.operations, model, {
    // No clock: what is decided must not depend on how fast this machine is.
    now: () => 0,
    deadlineNs: Infinity,
    memoryBytesMax: 512 * 1024 * 1024,
  });
}

function illegal({ valid, keys }: Verdict, atNs: number): Violation | undefined {
  if (valid === true) return undefined;
  const key = keys.find((one) => one.valid !== true);
  return {
    invariant: valid === false ? 'linearizability' : 'undecided',
    section: 'Herlihy & Wing 1990',
    sentence: `the history of key ${key?.key} is ${valid === false ? 'not linearizable' : 'undecided'}`,
    atNs,
    nodes: [],
  };
}

async function play(
  sim: Simulation,
  cluster: SimCluster,
  { load, nodes, profile, durationNs, faults }: Scenario,
  recorder: MemoryHistory,
): Promise<void> {
  cluster.startAll();
  const limitNs = FIRST_ELECTION_TIMEOUTS * profile.node.electionTimeout.maxNs;
  while (cluster.leader === undefined && sim.now() < limitNs) await sim.sleep(50 * MILLISECOND);
  const workload = defined(workloads.get(load.workload), 'a workload of the registry');
  const generator = workload.generator(
    {
      keyOps: load.keyOps,
      concurrency: load.concurrency,
      values: load.values ?? undefined,
      settings: load.settings,
    },
    sim.random('workload'),
  );
  const ports = {
    clock: sim,
    recorder,
    connect: (node: (typeof cluster.nodes)[number]) => cluster.connect(node),
    deadlineNs: load.deadlineNs,
    pauseAfterFailNs: 20 * MILLISECOND,
  };
  const ended = new AbortController();
  const working = interpret({
    ...ports,
    generator,
    pace: load.ratePerSecond === null ? closedLoop() : openLoop(sim, load.ratePerSecond),
    nodes: cluster.nodes,
    concurrency: load.concurrency,
    signal: ended.signal,
  });
  const faulting = Promise.all(faults.map((fault) => inject(sim, cluster, fault)));
  await sim.sleep(durationNs);
  ended.abort();
  const [firstProcess] = await Promise.all([working, faulting]);
  await cluster.links.healAll();
  cluster.startAll();
  await sim.sleep(Math.max(SECOND, 5 * profile.node.electionTimeout.maxNs));
  await askEveryNode({
    ...ports,
    nodes: cluster.nodes.slice(0, nodes),
    invocations: generator.finalReads(),
    firstProcess,
    signal: new AbortController().signal,
  });
}

async function inject(sim: Simulation, cluster: SimCluster, fault: ScheduledFault): Promise<void> {
  await sim.sleep(fault.atNs);
  const { what, seed, durationNs } = fault;
  const random = makeRandom(seed);
  const view: ClusterView = { nodes: cluster.nodes, leader: cluster.leader };
  switch (what.type) {
    case 'nemesis': {
      const nemesis = defined(nemeses.get(what.kind), `a nemesis ${what.kind}`);
      const shape = defined(
        nemesis.shapes.find((one) => one.shape === what.shape),
        `a shape ${what.shape} of ${what.kind}`,
      );
      const resolved = shape.resolve(view, random);
      if (resolved === undefined) return;
      await using _fault = await nemesis.inject(cluster, resolved, what.shape);
      await sim.sleep(durationNs);
      return;
    }
    case 'power-failure': {
      const victims = random.shuffle(cluster.nodes).slice(0, what.nodes);
      for (const victim of victims) cluster.node(victim).stop({ type: 'power-failure' });
      await sim.sleep(durationNs);
      for (const victim of victims) cluster.node(victim).start();
      return;
    }
    default:
      assertNever(what);
  }
}
