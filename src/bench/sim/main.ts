// How fast simulated time passes: npm run bench:sim [-- --seconds N] [--rounds N] [--nodes N,…]
import { parseArgs } from 'node:util';
import { SECOND } from '../../lib/duration.ts';
import { runScenario } from '../../hunt/run-scenario.ts';
import { median } from '../checker/measure.ts';
import { benchScenario } from './scenario.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1,3,5,7' },
    seconds: { type: 'string', default: '120' },
    rounds: { type: 'string', default: '5' },
  },
});
const sizes = values.nodes.split(',').map(Number);
const rounds = Number(values.rounds);
const durationNs = Number(values.seconds) * SECOND;

interface Measured {
  readonly cpuSeconds: number;
  readonly simulatedSeconds: number;
  readonly events: number;
  readonly operations: number;
}

async function measure(nodes: number, seed: string): Promise<Measured> {
  const before = process.cpuUsage();
  const result = await runScenario(benchScenario({ seed, nodes, durationNs }));
  const { user, system } = process.cpuUsage(before);
  if (result.violation !== undefined) {
    throw new Error(`${nodes} nodes, seed ${seed}: ${result.violation.sentence}`);
  }
  return {
    cpuSeconds: (user + system) / 1e6,
    simulatedSeconds: result.simulatedNs / SECOND,
    events: result.events,
    operations: result.history.filter(({ type }) => type === 'ok').length,
  };
}

const WIDTH = 14;
const line = (cells: readonly (string | number)[]): void => {
  const texts = cells.map((cell) => (typeof cell === 'number' ? String(Math.round(cell)) : cell));
  process.stdout.write(`${texts.map((text) => text.padStart(WIDTH)).join('')}\n`);
};

process.stdout.write(
  `${rounds} seeds of ${values.seconds} simulated seconds each, 50 operations per simulated second, ` +
    'faults, invariants and the judge included; medians, one thread\n',
);
line(['nodes', 'sim s / CPU s', 'events/CPU s', 'events/sim s', 'ok/sim s', 'ns/event']);
for (const nodes of sizes) {
  // The compiler has seen everything once before it counts.
  await measure(nodes, 'warm');
  const runs: Measured[] = [];
  for (let round = 0; round < rounds; round++) runs.push(await measure(nodes, String(round)));
  const middle = (of: (run: Measured) => number): number => median(runs.map(of));
  line([
    nodes,
    middle((run) => run.simulatedSeconds / run.cpuSeconds),
    middle((run) => run.events / run.cpuSeconds),
    middle((run) => run.events / run.simulatedSeconds),
    middle((run) => run.operations / run.simulatedSeconds),
    middle((run) => (run.cpuSeconds * 1e9) / run.events),
  ]);
}
