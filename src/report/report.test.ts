import { appendFileSync, cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunPaths } from '../rundir/paths.ts';
import { runPaths } from '../rundir/paths.ts';
import { readRunRecord } from './record.ts';
import { sampleRun } from './testing/sample-run.ts';
import { writeReports } from './write.ts';

function derived(paths: RunPaths): readonly string[] {
  return [paths.junit, paths.summaryMarkdown, paths.summaryCsv, paths.opsCsv];
}

async function reported(directory: string): Promise<Record<string, string>> {
  const paths = runPaths(directory);
  await writeReports(await readRunRecord(directory), { opsCsvHistoryBytesMax: Infinity });
  return Object.fromEntries(
    derived(paths).map((path) => [basename(path), readFileSync(path, 'utf8')]),
  );
}

test('what was derived is derived again byte for byte, also in a directory moved elsewhere', async () => {
  using run = await sampleRun({ isStale: true });
  const first = await reported(run.paths.root);
  expect(Object.values(first).every((text) => text.length > 0)).toBe(true);
  for (const path of derived(run.paths)) rmSync(path);
  expect(await reported(run.paths.root)).toEqual(first);
  const elsewhere = `${run.paths.root}-elsewhere`;
  cpSync(run.paths.root, elsewhere, { recursive: true });
  for (const path of derived(runPaths(elsewhere))) rmSync(path);
  expect(await reported(elsewhere)).toEqual(first);
});

test('of a crashed run it tells what there is, and names what is missing', async () => {
  using run = await sampleRun({ isStale: true, outcome: undefined });
  const { paths } = run;
  for (const path of [paths.verdict, paths.stats]) rmSync(path);
  truncateSync(paths.history, readFileSync(paths.history).length - 20);
  const record = await readRunRecord(paths.root);
  expect(record.missing).toEqual([
    expect.stringContaining('no verdict.json'),
    expect.stringContaining('no stats.json'),
    expect.stringContaining('no outcome'),
  ]);
  const { files, problems } = await writeReports(record, { opsCsvHistoryBytesMax: Infinity });
  expect(files).toEqual(['junit.xml', 'summary.md', 'ops.csv']);
  expect(problems).toEqual([]);
  const summary = readFileSync(paths.summaryMarkdown, 'utf8');
  expect(summary).toContain('# Gong: NO VERDICT (it did not reach its end)');
  for (const line of record.missing) expect(summary).toContain(line.split(':')[0]);
  expect(readFileSync(paths.junit, 'utf8')).toContain('the run is not whole');
});

test('damaged files are named, and the others are used', async () => {
  using run = await sampleRun();
  const { paths } = run;
  writeFileSync(paths.verdict, '{"valid":tr');
  writeFileSync(paths.stats, '{"rows":[]}');
  writeFileSync(paths.manifest, '[]');
  appendFileSync(paths.cluster, 'not json\n');
  const record = await readRunRecord(paths.root);
  expect(record.missing).toEqual([
    expect.stringMatching(/^manifest\.json cannot be read/),
    expect.stringMatching(/^verdict\.json is damaged/),
    'stats.json is damaged: it has no "phases"',
    expect.stringMatching(/^cluster\.jsonl cannot be read to its end/),
  ]);
  expect(record.faults).toHaveLength(1);
  await expect(writeReports(record, { opsCsvHistoryBytesMax: Infinity })).resolves.toMatchObject({
    files: ['junit.xml', 'summary.md', 'ops.csv'],
  });
});

test('a directory without a run is refused', async () => {
  using run = await sampleRun();
  await expect(readRunRecord(`${run.paths.root}/nowhere`)).rejects.toMatchObject({
    kind: 'usage',
    code: 'GONG-E181',
  });
});

test('the directory of a simulated run is refused, with the way to see it again', async () => {
  using run = await sampleRun();
  rmSync(run.paths.manifest);
  rmSync(run.paths.cluster);
  appendFileSync(join(run.paths.root, 'schedule.json'), '{}');
  await expect(readRunRecord(run.paths.root)).rejects.toMatchObject({
    code: 'GONG-E181',
    fix: expect.stringMatching(/^gong sim --schedule .*schedule\.json/) as unknown,
  });
});

test('faults that were saved twice are told once', async () => {
  using run = await sampleRun();
  const lines = readFileSync(run.paths.cluster, 'utf8').split('\n');
  appendFileSync(run.paths.cluster, `${lines.find((line) => line.includes('"fault"'))}\n`);
  expect((await readRunRecord(run.paths.root)).faults).toHaveLength(1);
});

test('of a history beyond the bound ops.csv is left out, and nothing else is another', async () => {
  using run = await sampleRun({ isStale: true });
  const whole = await reported(run.paths.root);
  for (const path of derived(run.paths)) rmSync(path);
  const record = await readRunRecord(run.paths.root);
  const { historyBytes = 0 } = record;
  const { files } = await writeReports(record, { opsCsvHistoryBytesMax: historyBytes - 1 });
  expect(files).toEqual(['junit.xml', 'summary.md', 'summary.csv']);
  for (const name of files) {
    expect(readFileSync(`${run.paths.root}/${name}`, 'utf8')).toBe(whole[name]);
  }
});
