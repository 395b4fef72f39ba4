import { workloads } from '../../workloads/index.ts';
import type { Client, Invocation } from '../contracts/client.ts';
import type { NodeId as Name } from '../contracts/names.ts';
import type { Workload } from '../contracts/workload.ts';
import { interpret } from '../harness/interpreter/interpreter.ts';
import { closedLoop, openLoop, type Pace } from '../harness/interpreter/pace.ts';
import type { ClientPorts } from '../harness/interpreter/ports.ts';
import { defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { ClientKind } from '../sim/client.ts';
import type { SimCluster } from '../sim/cluster.ts';
import type { Simulation } from '../sim/simulation.ts';
import type { ScenarioLoad } from './scenario.ts';
import { performScript } from './script.ts';

/** The clients of a run, at work. */
export interface Clients {
  /** Resolves, when all have stopped, to a process id from which on all are unused. */
  readonly working: Promise<number>;
  readonly finalReads: () => readonly Invocation[];
}

/** What the clients of a scenario are to do. */
export function kindOfClients(load: ScenarioLoad): ClientKind {
  const { model, inSessions = false } = workloadOf(load);
  const { leaseShare = 0 } = load;
  return { model, inSessions, leaseShare };
}

function workloadOf({ workload }: ScenarioLoad): Workload {
  return defined(workloads.get(workload), `there is a workload ${workload}`);
}

/** Lets clients do what a scenario says, until it has ended. */
export function clientsOf(
  load: ScenarioLoad,
  parts: {
    readonly sim: Simulation;
    readonly cluster: SimCluster;
    readonly ports: ClientPorts;
    readonly ended: AbortSignal;
  },
): Clients {
  const { sim, cluster, ports, ended } = parts;
  if (load.operations !== undefined) {
    const kind = kindOfClients(load);
    const connect = (node: Name, atNs: number): Client => cluster.connect(node, `at/${atNs}`, kind);
    const { lookAt } = workloadOf(load);
    return performScript(load.operations, {
      ...ports,
      connect,
      nodes: cluster.nodes,
      lookAt,
      ended,
    });
  }
  const workload = workloadOf(load);
  const generator = workload.generator(
    {
      keyOps: load.keyOps,
      concurrency: load.concurrency,
      values: load.values ?? undefined,
      settings: load.settings,
    },
    sim.random('workload'),
  );
  const working = interpret({
    ...ports,
    generator,
    pace: paceOf(sim, load),
    nodes: cluster.nodes,
    concurrency: load.concurrency,
    signal: ended,
  });
  return { working, finalReads: () => generator.finalReads() };
}

function paceOf(sim: Simulation, { ratePerSecond, thinkNs = 0 }: ScenarioLoad): Pace {
  if (ratePerSecond !== null) return openLoop(sim, ratePerSecond);
  return thinkNs === 0 ? closedLoop() : thinkingLoop(sim, thinkNs, sim.random('thinking'));
}

/** A closed loop of clients that think between two operations: up to twice `meanNs`. */
function thinkingLoop(sim: Simulation, meanNs: number, random: Random): Pace {
  return {
    ...closedLoop(),
    async turn(signal) {
      await sim.sleep(random.integer(0, 2 * meanNs), signal);
      return undefined;
    },
  };
}
