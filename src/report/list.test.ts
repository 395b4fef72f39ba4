import { appendFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LatencyHistogram } from '../statistics/latency.ts';
import { runPaths } from '../rundir/paths.ts';
import { listRuns } from './list.ts';
import { sampleRun, STATISTICS } from './testing/sample-run.ts';

test('runs are listed newest first; partial, damaged and foreign directories do not break it', async () => {
  using run = await sampleRun({ isStale: true });
  const results = join(run.paths.root, '../..');
  const make = (name: string, files: Readonly<Record<string, string>>): void => {
    const directory = join(results, name);
    mkdirSync(directory, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
  };
  make('run/20261120T000000Z-crashed', { 'history.jsonl': '' });
  make('nightly/20261122T000000Z-damaged', {
    'manifest.json': '{',
    'verdict.json': 'no',
    'stats.json': '[]',
    'cluster.jsonl': '\n\n{"type":"outcome"',
  });
  make('run/foreign', { 'notes.txt': 'hello' });
  make('run/20261119T000000Z-odd/history.jsonl', {});
  writeFileSync(join(results, 'file'), '');
  symlinkSync('run/20261121T082207Z-7', join(results, 'latest'));
  const { runs, total } = await listRuns(results, 10);
  expect(total).toBe(3);
  expect(
    runs.map(({ directory, meaning, valid }) => [directory.slice(results.length), meaning, valid]),
  ).toEqual([
    ['/nightly/20261122T000000Z-damaged', 'no end', null],
    ['/run/20261121T082207Z-7', 'violation', false],
    ['/run/20261120T000000Z-crashed', 'no end', null],
  ]);
  expect(runs[1]).toMatchObject({
    exit: 1,
    workload: 'register',
    target: 'raft',
    nodes: 3,
    nemesis: 'partition:leader-minority',
    okPerSecond: 0.375,
    durationNs: 8e9,
    seed: '7',
  });
  expect((await listRuns(results, 1)).runs).toHaveLength(1);
});

test('the outcome is found at the end of a long log, and only there', async () => {
  using run = await sampleRun();
  const results = join(run.paths.root, '../..');
  const status = `${JSON.stringify({ time: 1, type: 'status', node: 'n'.repeat(1000) })}\n`;
  const outcome = `${JSON.stringify({ time: 2, type: 'outcome', exit: 5 })}\n`;
  writeFileSync(run.paths.cluster, status.repeat(1000) + outcome);
  expect((await listRuns(results, 1)).runs[0]?.meaning).toBe('proved nothing');
  appendFileSync(run.paths.cluster, status);
  expect((await listRuns(results, 1)).runs[0]?.meaning).toBe('no end');
});

test('p99 is that of all ok operations together, not an average of theirs', async () => {
  using run = await sampleRun();
  const fast = new LatencyHistogram();
  for (let i = 0; i < 98; i++) fast.record(1e6);
  const slow = new LatencyHistogram();
  for (let i = 0; i < 2; i++) slow.record(500e6);
  const [row] = STATISTICS.rows;
  const rows = [
    { ...row, outcome: 'ok', f: 'read', histogram: fast.encode() },
    { ...row, outcome: 'ok', f: 'write', histogram: slow.encode() },
    { ...row, f: 'write', outcome: 'info', histogram: slow.encode() },
  ];
  writeFileSync(run.paths.stats, JSON.stringify({ ...STATISTICS, rows }));
  const { runs } = await listRuns(join(run.paths.root, '../..'), 1);
  expect((runs[0]?.p99Ns ?? 0) / 500e6).toBeCloseTo(1, 2);
});

test('a results directory that is not there holds no runs', async () => {
  using run = await sampleRun();
  rmSync(runPaths(run.paths.root).root, { recursive: true });
  expect(await listRuns(join(run.paths.root, '../../nowhere'), 5)).toMatchObject({ total: 0 });
});
