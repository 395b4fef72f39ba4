import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JudgeVerdict } from '../judge/index.ts';
import { sampleRun } from '../report/testing/sample-run.ts';

const DOOR = join(import.meta.dirname, 'gong.mjs');

function gong(...args: readonly string[]): { readonly code: number | null; readonly out: string } {
  const { status, stdout } = spawnSync(process.execPath, [DOOR, ...args], { encoding: 'utf8' });
  return { code: status, out: stdout };
}

test('gong check --json: one line per file, with schema, file and verdict', async () => {
  using run = await sampleRun({ isStale: true });
  const { code, out } = gong('check', '--json', run.paths.root, `${run.paths.root}/nowhere`);
  expect(code).toBe(1);
  const [judged, unreadable, ...rest] = out.split('\n');
  expect(rest).toEqual(['']);
  const verdict: unknown = JSON.parse(judged ?? '');
  expect(verdict).toMatchObject({ schema: 1, file: run.paths.root, valid: false });
  const fields =
    'completed crashed decideNs elapsedNs engines evidenceNs failed failures file keys model operations ' +
    'readNs schema stale torn unknown valid verifyNs witnessesVerified';
  expect(Object.keys(verdict ?? {}).toSorted()).toEqual(fields.split(' '));
  const failed: unknown = JSON.parse(unreadable ?? '');
  expect(failed).toEqual({
    schema: 1,
    file: `${run.paths.root}/nowhere`,
    valid: null,
    error: expect.stringContaining('cannot be read'),
  });
});

test('--engine forces one, --no-verify replays nothing, and both are told', async () => {
  using run = await sampleRun({});
  const path = run.paths.history;
  const check = (...flags: readonly string[]): unknown =>
    JSON.parse(gong('check', '--json', path, ...flags).out);
  const usual = check();
  expect(usual).toMatchObject({ valid: true });
  const forced = check('--engine', 'wgl', '--no-verify');
  expect(forced).toMatchObject({ valid: true, witnessesVerified: 0, verifyNs: 0 });
  const { engines, keys: counts } = forced as JudgeVerdict;
  expect(engines).toEqual({ wgl: counts.total });
  expect((usual as JudgeVerdict).witnessesVerified).toBe(counts.total);
  expect(gong('check', path, '--no-verify').out).toContain(
    `${counts.valid} witnesses not replayed`,
  );
  // An engine that is not made for such histories decides nothing.
  const { valid, unknown } = check('--engine', 'set') as JudgeVerdict;
  expect(valid).toBe('unknown');
  expect(unknown).toHaveLength(counts.total);
  expect(unknown[0]).toMatchObject({ reason: 'engine', engine: 'set', completionsProven: 0 });
  expect(gong('check', '--engine', 'set', path).code).toBe(2);
});

test('--expect does not go with a file that names no target and no workload', async () => {
  using run = await sampleRun({ isStale: true });
  const known = join(import.meta.dirname, 'testdata/known.json');
  expect(gong('check', run.paths.history, '--expect', known).code).toBe(64);
  expect(gong('check', run.paths.root, '--expect', known).code).toBe(0);
});

test('gong report tells a crashed run what is missing, and of a directory without one that it is none', async () => {
  using run = await sampleRun({ isStale: true, outcome: undefined });
  const { code, out } = gong('report', '--json', run.paths.root);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    schema: 1,
    exit: null,
    verdict: { valid: false },
    files: ['junit.xml', 'summary.md', 'summary.csv', 'ops.csv', 'failure/'],
    missing: [expect.stringContaining('no outcome')],
  });
  expect(gong('report', join(run.paths.root, 'nowhere')).code).toBe(64);
});

test('an explanation that cannot be written takes nothing from the verdict', async () => {
  using run = await sampleRun({ isStale: true });
  const { code, out } = gong('check', '--json', '--explain-dir', run.paths.history, run.paths.root);
  expect(code).toBe(1);
  expect(out.split('\n')).toEqual([expect.stringContaining('"valid":false'), '']);
});
