import { describe, expect, test } from 'vitest';
import { defined } from './assert.ts';
import { checkHistory, MODELS, pair, partition, readJsonl, verifyWitness } from './index.ts';
import { KEPT, keptText } from './testing/keep.ts';

const UNLIMITED = { now: () => 0, deadlineNs: Infinity, memoryBytesMax: Infinity };

test('every model has a history that is kept for each verdict', () => {
  for (const name of MODELS.keys()) {
    const verdicts = KEPT.filter(({ model }) => model === name).map(({ valid }) => valid);
    expect(new Set(verdicts), name).toEqual(new Set([true, false]));
  }
});

describe.each(KEPT)('$file', (kept) => {
  test('the generator still writes it, byte for byte', async () => {
    await expect(keptText(kept)).toMatchFileSnapshot(`testdata/${kept.file}.jsonl`);
  });

  test(`is ${kept.valid ? '' : 'not '}linearizable, and every witness replays`, async () => {
    const read = await readJsonl([new TextEncoder().encode(keptText(kept))]);
    const paired = pair(read.ok ? read.events : []);
    const operations = paired.ok ? paired.history.operations : [];
    expect(operations.length).toBeGreaterThan(30);
    const model = defined(MODELS.get(kept.model), 'a model');
    const verdict = checkHistory(operations, model, UNLIMITED);
    expect(verdict.valid).toBe(kept.valid);
    const parts = partition(operations);
    for (const key of verdict.keys) {
      const part = defined(parts.get(key.key), 'a key');
      const wrong = key.valid === true ? verifyWitness(part, model, key.witness) : undefined;
      expect(wrong).toBeUndefined();
    }
  });
});
