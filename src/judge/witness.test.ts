import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { writeJsonlLine, type HistoryEvent } from '../../checker/index.ts';
import { InvariantError } from '../lib/assert.ts';
import { explain } from './explain.ts';
import { judgeFile } from './judge.ts';

/** A verifier that accepts no order of one key: what a bug in the search would look like. */
vi.mock(import('../../checker/index.ts'), async (original) => {
  const checker = await original();
  return {
    ...checker,
    verifyWitness: (history, model, witness) =>
      (history instanceof checker.Table ? history.key : history[0]?.key) === 'bad'
        ? 'the order is wrong'
        : checker.verifyWitness(history, model, witness),
  };
});

let path = '';
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'gong-witness-'));
});
afterAll(async () => {
  await rm(path, { recursive: true });
});

/** One key after the other, each with a write of 1 and a read of what is given. */
async function history(reads: Readonly<Record<string, number>>): Promise<string> {
  const lines = Object.entries(reads).flatMap(([key, read]) => [
    { key, f: 'write', value: 1 },
    { key, f: 'read', value: read },
  ]);
  const events = lines.flatMap((line, i): readonly HistoryEvent[] => [
    { ...line, index: 2 * i, time: i, type: 'invoke', process: 0 },
    { ...line, index: 2 * i + 1, time: i, type: 'ok', process: 0 },
  ]);
  const file = join(path, 'history.jsonl');
  await writeFile(file, events.map(writeJsonlLine).join(''));
  return file;
}

test('a witness that does not replay is a bug in Gong, and no verdict', async () => {
  const judged = judgeFile(await history({ bad: 1, good: 1 }));
  await expect(judged).rejects.toThrow(InvariantError);
  await expect(judged).rejects.toThrow(
    'the witness of key bad does not replay: the order is wrong',
  );
});

test('but it does not mask a violation of another key, before it or after it', async () => {
  for (const reads of [
    { bad: 1, good: 1, broken: 2 },
    { broken: 2, good: 1, bad: 1 },
  ]) {
    const { verdict, witnesses } = await judgeFile(await history(reads));
    expect(verdict).toMatchObject({
      valid: false,
      keys: { total: 3, valid: 1, invalid: 1, unknown: 1 },
      witnessesVerified: 1,
      failures: [{ key: 'broken' }],
      unknown: [{ key: 'bad', reason: 'witness', operations: 2 }],
    });
    expect([...witnesses.keys()]).toEqual(['good']);
    expect(explain(verdict)).toMatch(/^NOT LINEARIZABLE\n/);
    expect(explain(verdict)).toContain(
      'not decided (the order that was found does not replay: a bug in Gong): bad',
    );
  }
});
