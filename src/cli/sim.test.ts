import { spawnSync } from 'node:child_process';
import { mkdtempDisposableSync, readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const DOOR = resolve(import.meta.dirname, 'gong.mjs');

function sim(directory: string, ...args: readonly string[]) {
  const words = [DOOR, 'sim', ...args, '--results-dir', directory];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  return { status, stdout, stderr };
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
