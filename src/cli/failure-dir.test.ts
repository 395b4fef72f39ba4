import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judgeFile } from '../judge/index.ts';
import { NASTY, sampleRun } from '../report/testing/sample-run.ts';
import { explainFile, writeFailure } from './failure-dir.ts';

test('failure/ holds the history of each failed key, which fails by itself, with the faults', async () => {
  using run = await sampleRun({ isStale: true });
  const { verdict } = await judgeFile(run.paths.history);
  await writeFailure(run.paths, verdict);
  const { failureDir } = run.paths;
  expect(readdirSync(failureDir).toSorted()).toEqual([
    'explain-1.jsonl',
    'explain-1.svg',
    'explain.md',
    'k1.jsonl',
  ]);
  const alone = join(failureDir, 'k1.jsonl');
  const judged = await judgeFile(alone, { model: verdict.model });
  expect(judged.verdict).toMatchObject({ valid: false, keys: { total: 1 } });
  expect(judged.verdict.failures[0]?.duringFaults).toHaveLength(1);
  const lines = readFileSync(alone, 'utf8').trimEnd().split('\n');
  const first: unknown = JSON.parse(lines[0] ?? '');
  expect(first).toMatchObject({ index: 0, intended: 0.9e9 });
});

test('the counterexample alone is invalid, and valid when any of its operations is left out', async () => {
  using run = await sampleRun({ isStale: true });
  const { verdict } = await judgeFile(run.paths.history);
  await writeFailure(run.paths, verdict);
  const file = join(run.paths.failureDir, 'explain-1.jsonl');
  const { verdict: again } = await judgeFile(file, { model: verdict.model });
  expect(again).toMatchObject({ valid: false, completed: 3, crashed: 0 });
  const counterexample = verdict.failures[0]?.counterexample;
  expect(counterexample).toMatchObject({ isMinimal: true });
  expect(again.failures[0]?.counterexample?.operations.map(({ f, output }) => [f, output])).toEqual(
    counterexample?.operations.map(({ f, output }) => [f, output]),
  );
});

test('a file is explained where it is asked for, in words and pictures that hold no script', async () => {
  using run = await sampleRun({ isStale: true, key: NASTY });
  const { verdict } = await judgeFile(run.paths.history);
  const directory = join(run.paths.root, 'here');
  const written = await explainFile(run.paths.history, verdict, { directory, stem: 'explain' });
  expect(written).toBe(join(directory, 'explain.md'));
  const text = readFileSync(written, 'utf8');
  expect(text).toContain('![Timeline](explain-1.svg)');
  expect(text).toContain('gong check --model cas-register explain-1.jsonl');
  expect(text).toContain('Fault in force: partition:leader-minority of n1');
  expect(readdirSync(directory).toSorted()).toEqual([
    'explain-1.jsonl',
    'explain-1.svg',
    'explain.md',
  ]);
  const picture = readFileSync(join(directory, 'explain-1.svg'), 'utf8');
  expect(picture).toContain('<svg');
  expect(picture).not.toMatch(/<b>|<script|href/);
  expect(picture).not.toContain('\u0007');
  expect(picture).not.toContain('\u202E');
});

test('written again it is the same, byte for byte', async () => {
  using run = await sampleRun({ isStale: true, key: NASTY });
  const { verdict } = await judgeFile(run.paths.history, { now: () => 0 });
  const read = (): readonly string[] =>
    readdirSync(run.paths.failureDir)
      .toSorted()
      .map((name) => `${name}\n${readFileSync(join(run.paths.failureDir, name), 'utf8')}`);
  await writeFailure(run.paths, verdict);
  const first = read();
  await writeFailure(run.paths, verdict);
  expect(read()).toEqual(first);
  expect(first).toHaveLength(4);
});

test('two keys whose names make the same file name get a file each', async () => {
  using run = await sampleRun({ isStale: true, key: 'a/b' });
  const { verdict } = await judgeFile(run.paths.history);
  const [failure] = verdict.failures;
  if (failure === undefined) throw new Error('the sample fails');
  await writeFailure(run.paths, { ...verdict, failures: [failure, { ...failure, key: 'a?b' }] });
  expect(readdirSync(run.paths.failureDir)).toEqual(
    expect.arrayContaining(['a_b.jsonl', 'a_b-2.jsonl']),
  );
});
