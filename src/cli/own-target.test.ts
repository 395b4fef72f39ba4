import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { exampleOf } from '../targets/testing/readme-example.ts';
import { type PlantedFaults, startSmallStore } from '../targets/testing/small-store.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 120_000 });

const ROOT = path.resolve(import.meta.dirname, '../..');
const DOOR = path.join(ROOT, 'src/cli/gong.mjs');
const STORE = path.join(ROOT, 'src/targets/testing/small-store-main.ts');
const EXAMPLE = exampleOf(readFileSync(path.join(ROOT, 'README.md'), 'utf8'));

/** A directory outside of the project, with files of a user in it. */
function place(files: Readonly<Record<string, string>>) {
  const directory = realpathSync(mkdtempSync(path.join(tmpdir(), 'gong-own-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(path.join(directory, name), text);
    if (name.endsWith('.sh')) chmodSync(path.join(directory, name), 0o755);
  }
  return directory;
}

/** Not `spawnSync`: the store that it talks to may live in this process. */
async function gong(directory: string, args: readonly string[]) {
  const child = spawn(process.execPath, [DOOR, 'run', ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  await once(child, 'close');
  return { status: child.exitCode, stdout, stderr };
}

async function store(planted: PlantedFaults = {}) {
  const running = await startSmallStore(0, planted);
  onTestFinished(() => running[Symbol.asyncDispose]());
  return running;
}

const RUN = ['--target', './my-target.ts', '--duration', '1s'];
/** For one that must prove something, on a busy machine, too. */
const RUN_LONGER = RUN.with(3, '3s');

test('the example of the README, in a directory of its own, judges a store that runs already', async () => {
  const directory = place({ 'my-target.ts': EXAMPLE });
  const sound = await store();
  for (let round = 1; round <= 2; round++) {
    // The second run finds the keys of the first one there, and must not take them for its own.
    const run = await gong(directory, [...RUN_LONGER, '--endpoints', sound.url]);
    expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining('LINEARIZABLE') });
  }
});

test('a target with a launch is started, killed and judged on this machine', async () => {
  const launch = `launch: ({ clientPort }) => ({
    command: process.execPath, args: [${JSON.stringify(STORE)}, String(clientPort)],
  }),`;
  const directory = place({
    'my-target.ts': EXAMPLE.replace('  // What its', `${launch}\n  // What its`),
  });
  expect(await gong(directory, RUN)).toMatchObject({
    status: 64,
    stderr: expect.stringContaining('GONG-E149'),
  });
  const run = await gong(directory, [...RUN_LONGER, '--nodes', '1', '--json']);
  expect(run.status, run.stderr).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({ exit: 0, verdict: { valid: true } });
});

test('a script is a fault as any other: in the history, with what it said', async () => {
  const script = '#!/bin/sh\necho "$@" >> calls\necho "cut $GONG_ENDPOINTS"\n';
  const directory = place({ 'my-target.ts': EXAMPLE, 'cut.sh': script });
  const { url } = await store();
  const options = '--nemesis exec:./cut.sh --nemesis-interval 1s --seed 5'.split(' ');
  const run = await gong(directory, ['--endpoints', url, ...RUN.with(3, '5s'), ...options]);
  expect(run.status, run.stderr).toBe(0);
  const calls = readFileSync(path.join(directory, 'calls'), 'utf8').split('\n').slice(0, -1);
  expect(calls[0]).toMatch(/^start \d+$/);
  expect(calls.slice(-2)).toEqual(['heal', 'heal']);
  const lines = (name: string): Record<string, unknown>[] =>
    readFileSync(path.join(directory, 'results/latest', name), 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const events = lines('history.jsonl').filter(({ process }) => process === 'nemesis');
  expect(events.slice(0, 2)).toMatchObject([
    { f: 'exec', value: { phase: 'start', shape: './cut.sh', seed: calls[0]?.slice(6) } },
    { f: 'exec', value: { phase: 'heal' } },
  ]);
  const [fault] = lines('cluster.jsonl').filter(({ type }) => type === 'fault');
  expect(fault).toMatchObject({
    kind: 'exec',
    outcome: 'injected',
    hook: [
      { words: calls[0]?.split(' '), code: 0, output: `cut ${url}\n` },
      { words: ['heal'], code: 0 },
    ],
  });
});

const SOURCE = {
  functions: `['read', 'write', 'cas']`,
  promises: `() => ({ consistency: 'linearizable' })`,
  probe: `async () => ({})`,
  connect: `() => ({ invoke: async () => ({ type: 'fail', error: 'no' }) })`,
};
const sourceWith = (change: Partial<typeof SOURCE>): string =>
  `export const target = { ${Object.entries({ ...SOURCE, ...change })
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')} };`;

// What each does must look like its own mistake: never like a bug in Gong, never like a violation.
test.each<[string, string, string]>([
  [
    'lets an error escape from a timer',
    sourceWith({
      connect: `() => { setTimeout(() => { throw new Error('planted'); }, 5); return { invoke: async () => ({ type: 'fail', error: 'no' }) }; }`,
    }),
    'GONG-E146',
  ],
  [
    'awaits nothing',
    sourceWith({
      connect: `() => ({ async invoke() { void Promise.reject(new Error('planted')); return { type: 'info', error: 'x' }; } })`,
    }),
    'GONG-E146',
  ],
  [
    'ends the process',
    sourceWith({ connect: `() => ({ invoke: async () => process.exit(1) })` }),
    'GONG-E156',
  ],
  ['ends the process as it is loaded', 'process.exit(1);', 'GONG-E156'],
  ['waits for ever as it is loaded', 'await new Promise(() => {});', 'GONG-E141'],
  [
    'answers nonsense',
    sourceWith({ connect: `() => ({ invoke: async () => 'ok' })` }),
    'GONG-E145',
  ],
  ['exports nothing', 'export {};', 'GONG-E142'],
])('a target that %s ends the run with 64', async (_, source, code) => {
  const directory = place({ 'my-target.ts': source });
  const run = await gong(directory, [...RUN, '--endpoints', 'http://127.0.0.1:1']);
  expect(run.stderr).toContain(code);
  expect(run.stderr).toContain('my-target.ts');
  expect(run.status).toBe(64);
});

test('a lost write is a violation, also where the promise is weaker: that is told beside it', async () => {
  const weaker = EXAMPLE.replace(
    "{ consistency: 'linearizable' }",
    "{ consistency: 'weaker', note: 'reads come from a cache' }",
  );
  const directory = place({ 'my-target.ts': weaker });
  const { url } = await store({ loseEvery: 5 });
  const run = await gong(directory, [...RUN_LONGER, '--endpoints', url]);
  expect(run).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('reads come from a cache; a violation is what that allows'),
    stderr: expect.stringContaining('reads come from a cache'),
  });
});
