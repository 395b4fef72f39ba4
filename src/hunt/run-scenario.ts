import type { HistoryEvent } from '../../checker/index.ts';
import type { ResolvedFault } from '../contracts/nemesis.ts';
import { askEveryNode } from '../harness/interpreter/final-reads.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeConfiguration } from '../raft/core/configuration.ts';
import { PAPER_RULES, type Rules } from '../raft/core/rules.ts';
import { nodeId } from '../raft/core/types.ts';
import type { Disk } from '../raft/driver/ports.ts';
import { SimCluster } from '../sim/cluster.ts';
import { type Counts, makeCoverage } from '../sim/coverage.ts';
import { makeInvariants } from '../sim/invariants/invariants.ts';
import {
  isQuorumConnected,
  type LivenessFigures,
  proveLiveness,
  watchLiveness,
} from '../sim/liveness.ts';
import { type SimObserver, tellAll } from '../sim/observer.ts';
import { Simulation } from '../sim/simulation.ts';
import { type Violation, ViolationError } from '../sim/violation.ts';
import { proveLivenessInBetween } from './calm.ts';
import { clientsOf, kindOfClients } from './clients.ts';
import { healAll, letHappen } from './faults.ts';
import { MemoryHistory } from './memory-history.ts';
import { nodesOf, type Scenario, type ScheduledFault } from './scenario.ts';
import { decideHistory, type HistoryVerdict } from './verdict.ts';

/** The name of what breaks when the clients' history is not linearizable. */
export const LINEARIZABILITY = 'linearizability';

/** How long a cluster may take to elect its first leader, in maximum election timeouts. */
const FIRST_ELECTION_TIMEOUTS = 20;
/** A run that needs more per simulated second goes round in circles. */
const EVENTS_PER_SECOND_MAX = 200_000;

export interface ScenarioOptions {
  readonly rules?: Rules;
  readonly wrapDisk?: (disk: Disk) => Disk;
  readonly observers?: readonly SimObserver[];
  /** More observers, for those that need the time. */
  readonly observe?: (sim: Simulation) => readonly SimObserver[];
  /** Goes on where an invariant breaks or a bound is missed: what does the checker alone make of it? */
  readonly checksHistoryOnly?: boolean;
  /** By default it is; who looks for the break of an invariant can save the work. */
  readonly isHistoryDecided?: boolean;
  /** A run that needs more events than these throws. */
  readonly eventsMax?: number;
  /** Called every few thousand events, to let others have the thread; throws to end the run. */
  readonly breathe?: (() => Promise<void>) | undefined;
  /** Called now and then with the simulated time. */
  readonly onProgress?: (simulatedNs: number) => void;
}

/** A fault that came: `fault` is one of the scenario's. */
export interface InjectedFault {
  readonly fault: ScheduledFault;
  readonly resolved: ResolvedFault;
}

export interface ScenarioResult {
  /** The first thing that went wrong: an invariant, liveness, or a history that is not linearizable. */
  readonly violation: Violation | undefined;
  readonly history: readonly HistoryEvent[];
  /** Undefined when an invariant ended the run before, or nobody asked. */
  readonly verdict: HistoryVerdict | undefined;
  readonly simulatedNs: number;
  /** Of the simulation, not of the history. */
  readonly events: number;
  /** How often each thing happened, by the names of `COVERAGE`. */
  readonly coverage: Counts;
  readonly liveness: LivenessFigures;
  /** Faults of `nemesis/` that came, in the order in which they did, with their victims. */
  readonly injected: readonly InjectedFault[];
  /** When clients began: times of faults and operations count from here. */
  readonly clientsBeganNs: number;
}

/**
 * Runs a scenario to its end, or to the event that breaks an invariant. The end comes after a bounded
 * number of events, and the history is decided under a bound of work: nothing depends on a clock.
 *
 * @throws what is no violation: a bug of the simulation
 */
export async function runScenario(
  scenario: Scenario,
  options: ScenarioOptions = {},
): Promise<ScenarioResult> {
  const sim = new Simulation(scenario.seed);
  const nodes = nodesOf(scenario).map(nodeId);
  const initial = makeConfiguration(nodes.slice(0, scenario.nodes));
  const coverage = makeCoverage({ nodes });
  const liveness = watchLiveness({
    sim,
    nodes,
    electionTimeoutNsMin: scenario.profile.node.electionTimeout.minNs,
    isQuorumConnected: () => isQuorumConnected(cluster),
  });
  const observers = [
    ...(options.checksHistoryOnly === true ? [] : [makeInvariants({ sim, nodes, initial })]),
    coverage,
    liveness,
    ...(options.observers ?? []),
    ...(options.observe?.(sim) ?? []),
    ...progress(sim, options.onProgress),
  ];
  const observer = tellAll(observers);
  const cluster: SimCluster = new SimCluster(sim, {
    size: scenario.nodes,
    spares: scenario.spares,
    profile: scenario.profile,
    rules: options.rules ?? PAPER_RULES,
    wrapDisk: options.wrapDisk,
    observers,
  });
  const history = new MemoryHistory(sim);
  const injected: InjectedFault[] = [];
  const began = { atNs: 0 };
  const seconds = Math.ceil(scenario.durationNs / SECOND) + 60;
  const eventsMax = Math.min(options.eventsMax ?? Infinity, seconds * EVENTS_PER_SECOND_MAX);
  const broken = await sim
    .drive(play({ sim, cluster, scenario, observer, history, injected, began, options }), {
      eventsMax,
      breathe: options.breathe,
    })
    .then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof ViolationError) return error.violation;
        throw error;
      },
    );
  const isDecided = broken === undefined && options.isHistoryDecided !== false;
  const verdict = isDecided ? decideHistory(scenario.load.workload, history.events) : undefined;
  return {
    violation: broken ?? illegal(verdict, sim.now()),
    history: history.events,
    verdict,
    simulatedNs: sim.now(),
    events: sim.events,
    coverage: coverage.counts(),
    liveness: liveness.figures(),
    injected,
    clientsBeganNs: began.atNs,
  };
}

function illegal(verdict: HistoryVerdict | undefined, atNs: number): Violation | undefined {
  if (verdict?.illegal === undefined) return undefined;
  const { key, sentence } = verdict.illegal;
  return {
    invariant: LINEARIZABILITY,
    section: 'Herlihy & Wing 1990',
    sentence: `the history of key ${key} is not linearizable: ${sentence}`,
    atNs,
    nodes: [],
  };
}

/** Tells about once per simulated second. It adds no event: a run is the same whether anybody listens. */
function progress(sim: Simulation, tell: ScenarioOptions['onProgress']): readonly SimObserver[] {
  if (tell === undefined) return [];
  let nextNs = SECOND;
  const stepped = (): void => {
    if (sim.now() < nextNs) return;
    nextNs = sim.now() + SECOND;
    tell(sim.now());
  };
  return [{ stepped }];
}

interface Play {
  readonly sim: Simulation;
  readonly cluster: SimCluster;
  readonly scenario: Scenario;
  readonly observer: Required<SimObserver>;
  readonly history: MemoryHistory;
  readonly injected: InjectedFault[];
  readonly began: { atNs: number };
  readonly options: ScenarioOptions;
}

async function play(parts: Play): Promise<void> {
  const { sim, cluster, scenario, observer, history, injected, began, options } = parts;
  const { load, profile, durationNs } = scenario;
  cluster.startAll();
  const limitNs = FIRST_ELECTION_TIMEOUTS * profile.node.electionTimeout.maxNs;
  while (cluster.leader === undefined && sim.now() < limitNs) await sim.sleep(50 * MILLISECOND);
  began.atNs = sim.now();
  const kind = kindOfClients(load);
  const ports = {
    clock: sim,
    recorder: history,
    connect: (node: (typeof cluster.nodes)[number]) => cluster.connect(node, undefined, kind),
    deadlineNs: load.deadlineNs,
    pauseAfterFailNs: 20 * MILLISECOND,
  };
  const ended = new AbortController();
  const clients = clientsOf(load, { sim, cluster, ports, ended: ended.signal });
  const faulting = Promise.all(
    scenario.faults.map((fault) =>
      letHappen(sim, cluster, fault, {
        ended: ended.signal,
        observer,
        onInjected: (one, resolved) => injected.push({ fault: one, resolved }),
      }),
    ),
  );
  const isLivenessAsked = options.checksHistoryOnly !== true;
  const proving = isLivenessAsked
    ? proveLivenessInBetween(sim, cluster, scenario, ended.signal)
    : undefined;
  const ending = sim.sleep(durationNs).then(() => ended.abort());
  // Together from the start: what fails before the end, fails the run then.
  const [firstProcess] = await Promise.all([clients.working, faulting, proving, ending]);
  await healAll(cluster);
  if (isLivenessAsked) await proveLiveness(sim, cluster);
  await sim.sleep(Math.max(SECOND, 5 * profile.node.electionTimeout.maxNs));
  await askEveryNode({
    ...ports,
    nodes: cluster.nodes,
    invocations: clients.finalReads(),
    firstProcess,
    signal: new AbortController().signal,
  });
}
