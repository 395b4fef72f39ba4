// What one turn of a node costs: npm run bench:driver [-- --seconds N] [--nodes N] [--rounds N]
import { parseArgs } from 'node:util';
import { median } from '../checker/measure.ts';
import { BenchDrivers, type Traffic } from './drivers.ts';
import { stagesOf } from './stages.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
  },
});
const given = {
  nodes: Number(values.nodes),
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  operationsPerSecond: Number(values.rate),
  seed: Number(values.seed),
};

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

async function measureWhole(): Promise<{ readonly ns: number; readonly drivers: BenchDrivers }> {
  const drivers = new BenchDrivers(given);
  await drivers.start();
  const before = cpuNs();
  await drivers.work(given.seconds);
  return { ns: cpuNs() - before, drivers };
}

function say(name: string, value: number, unit: string): void {
  process.stdout.write(`${name.padEnd(34)} ${String(Math.round(value)).padStart(9)} ${unit}\n`);
}

// The first round warms the compiler up.
await measureWhole();
const measured = [];
for (let round = 0; round < given.rounds; round++) measured.push(await measureWhole());
const ns = median(measured.map((run) => run.ns));
const last = measured.at(-1)?.drivers;
if (last === undefined) throw new Error('--rounds takes a number from 1');
const operations = last.answers.ok + last.answers.refused + last.answers.unknown;
say('operations', operations, '');
say('  of them answered ok', last.answers.ok, '');
say('turns of drivers', last.turns, '');
say('messages', last.messages, '');
say('syncs', last.syncs, '');
say('simulated seconds per CPU second', (given.seconds * 1e9) / ns, '');
say('an operation', ns / operations, 'ns');
say('a turn', ns / last.turns, 'ns');

const traffic: Traffic = { messages: [], batches: [] };
const recorded = new BenchDrivers({ ...given, traffic });
await recorded.start();
await recorded.work(Math.min(given.seconds, 60));
for (const { name, count, run } of stagesOf(traffic)) {
  const times: number[] = [];
  for (let round = 0; round < 12; round++) {
    const before = cpuNs();
    run();
    times.push(cpuNs() - before);
  }
  say(name, median(times.slice(2)) / count, 'ns');
}
