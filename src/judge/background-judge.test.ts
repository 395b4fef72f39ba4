import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { writeJsonlLine } from '../../checker/index.ts';
import { generateHistory, type GenerateOptions } from '../../checker/testing/generate.ts';
import { SECOND } from '../lib/duration.ts';
import { BackgroundJudge, type BackgroundJudgeOptions } from './background-judge.ts';
import { judgeFile } from './judge.ts';
import { untimed } from './testing/untimed.ts';

const directory = mkdtempSync(join(tmpdir(), 'gong-background-'));
afterAll(() => rmSync(directory, { recursive: true }));

const OPTIONS: GenerateOptions = {
  seed: 3,
  model: 'register',
  operations: 2_000,
  processes: 8,
  keys: 8,
};
const VALID = lines(OPTIONS);
const STALE = lines({ ...OPTIONS, plant: { kind: 'stale-read', at: 0.3 } });
/** Its last read is wrong, of a value that is written often: it takes a search of the whole to find. */
const WRONG = wrongAtLast({ ...OPTIONS, keys: 1, operations: 6_000, values: 30 });

function wrongAtLast(options: GenerateOptions): readonly string[] {
  const events = generateHistory(options);
  const last = events.findLastIndex(({ type, f }) => type === 'ok' && f === 'read');
  const value = (Number(events[last]?.value) + 15) % 30;
  return events.map((event, i) => writeJsonlLine(i === last ? { ...event, value } : event));
}

function lines(options: GenerateOptions): readonly string[] {
  return generateHistory(options).map(writeJsonlLine);
}

let files = 0;
function scene(change: Partial<BackgroundJudgeOptions> = {}) {
  const path = join(directory, `${files++}.jsonl`);
  const notes: string[] = [];
  const judge = new BackgroundJudge({
    path,
    model: OPTIONS.model,
    note: (text) => void notes.push(text),
    ...change,
  });
  return { path, notes, judge };
}

/** Resolves when `holds`, looking every few milliseconds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setTimeout(5);
}

test('decides finished keys while the file grows, and ends with the verdict of judgeFile', async () => {
  const { path, notes, judge } = scene();
  await using _judge = judge;
  const half = VALID.length / 2;
  // It may begin before there is a file.
  writeFileSync(path, VALID.slice(0, half).join(''));
  await until(() => judge.counts.lines === half);
  appendFileSync(path, VALID.slice(half).join(''));
  for (const key of ['k0', 'k3', 'k5']) judge.keyFinished(key, VALID.length);
  await until(() => judge.counts.keysDecided === 3);
  expect(judge.counts).toMatchObject({ lines: VALID.length, keysOpen: 5, keysInvalid: 0 });
  const verdict = await judge.verdict();
  const { verdict: whole } = await judgeFile(path, { model: OPTIONS.model });
  expect(untimed(verdict)).toEqual(untimed(whole));
  expect([verdict.valid, notes]).toEqual([true, []]);
});

test('finds a violation of a key that is not finished, when asked to watch', async () => {
  const { path, judge } = scene({ isWatching: true });
  await using _judge = judge;
  writeFileSync(path, STALE.join(''));
  await until(() => judge.violated.aborted);
  const verdict = await judge.verdict();
  const [failure] = verdict.failures;
  expect(judge.violation).toMatchObject({ key: failure?.key, sentence: failure?.sentence });
  expect(verdict).toMatchObject({ valid: false, keys: { total: 8, invalid: 1 } });
});

test('does not look for one otherwise', async () => {
  const { path, judge } = scene();
  await using _judge = judge;
  writeFileSync(path, STALE.join(''));
  expect(await judge.verdict()).toMatchObject({ valid: false });
  expect(judge.violated.aborted).toBe(false);
});

test('leaves undecided what an interruption leaves it no time for', async () => {
  const { path, judge } = scene();
  await using _judge = judge;
  writeFileSync(path, VALID.join(''));
  const verdict = await judge.verdict({ signal: AbortSignal.abort() });
  expect(verdict).toMatchObject({ valid: 'unknown', unknown: expect.arrayContaining([]) });
  expect(new Set(verdict.unknown.map(({ reason }) => reason))).toEqual(new Set(['interrupted']));
});

test.runIf(process.platform === 'linux')('runs at a lower priority than the clients', async () => {
  await using _judge = scene().judge;
  // Fields of /proc/PID/stat after the name in parentheses: nice is the 19th of all.
  const nice = (thread: string): number => {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
  };
  await until(() => readdirSync('/proc/self/task').some((thread) => nice(thread) === 5));
  expect(nice(String(process.pid))).toBeLessThan(5);
});

describe('no failure of the thread costs the verdict', () => {
  test.each([
    ['an error', new URL('./testdata/failing-worker.ts', import.meta.url), 'planted in the thread'],
    ['a full heap', new URL('./testdata/hungry-worker.ts', import.meta.url), 'memory limit'],
    ['a program that is not there', new URL('file:///nowhere/worker.ts'), 'nowhere'],
  ])('%s', async (_, program, why) => {
    const { path, judge, notes } = scene({ program, heapMebibytesMax: 32 });
    await using _judge = judge;
    writeFileSync(path, STALE.join(''));
    expect(await judge.verdict()).toMatchObject({ valid: false, keys: { invalid: 1 } });
    expect(notes).toEqual([expect.stringContaining(why)]);
  });

  test('an interruption that leaves all of it unread leaves it undecided', async () => {
    const program = new URL('./testdata/failing-worker.ts', import.meta.url);
    const { path, judge } = scene({ program });
    await using _judge = judge;
    writeFileSync(path, VALID.join(''));
    expect((await judge.verdict({ signal: AbortSignal.abort() })).valid).toBe('unknown');
  });

  test.each([false, true])('a thread that is stuck (interrupted: %s)', async (isInterrupted) => {
    const program = new URL('./testdata/stuck-worker.ts', import.meta.url);
    const { path, judge, notes } = scene({ program, patienceNs: SECOND / 20 });
    await using _judge = judge;
    writeFileSync(path, STALE.join(''));
    const interruption = new AbortController();
    const options = isInterrupted ? { signal: interruption.signal } : { budgetNs: SECOND };
    const verdict = judge.verdict(options);
    if (isInterrupted) interruption.abort();
    expect((await verdict).valid).toBe(isInterrupted ? 'unknown' : false);
    expect(notes).toEqual([expect.stringContaining('stuck')]);
  });

  test('a history that it cannot judge: judgeFile says why', async () => {
    const { path, judge, notes } = scene();
    await using _judge = judge;
    writeFileSync(path, VALID.toSpliced(5, 1).join(''));
    await expect(judge.verdict()).rejects.toMatchObject({ code: 'GONG-E103' });
    expect(notes).toEqual([expect.stringContaining('index is 6, expected 5')]);
  });

  describe.each([true, false])('a violation that it had told (watching: %s)', (isWatching) => {
    const program = new URL('./testdata/forgetful-worker.ts', import.meta.url);
    async function told() {
      const { path, judge } = scene({ program, isWatching });
      writeFileSync(path, WRONG.join(''));
      judge.keyFinished('k0', WRONG.length);
      if (isWatching) await until(() => judge.violated.aborted);
      return judge;
    }

    test('counts though the budget for the whole is too small to find it again', async () => {
      await using judge = await told();
      const verdict = await judge.verdict({ budgetNs: 0, memoryBytesMax: 0 });
      expect(verdict).toMatchObject({
        valid: false,
        keys: { total: 1, valid: 0, invalid: 1, unknown: 0 },
        failures: [{ key: 'k0' }],
        unknown: [],
      });
    });

    test('counts when somebody interrupts before the file is read', async () => {
      await using judge = await told();
      const verdict = await judge.verdict({ signal: AbortSignal.abort() });
      expect(verdict).toMatchObject({ valid: false, keys: { total: 1, invalid: 1 } });
    });

    test('is that of the whole when that can be judged', async () => {
      await using judge = await told();
      const verdict = await judge.verdict();
      expect(verdict).toMatchObject({ valid: false, keys: { total: 1, invalid: 1 } });
    });
  });
});
