import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pair, Table, writeJsonlLine, type HistoryEvent } from '../../checker/index.ts';
import { readHistory } from './read.ts';

let path = '';
beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'gong-read-'));
});
afterAll(async () => {
  await rm(path, { recursive: true });
});

/** Reads and writes of twenty processes, in more than three chunks. */
const EVENTS: readonly HistoryEvent[] = Array.from({ length: 60_000 }, (_, index) => ({
  index,
  time: 1000 * index,
  type: index % 2 === 0 ? 'invoke' : 'ok',
  process: (index >>> 1) % 20,
  f: index % 4 < 2 ? 'write' : 'read',
  key: `k${index >>> 1}`,
  value: 'x'.repeat(30 + (index % 50)),
  node: 'n1',
}));

async function written(name: string, text: string): Promise<string> {
  const file = join(path, name);
  await writeFile(file, text);
  return file;
}

function large(): Promise<string> {
  return written('large.jsonl', EVENTS.map(writeJsonlLine).join(''));
}

test('a history of many chunks is read as it is, and the event loop has its turn meanwhile', async () => {
  const file = await large();
  let turns = 0;
  let isRead = false;
  const turn = (): void => {
    turns++;
    if (!isRead) setImmediate(turn);
  };
  setImmediate(turn);
  const history = await readHistory(file);
  isRead = true;
  expect(turns).toBeGreaterThanOrEqual(3);
  const paired = pair(EVENTS);
  const { operations = [], ...rest } = paired.ok ? paired.history : {};
  expect(history).toMatchObject({ ...rest, isTorn: false, isWhole: true });
  expect(new Table(history.columns).operations()).toEqual(operations);
  expect(history.columns.invoke.buffer).toBeInstanceOf(SharedArrayBuffer);
});

test('a signal ends it between two chunks: what was read is there, and known not to be all', async () => {
  const file = await large();
  const sizes: number[] = [];
  for (const chunks of [0, 1, 2]) {
    let asked = 0;
    const signal = {
      get aborted() {
        return asked++ >= chunks;
      },
    };
    const history = await readHistory(file, signal as AbortSignal);
    expect(history).toMatchObject({ isWhole: false, isTorn: false });
    sizes.push(history.columns.size);
  }
  expect(sizes[0]).toBe(0);
  expect(sizes[1]).toBeGreaterThan(5000);
  expect(sizes[2]).toBeGreaterThan(sizes[1] as number);
  expect(sizes[2]).toBeLessThan(EVENTS.length / 2);
});

test('a torn line ends a history that was cut short', async () => {
  const lines = EVENTS.slice(0, 3).map(writeJsonlLine);
  const whole = await readHistory(await written('torn.jsonl', `${lines.join('')}{"ind`));
  expect(whole).toMatchObject({ events: 3, isTorn: true, isWhole: true });
});

test('what cannot be read or paired is an error that names file, line and reason', async () => {
  const text = EVENTS.map(writeJsonlLine);
  await expect(readHistory(join(path, 'absent.jsonl'))).rejects.toMatchObject({
    code: 'GONG-E101',
  });
  await expect(readHistory(path)).rejects.toMatchObject({ code: 'GONG-E101' });
  text[50_000] = '{"index":50000}\n';
  await expect(readHistory(await written('line.jsonl', text.join('')))).rejects.toMatchObject({
    code: 'GONG-E102',
    message: expect.stringContaining('line.jsonl:50001: "time" is missing'),
  });
  text[40_000] = text[40_001] as string;
  await expect(readHistory(await written('pair.jsonl', text.join('')))).rejects.toMatchObject({
    code: 'GONG-E103',
    message: expect.stringContaining('pair.jsonl:40001: index is 40001, expected 40000'),
  });
});
