// Gives a node's parts bad inputs, and says what became of them: npm run fuzz -- --inputs 100000
import { parseArgs } from 'node:util';
import { fuzzSnapshots } from './snapshots-target.ts';
import type { FuzzTarget } from './target.ts';
import { fuzzPeers } from './peers-target.ts';
import { fuzzHttp } from './http-target.ts';
import { fuzzLiars } from './liars-target.ts';
import { fuzzWal } from './wal-target.ts';

const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  peers: fuzzPeers,
  liars: fuzzLiars,
  http: fuzzHttp,
  wal: fuzzWal,
  snapshots: fuzzSnapshots,
};

const USAGE = `npm run fuzz -- [--target ${Object.keys(TARGETS).join('|')}] [--inputs 100000] [--seed N] [--path P]
  all targets without --target; a failure prints the seed and the path that show it again`;

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: Object.keys(TARGETS) },
    inputs: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function quit(code: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

/** The input, how to see it again, and what it did. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause)}`;
  return (error.stack ?? error.message) + cause;
}

if (values.help) quit(0, USAGE);
const inputs = Number(values.inputs);
const seed = values.seed === undefined ? Date.now() & 0x7fff_ffff : Number(values.seed);
if (!Number.isSafeInteger(inputs) || inputs < 1 || !Number.isSafeInteger(seed)) quit(64, USAGE);

for (const name of values.target) {
  const fuzz = TARGETS[name];
  if (fuzz === undefined) quit(64, `there is no target ${name}\n${USAGE}`);
  const log = (line: string): void => void process.stdout.write(`${name}: ${line}\n`);
  log(`${inputs} inputs, --seed ${seed}`);
  const began = performance.now();
  try {
    const report = await fuzz({ inputs, seed, path: values.path, log });
    for (const [what, count] of Object.entries(report.counts)) log(`${count} ${what}`);
    log(
      `no harm by ${report.inputs} inputs in ${((performance.now() - began) / 1000).toFixed(0)} s`,
    );
  } catch (error) {
    quit(1, `${name}: harm, --seed ${seed}\n${describe(error)}`);
  }
}
