import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ClusterEvent, ClusterLog, readClusterLog } from './cluster-log.ts';
import { LineWriter } from './line-writer.ts';
import { gitRevision, type Manifest, readManifest, writeManifest } from './manifest.ts';
import { nodeLogPath } from './paths.ts';
import { createRunDir } from './run-dir.ts';
import { RunLog } from './run-log.ts';
import { writeSummaryCsv } from './summary.ts';
import { writeWhole } from './whole-file.ts';

let results: string;
beforeEach(() => {
  results = mkdtempSync(join(tmpdir(), 'gong-rundir-'));
});
afterEach(() => rmSync(results, { recursive: true, force: true }));

const startedAt = new Date('2026-11-21T08:22:07.123Z');
const create = (seed: string, suite = 'run') =>
  createRunDir({ resultsDir: results, suite, seed, startedAt });

test('a run directory is named by suite, time and seed, and latest points at the newest', async () => {
  const first = await create('7');
  expect(first.root).toBe(join(results, 'run', '20261121T082207Z-7'));
  expect(existsSync(first.logsDir)).toBe(true);
  expect(nodeLogPath(first, 'n2')).toBe(join(first.root, 'logs', 'n2.log'));
  const second = await create('8', 'nightly');
  expect(realpathSync(join(results, 'latest'))).toBe(realpathSync(second.root));
  expect(readlinkSync(join(results, 'latest'))).toBe('nightly/20261121T082207Z-8');
  expect(readdirSync(results).toSorted()).toEqual(['latest', 'nightly', 'run']);
});

test('two runs of one second and seed do not share a directory', async () => {
  const roots = await Promise.all(Array.from({ length: 4 }, () => create('7')));
  expect(new Set(roots.map(({ root }) => root)).size).toBe(4);
});

test('a seed cannot leave the results directory', async () => {
  const { root } = await create('../../etc/passwd', '..');
  expect(realpathSync(root).startsWith(realpathSync(results))).toBe(true);
});

test('a results directory that cannot be made says why and what to do', async () => {
  writeFileSync(join(results, 'run'), 'a file');
  await expect(create('7')).rejects.toMatchObject({
    kind: 'infrastructure',
    code: 'GONG-E041',
    why: expect.stringContaining('EEXIST'),
    fix: expect.stringContaining('--results-dir'),
  });
});

const manifest: Manifest = {
  schema: 1,
  gong: '0.1.0',
  node: 'v26.10.0',
  platform: 'linux-x64',
  revision: null,
  argv: ['run', '--seed', '7'],
  startedAt: startedAt.toISOString(),
  suite: 'run',
  seed: '7',
  target: 'raft',
  cluster: 'local',
  nodes: 5,
  workload: 'register',
  model: 'cas-register',
  config: { duration: '20s' },
  plan: [{ kind: 'kill', shape: 'one', atNs: 1, durationNs: 2, seed: 's' }],
};

test('a manifest reads back as it was written, and leaves nothing beside it', async () => {
  const path = join(results, 'manifest.json');
  await writeManifest(path, manifest);
  expect(await readManifest(path)).toEqual(manifest);
  expect(readdirSync(results)).toEqual(['manifest.json']);
});

test.each(['', '{}', '[1]', '{"schema":2}', '{"schema":1,"seed":"7"}'])(
  'what is no manifest is refused: %s',
  async (text) => {
    const path = join(results, 'manifest.json');
    writeFileSync(path, text);
    await expect(readManifest(path)).rejects.toMatchObject({ kind: 'usage', code: 'GONG-E043' });
  },
);

test('a file that cannot be replaced stays as it was, and no neighbour is left', async () => {
  const path = join(results, 'taken');
  await writeWhole(join(results, 'fine'), 'a');
  await createRunDir({ resultsDir: path, suite: 's', seed: '1', startedAt });
  await expect(writeWhole(path, 'text')).rejects.toMatchObject({ code: 'GONG-E041' });
  expect(readdirSync(results).toSorted()).toEqual(['fine', 'taken']);
});

test('lines are in the file after close, in order, and after the bytes that were there', () => {
  const path = join(results, 'lines');
  writeFileSync(path, 'before\n');
  const writer = new LineWriter(path);
  const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i} ü`);
  for (const line of lines) writer.append(line);
  writer.close();
  writer.close();
  expect(readFileSync(path, 'utf8')).toBe(`${['before', ...lines].join('\n')}\n`);
});

test('a write that fails is thrown by the next append and by close', () => {
  const writer = new LineWriter('/dev/full');
  writer.append('lost');
  expect(() => writer.flush()).toThrow(/cannot write/);
  expect(() => writer.append('next')).toThrow(/cannot write/);
  expect(() => writer.close()).toThrow(/cannot write/);
});

test('a line that comes after its file was closed is an error, and lands in no other file', async () => {
  const writer = new LineWriter(join(results, 'history.jsonl'));
  writer.close();
  // It gets the number that has just become free.
  const next = new LineWriter(join(results, 'next.jsonl'));
  expect(() => writer.append('too late')).toThrow(/closed/);
  await setTimeout(50);
  next.close();
  expect(readFileSync(next.path, 'utf8')).toBe('');
});

const events: readonly ClusterEvent[] = [
  { time: 1, type: 'unreachable', node: 'n1' },
  { time: 2, type: 'unexpected-exit', node: 'n1', code: null, signal: 'SIGSEGV' },
  { time: 3, type: 'fault', fault: 0, kind: 'kill', shape: 'one', outcome: 'skipped' },
];

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('a cluster log reads back, without its torn last line', async () => {
  const path = join(results, 'cluster.jsonl');
  {
    using log = new ClusterLog(path);
    for (const event of events) log.append(event);
  }
  appendFileSync(path, '{"time":4,"type":"unrea');
  expect(await collect(readClusterLog(path))).toEqual(events);
  appendFileSync(path, '\n{"time":5,"type":"unreachable","node":"n1"}\n');
  await expect(collect(readClusterLog(path))).rejects.toThrow('line 4');
});

test('summary.csv has a row per f, outcome and phase, in milliseconds', async () => {
  const path = join(results, 'summary.csv');
  const latency = { count: 3, meanNs: 1e6, p50Ns: 1e6, p90Ns: 2e6, p95Ns: 2e6, p99Ns: 2e6 };
  const row = {
    f: 'read, "quoted"',
    outcome: 'ok',
    perSecond: 1.5,
    latency: { ...latency, p999Ns: 2e6, maxNs: 2.5e6 },
  };
  await writeSummaryCsv(path, [row, { ...row, f: 'cas', phase: 'fault', perSecond: 3 }]);
  expect(readFileSync(path, 'utf8')).toBe(
    'f,outcome,phase,count,per_second,mean_ms,p50_ms,p90_ms,p95_ms,p99_ms,p999_ms,max_ms\n' +
      '"read, ""quoted""",ok,all,3,1.50,1.000,1.000,2.000,2.000,2.000,2.000,2.500\n' +
      'cas,ok,fault,3,3.00,1.000,1.000,2.000,2.000,2.000,2.000,2.500\n',
  );
});

test('the log of a run has a time before each line', () => {
  const path = join(results, 'run.log');
  {
    using log = new RunLog(path);
    log.line('up\nwith more\n');
  }
  expect(readFileSync(path, 'utf8')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}up\n {4}with more\n$/);
});

test('outside of a checkout there is no revision', async () => {
  expect(await gitRevision(results)).toBeNull();
});

test.skipIf(!existsSync('.git'))('in a checkout the revision is its commit', async () => {
  expect(await gitRevision('.')).toMatch(/^[0-9a-f]{40}(-dirty)?$/);
});
