import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdtempDisposableSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { planted, runSeed } from '../hunt/index.ts';
import { SECOND } from '../lib/duration.ts';
import { writeHistory } from './sim-case.ts';

const DOOR = resolve(import.meta.dirname, 'gong.mjs');

function gong(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [DOOR, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

function sim(directory: string, ...args: readonly string[]) {
  return gong('sim', ...args, '--results-dir', directory);
}

/** Sends a signal as soon as something is there. @returns how it ended */
async function interrupted(
  directory: string,
  args: readonly string[],
  { by, when }: { readonly by: NodeJS.Signals; readonly when: () => boolean },
) {
  const words = [DOOR, 'sim', ...args, '--results-dir', directory];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (said.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (said.stderr += String(chunk)));
  const ended = once(child, 'close');
  while (!when() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill(by);
  const [status] = await ended;
  return { ...said, status };
}

test('a planted bug ends with 1, and leaves the schedule, the shrunk one, the trace and the history', () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const args = ['--defect', 'acknowledge-before-fsync', '--sim-time', '20s'];
  const found = sim(here.path, '--seeds', '1..50', ...args, '--json');
  expect(found.status, found.stderr).toBe(1);
  const { failure } = JSON.parse(found.stdout);
  const { directory, shrunk, trace, history, again, violation } = failure;
  expect(readdirSync(directory)).toEqual(
    expect.arrayContaining(['schedule.json', 'shrunk.json', 'trace.txt', 'history.jsonl']),
  );
  expect(shrunk.after.events).toBeLessThan(shrunk.before.events);
  expect(readFileSync(trace, 'utf8')).toContain(`VIOLATION of ${violation.invariant}`);
  expect(history).toBe(join(directory, 'history.jsonl'));
  expect(again).toContain('--sim-time 20s');

  // It is no run: `latest` points at runs, `gong ls` lists them.
  expect(readdirSync(here.path)).toEqual(['sim']);
  expect(gong('ls', '--results-dir', here.path, '--json').stdout).toContain('"total":0');

  const replayed = sim(here.path, '--schedule', shrunk.file, ...args.slice(0, 2), '--no-shrink');
  expect(replayed.status, replayed.stderr).toBe(1);
  expect(replayed.stdout).toContain(`BROKEN  ${violation.invariant}`);

  // The same schedule breaks nothing where nothing is planted.
  const clean = sim(here.path, '--schedule', shrunk.file, '--json');
  expect(JSON.parse(clean.stdout).failure).toBeNull();
});

test('the same seed is traced twice in the same bytes, and over what the file held', () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const traced = (name: string): string => {
    const file = join(here.path, name);
    const run = sim(here.path, '--seed', '5', '--sim-time', '5s', '--trace', file);
    expect(run.status, run.stderr).toBe(0);
    expect(run.stdout).toContain('NOTHING BROKEN');
    return readFileSync(file, 'utf8');
  };
  const first = traced('a');
  expect(first).toMatch(/^gong-trace \d+ story /);
  expect(traced('a')).toBe(first);
  expect(traced('b')).toBe(first);
});

test('seeds without a failure end with 0 and say what was met', () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const run = sim(here.path, '--seeds', '1..3', '--sim-time', '5s', '--threads', '1');
  expect(run.status, run.stderr).toBe(0);
  expect(run.stdout).toMatch(/^3 seeds /);
  expect(run.stdout).toMatch(/coverage {2}\d+ of \d+ counters were met; never /);
  expect(run.stdout).toContain('NOTHING BROKEN');
  expect(readdirSync(here.path)).toEqual([]);
});

test('what cannot be is refused with 64 before anything runs', () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const run = sim(here.path, '--seeds', '1..3', '--trace', 'x');
  expect([run.status, run.stdout]).toEqual([64, '']);
  expect(run.stderr).toMatch(/^GONG-E194 .*\n {2}why .*\n {2}fix /);
});

test('the history of a simulated run is one that gong check judges in the same way', async () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const { history, verdict } = await runSeed(
    '183',
    { simTimeNs: 10 * SECOND },
    { ...planted('read-without-round'), checksHistoryOnly: true },
  );
  const file = join(here.path, 'history.jsonl');
  await writeHistory(file, history);
  const { status, stdout, stderr } = gong('check', file, '--json');
  expect(status, stderr).toBe(1);
  expect(verdict?.valid).toBe(false);
  expect(stdout).toContain(JSON.stringify(verdict?.illegal?.sentence));
});

test.each<[NodeJS.Signals, number]>([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])('%s ends one long run at once, with %i and a document', async (by, code) => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const trace = join(here.path, 'trace.txt');
  const args = ['--seed', '5', '--sim-time', '1h', '--trace', trace, '--json'];
  const run = await interrupted(here.path, args, { by, when: () => existsSync(trace) });
  expect(run.status, run.stderr).toBe(code);
  expect(JSON.parse(run.stdout)).toMatchObject({ seed: '5', interrupted: true, failure: null });
  expect(run.stderr).toContain('interrupted');
  expect(readdirSync(here.path)).toEqual(['trace.txt']);
});

test('a signal while a failure is shrunk ends the search with what it has', async () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const sims = join(here.path, 'sim');
  const hasBegun = (): boolean =>
    existsSync(sims) &&
    readdirSync(sims).some((name) => existsSync(join(sims, name, 'schedule.json')));
  const args = [
    '--seed',
    '22',
    '--sim-time',
    '20s',
    '--defect',
    'truncate-on-old-append',
    '--json',
  ];
  const run = await interrupted(here.path, args, { by: 'SIGINT', when: hasBegun });
  expect(run.status, run.stderr).toBe(1);
  const { failure } = JSON.parse(run.stdout);
  expect(readFileSync(failure.trace, 'utf8')).toContain(
    `VIOLATION of ${failure.violation.invariant}`,
  );
  expect(failure.shrunk === null || failure.shrunk.tried < 1000).toBe(true);
});

test('a trace goes into what is there, a link or a pipe, and not over it', () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const [file, link] = [join(here.path, 'file'), join(here.path, 'link')];
  writeFileSync(file, 'old');
  symlinkSync(file, link);
  const run = sim(here.path, '--seed', '5', '--sim-time', '2s', '--trace', link);
  expect(run.status, run.stderr).toBe(0);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(file, 'utf8')).toMatch(/^gong-trace /);
});

test('a failure is told, and its code stands, where nothing can be written', () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const file = join(here.path, 'file');
  writeFileSync(file, '');
  const args = ['--seed', '6', '--sim-time', '20s', '--defect', 'vote-twice'];
  const run = sim(join(file, 'x'), ...args);
  expect(run.status, run.stderr).toBe(1);
  expect(run.stdout).toContain('BROKEN  vote-kept');
  expect(run.stdout).toContain(`npx gong sim ${args.join(' ')}`);
  expect(run.stderr).toContain('GONG-E041');
  const { failure } = JSON.parse(sim(join(file, 'x'), ...args, '--json').stdout);
  expect(failure).toMatchObject({ seed: '6', directory: null, trace: null, shrunk: null });
});

test.runIf(existsSync('/dev/full'))('a trace that finds no space ends the run with 75', () => {
  using here = mkdtempDisposableSync(join(tmpdir(), 'gong-'));
  const run = sim(here.path, '--seed', '5', '--sim-time', '5s', '--trace', '/dev/full');
  expect(run.status, run.stderr).toBe(75);
  expect(run.stderr).toMatch(/^GONG-E041 {2}cannot write \/dev\/full/);
});
