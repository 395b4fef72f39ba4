import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judgeFile } from '../judge/index.ts';
import { sampleRun } from '../report/testing/sample-run.ts';
import { explainCheck } from './explain-check.ts';

test('a run directory is explained in its failure/, a file where it is asked for', async () => {
  using run = await sampleRun({ isStale: true });
  const { verdict } = await judgeFile(run.paths.history);
  const stem = 'explain';
  const inRun = await explainCheck(run.paths.root, verdict, { directory: undefined, stem });
  expect(inRun).toBe(join(run.paths.failureDir, 'explain.md'));
  expect(existsSync(join(run.paths.failureDir, 'k1.jsonl'))).toBe(true);
  const directory = join(run.paths.root, 'elsewhere');
  const ofFile = await explainCheck(run.paths.history, verdict, { directory, stem: 'explain-2' });
  expect(ofFile).toBe(join(directory, 'explain-2.md'));
  const ofRun = await explainCheck(run.paths.root, verdict, { directory, stem });
  expect(ofRun).toBe(join(directory, 'explain.md'));
  expect(existsSync(join(directory, 'explain-2-1.svg'))).toBe(true);
});
