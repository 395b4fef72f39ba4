import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkKey, MODELS, Table, type Model, type Operation } from '../../checker/index.ts';
import { historyOf } from '../../checker/testing/weaken.ts';
import { defined } from '../lib/assert.ts';
import { readHistory } from './read.ts';

/** Histories with known verdicts, beside the repository: too many to keep in it. */
const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));

interface Entry {
  readonly file: string;
  readonly format: string;
  readonly model: string;
  readonly valid: boolean;
}

const invalid = existsSync(`${CORPUS}index.json`)
  ? (JSON.parse(readFileSync(`${CORPUS}index.json`, 'utf8')) as readonly Entry[]).filter(
      ({ format, model, valid }) => format === 'jsonl' && MODELS.has(model) && !valid,
    )
  : [];

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: 1e9 };

function isLegal(operations: readonly Operation[], model: Model): boolean | 'unknown' {
  return checkKey(operations, model, UNLIMITED, { engine: 'wgl' }).valid;
}

describe.skipIf(invalid.length === 0)('counterexamples of the corpus', () => {
  test.each(invalid)('$file is shown by few operations, all of which it needs', async (entry) => {
    const model = defined(MODELS.get(entry.model), 'a model');
    const { columns } = await readHistory(`${CORPUS}${entry.file}`);
    const keys = Map.groupBy(new Table(columns).operations(), ({ key }) => key);
    let failed = 0;
    for (const part of keys.values()) {
      const verdict = checkKey(part, model, UNLIMITED);
      if (verdict.valid !== false) continue;
      failed++;
      const counterexample = defined(verdict.counterexample, 'one');
      expect(counterexample.isMinimal).toBe(true);
      expect(isLegal(historyOf(counterexample, model), model)).toBe(false);
      for (const { operation, isWeak } of counterexample.operations) {
        const rest = historyOf(counterexample, model, operation.id);
        expect(isWeak || isLegal(rest, model)).toBe(true);
      }
    }
    expect(failed).toBeGreaterThan(0);
  });
});
