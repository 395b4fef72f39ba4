// How fast simulated time passes: npm run bench:sim [-- --nodes N,… --seeds N --seconds N --short --json]
import { parseArgs } from 'node:util';
import { SECOND } from '../../lib/duration.ts';
import { measureSize, measureThreads, type Row, type Threads } from './measure.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1,3,5,7' },
    seeds: { type: 'string' },
    seconds: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const sizes = values.nodes.split(',').map(Number);
const seedCount = Number(values.seeds ?? (values.short ? 2 : 20));
const simTimeNs = Number(values.seconds ?? (values.short ? 20 : 120)) * SECOND;
const seeds = Array.from({ length: seedCount }, (_, i) => String(i + 1));
/** The whole runs of threads take long enough that loading them matters little. */
const THREADS_NODES = 5;

const say = (text: string): void => {
  if (!values.json) process.stdout.write(`${text}\n`);
};
const line = (cells: readonly (string | number)[]): void =>
  say(
    cells
      .map((cell) => (typeof cell === 'number' ? String(Math.round(cell)) : cell).padStart(15))
      .join(''),
  );

say(
  `${seedCount} seeds of ${simTimeNs / SECOND} simulated seconds, 50 operations per simulated second; ` +
    'faults, invariants, coverage and judge included; one thread',
);
line(['nodes', 'sim s / CPU s', 'events / CPU s', 'events / sim s', 'ops / sim s', 'ns / event']);
// The compiler has seen everything once before it counts.
await measureSize(5, { seeds: ['warm', 'up'], simTimeNs });
const rows: Row[] = [];
for (const nodes of sizes) {
  const row = await measureSize(nodes, { seeds, simTimeNs });
  rows.push(row);
  line([
    nodes,
    row.simulatedPerCpu,
    row.eventsPerCpu,
    row.eventsPerSimulated,
    row.operationsPerSimulated,
    1e9 / row.eventsPerCpu,
  ]);
}
const threads: Threads = await measureThreads({
  nodes: THREADS_NODES,
  // Twice as many: where one thread runs out of seeds, the other has a few left.
  seeds: Array.from({ length: 2 * seedCount }, (_, i) => String(i + 1)),
  simTimeNs,
  rounds: values.short ? 1 : 3,
});
say(
  `${THREADS_NODES} nodes, as seeds draw their rates: ${Math.round(threads.one)} simulated seconds per ` +
    `second of wall time on one core, ${Math.round(threads.two)} on two: ${threads.gain.toFixed(2)} times`,
);
if (!threads.isRestricted) say('without taskset: the one thread used part of the second core, too');
if (values.json) process.stdout.write(`${JSON.stringify({ rows, threads })}\n`);
