import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { readJsonl, writeJsonlLine } from '../../checker/index.ts';
import { explain, failuresInOrder, type JudgeVerdict } from '../judge/index.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { writeWhole } from '../rundir/whole-file.ts';

/** Keys whose history is written out by itself. */
const KEYS_MAX = 5;

/**
 * `failure/`: the explanation, and the history of each key that failed (with all faults), which
 * `gong check` judges by itself.
 */
export async function writeFailure(paths: RunPaths, verdict: JudgeVerdict): Promise<void> {
  await mkdir(paths.failureDir, { recursive: true });
  const files: string[] = [];
  for (const { key } of failuresInOrder(verdict).slice(0, KEYS_MAX)) {
    const name = `${fileName(key)}.jsonl`;
    await writeWhole(path.join(paths.failureDir, name), await historyOf(paths.history, key));
    files.push(name);
  }
  const commands = files.map((name) => `    gong check --model ${verdict.model} ${name}`);
  const text = [
    '# Why this history is not linearizable',
    '',
    ...explain(verdict)
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`.trimEnd()),
    '',
    'The history of each key alone, to be judged again:',
    '',
    ...commands,
    '',
  ];
  await writeWhole(path.join(paths.failureDir, 'explain.md'), text.join('\n'));
}

async function historyOf(history: string, key: string | null): Promise<string> {
  const lines: string[] = [];
  const result = await readJsonl(createReadStream(history));
  if (!result.ok) return '';
  for (const event of result.events) {
    const isPart = event.process === 'nemesis' || (event.key ?? null) === key;
    if (isPart) lines.push(writeJsonlLine({ ...event, index: lines.length }));
  }
  return lines.join('');
}

function fileName(key: string | null): string {
  return key === null ? 'history' : key.replaceAll(/[^A-Za-z0-9._-]/g, '_').slice(0, 60);
}
