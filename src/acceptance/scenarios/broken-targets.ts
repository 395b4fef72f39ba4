import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { PlantedFaults } from '../../targets/testing/small-store.ts';
import { type Ended, gong, temporary } from '../gong.ts';
import { example, startStore, STORE_PROGRAM } from '../own-store.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario, type ScenarioContext } from '../scenario.ts';

/** Bounded whatever the target does: coming up, an operation, a heal and the final reads have limits. */
const SECONDS_MAX = 90;
const NOBODY = 'http://127.0.0.1:9';

interface Case {
  readonly name: string;
  /** The text of the target's file. */
  readonly source: string;
  readonly exits: readonly number[];
  /** Must stand in what is said. */
  readonly says: RegExp;
  /** Where it runs; started by Gong when absent. */
  readonly store?: PlantedFaults | 'nobody';
  /** The long form only: it waits as long as another case does. */
  readonly isLong?: boolean;
}

function launching(command: string, args: string): string {
  const launch = `launch: ({ clientPort }) => ({ command: ${command}, args: ${args} }),`;
  return example().replace('  // What its', `  ${launch}\n  // What its`);
}

const storeWith = (planted: PlantedFaults): string =>
  launching(
    'process.execPath',
    `[${JSON.stringify(STORE_PROGRAM)}, String(clientPort), ${JSON.stringify(JSON.stringify(planted))}]`,
  );

/** One that believes of every node that it serves. */
function credulous(): string {
  const source = example();
  const [begin, end] = [source.indexOf('  async probe('), source.indexOf('  // One client')];
  return `${source.slice(0, begin)}  probe: async () => ({}),\n\n${source.slice(end)}`;
}

const exit = 'process.execPath';
const CASES: readonly Case[] = [
  {
    name: 'a command that does not exist',
    source: launching(`'/nowhere/store'`, '[]'),
    exits: [75],
    says: /GONG-E035/,
  },
  {
    name: 'a store that ends at once',
    source: launching(exit, `['-e', 'process.exit(3)']`),
    exits: [75],
    says: /GONG-E033[\s\S]*n1/,
  },
  {
    name: 'a store that never listens',
    isLong: true,
    source: launching(exit, `['-e', 'setInterval(() => {}, 1000)']`),
    exits: [75],
    says: /GONG-E033[\s\S]*ECONNREFUSED/,
  },
  { name: 'nobody there', source: example(), exits: [75], says: /GONG-E033/, store: 'nobody' },
  {
    name: 'a store that answers garbage',
    isLong: true,
    source: example(),
    exits: [75],
    says: /GONG-E033[\s\S]*probe failed/,
    store: { garbage: '<html>' },
  },
  {
    name: 'a store that hangs',
    isLong: true,
    source: example(),
    exits: [75],
    says: /GONG-E033/,
    store: { hang: true },
  },
  {
    name: 'garbage behind a probe that believes everything',
    isLong: true,
    source: credulous(),
    exits: [5],
    says: /enough-read/,
    store: { garbage: '<html>' },
  },
  {
    name: 'a store that hangs behind such a probe',
    source: credulous(),
    exits: [5],
    says: /enough-read/,
    store: { hang: true },
  },
  {
    name: 'a store of somebody else that dies in the middle',
    isLong: true,
    source: example(),
    exits: [75],
    says: /GONG-E155/,
    store: { dieAfter: 100 },
  },
  {
    name: 'a store of this run that dies in the middle',
    source: storeWith({ dieAfter: 100 }),
    exits: [75],
    says: /n1 ended by itself/,
  },
  {
    name: 'a client that throws',
    isLong: true,
    source: `export const target = {
      functions: ['read', 'write', 'cas'], promises: () => ({ consistency: 'linearizable' }),
      probe: async () => ({}), connect: () => ({ invoke() { return this.nothing.at(0); } }),
    };`,
    exits: [5],
    says: /enough-read/,
    store: {},
  },
  {
    name: 'a client that never comes back',
    source: `export const target = {
      functions: ['read', 'write', 'cas'], promises: () => ({ consistency: 'linearizable' }),
      probe: async () => ({}), connect: () => ({ invoke: () => new Promise(() => {}) }),
    };`,
    exits: [5],
    says: /enough-read/,
    store: {},
  },
];

/** What is broken in somebody's own target is told, ends in time, and never looks like a violation. */
export const brokenTargets: Scenario = {
  name: 'broken-targets',
  promise:
    'a target that does not start, answers garbage, hangs or dies: a clear error or an honest ' +
    'verdict, no hang, nothing left',
  isQuiet: true,
  async run(context) {
    for (const one of CASES) {
      if (!context.isShort || one.isLong !== true) await tryOne(one, context);
    }
  },
};

async function tryOne(one: Case, { id, say }: ScenarioContext): Promise<void> {
  const { name, source, exits, says, store } = one;
  await using place = await temporary();
  await writeFile(path.join(place.path, 'my-target.ts'), source);
  await using owned = new AsyncDisposableStack();
  const where: string[] = [];
  if (store === undefined) where.push('--nodes', '1');
  else if (store === 'nobody') where.push('--endpoints', NOBODY);
  else where.push('--endpoints', owned.use(await startStore(id, store)).url);
  const args = ['run', '--target', './my-target.ts', '--duration', '4s', ...where];
  const ended = await gong(args, { id, cwd: place.path });
  const text = shown(ended);
  must(ended.code !== null && exits.includes(ended.code), `${name}: ${text}`);
  must(says.test(text), `${name} does not say ${says}: ${text}`);
  must(!/^\s+at .+:\d+:\d+/m.test(ended.stderr), `${name} shows a stack: ${text}`);
  must(ended.seconds < SECONDS_MAX, `${name} took ${ended.seconds} s`);
  await nothingLeft(id);
  say(`${name}: exit ${ended.code} after ${ended.seconds.toFixed(1)} s`);
}

function shown(ended: Ended): string {
  return `exit ${ended.code}\n${ended.stderr}\n${ended.stdout}`;
}
