// A thread that runs one seed and sends its whole trace: for those who compare threads.
import { parentPort, workerData } from 'node:worker_threads';
import { nodeId } from '../../raft/core/types.ts';
import { Trace } from '../../sim/trace.ts';
import { runSeed } from '../run-seed.ts';
import { nodesOf } from '../scenario.ts';
import { type Constraints, drawScenario } from '../swarm.ts';

const { seed, constraints } = workerData as {
  readonly seed: string;
  readonly constraints: Constraints;
};
const lines: string[] = [];
const nodes = nodesOf(drawScenario(seed, constraints)).map(nodeId);
const traces: Trace[] = [];
const { violation } = await runSeed(seed, constraints, {
  observe: (sim) => {
    const sink = (line: string): void => void lines.push(line);
    traces.push(new Trace({ nodes, level: 'full', now: () => sim.now(), sink }));
    return traces;
  },
});
for (const trace of traces) trace.ended(violation);
parentPort?.postMessage(lines.map((line) => `${line}\n`).join(''), []);
