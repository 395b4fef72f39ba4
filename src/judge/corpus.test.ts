import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { MODELS } from '../../checker/index.ts';
import { judgeFile } from './judge.ts';

/** Histories with known verdicts, beside the repository: too many to keep in it. */
const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const isPresent = existsSync(`${CORPUS}index.json`);
const isRequired = (process.env['GONG_REQUIRE'] ?? '').split(',').includes('corpus');

interface Entry {
  readonly file: string;
  readonly format: string;
  readonly model: string;
  readonly valid: boolean;
  readonly fail?: number;
  readonly ops: number;
}

const entries = isPresent
  ? (JSON.parse(readFileSync(`${CORPUS}index.json`, 'utf8')) as readonly Entry[]).filter(
      (entry) => entry.format === 'jsonl' && MODELS.has(entry.model),
    )
  : [];

test.runIf(isRequired)('the corpus is there when it is required', () => {
  expect(isPresent).toBe(true);
});

describe.skipIf(!isPresent)('corpus of histories with known verdicts', () => {
  test('holds histories of either verdict', () => {
    expect(entries.filter((entry) => entry.valid).length).toBeGreaterThan(50);
    expect(entries.filter((entry) => !entry.valid).length).toBeGreaterThan(40);
  });

  test.each(entries)('$file is judged valid: $valid', async ({ file, model, valid, ops }) => {
    const { verdict } = await judgeFile(`${CORPUS}${file}`, { model });
    expect({ valid: verdict.valid, unknown: verdict.unknown }).toEqual({ valid, unknown: [] });
    expect(verdict.operations + verdict.failed).toBe(ops);
    expect(verdict.failures.every((failure) => failure.stuck.isExact)).toBe(true);
    expect(verdict.witnessesVerified).toBe(verdict.keys.valid);
  });
});
