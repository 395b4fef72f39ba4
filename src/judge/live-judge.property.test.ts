import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { MODELS, writeJsonlLine, type HistoryEvent } from '../../checker/index.ts';
import { generateHistory, type GenerateOptions } from '../../checker/testing/generate.ts';
import { defined } from '../lib/assert.ts';
import { judgeFile } from './judge.ts';
import { LiveJudge, type LiveLimits, type Violation } from './live-judge.ts';
import { untimed } from './testing/untimed.ts';
import type { JudgeVerdict } from './verdict.ts';

const KEPT = fileURLToPath(new URL('../../checker/testdata/', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'gong-live-'));
afterAll(() => rmSync(directory, { recursive: true }));

const FOR_EVER = { budgetNs: 1e15, memoryBytesMax: 2 ** 30, now: () => performance.now() * 1e6 };

interface Feeding {
  readonly model: string;
  /** Sizes of the pieces that the file arrives in, in turn. */
  readonly chunks: readonly number[];
  /** How many lines after its last invocation a key is told to be finished; undefined: never. */
  readonly delay: (key: string) => number | undefined;
  readonly isWatching?: boolean;
  readonly limits?: Partial<LiveLimits>;
  readonly keyNs?: number;
}

interface Judged {
  readonly verdict: JudgeVerdict;
  readonly decidedBefore: number;
  readonly violations: readonly Violation[];
}

/** Feeds a file piece by piece, as a run would write it. */
async function judgeLive(text: string, feeding: Feeding): Promise<Judged> {
  const { model, chunks, delay, isWatching = false, limits = {}, keyNs = 1e15 } = feeding;
  const violations: Violation[] = [];
  const judge = new LiveJudge({
    model: defined(MODELS.get(model), 'a model'),
    now: FOR_EVER.now,
    limits,
    isWatching,
    onViolation: (violation) => void violations.push(violation),
  });
  const ends = new Map<string, number>();
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    const key = /"type":"invoke".*"key":"([^"]+)"/.exec(line)?.[1];
    if (key !== undefined) ends.set(key, i + 1 + (delay(key) ?? Infinity));
  }
  const bytes = Buffer.from(text);
  let written = 0;
  for (let offset = 0, i = 0; offset < bytes.length; i++) {
    const size = chunks[i % chunks.length] ?? 1;
    const chunk = bytes.subarray(offset, offset + size);
    offset += size;
    // Before or after its line was read: both come.
    const tell = (): void => {
      for (const [key, line] of ends) {
        if (line > written) continue;
        judge.finished(key, line);
        ends.delete(key);
      }
    };
    if (i % 2 === 0) {
      written += chunk.toString('latin1').split('\n').length - 1;
      tell();
      judge.push(chunk);
    } else {
      judge.push(chunk);
      written += chunk.toString('latin1').split('\n').length - 1;
      tell();
    }
    for (const _ of judge.decideFinished(keyNs));
    if (isWatching) for (const _ of judge.decideUnfinished());
  }
  const decidedBefore = judge.counts.keysDecided;
  const verdict = await judge.finish(FOR_EVER);
  return { verdict, decidedBefore, violations };
}

let files = 0;
async function judgeWhole(text: string, model: string): Promise<JudgeVerdict> {
  const path = join(directory, `${files++}.jsonl`);
  writeFileSync(path, text);
  const { verdict } = await judgeFile(path, { model, budgetNs: FOR_EVER.budgetNs });
  rmSync(path);
  return verdict;
}

/** Puts faults into a history: one in force for a stretch, one to the end. */
function withFaults(events: readonly HistoryEvent[], at: readonly number[]): HistoryEvent[] {
  const all: Omit<HistoryEvent, 'index'>[] = [...events];
  const nemesis = (f: string, value: HistoryEvent['value'], where: number): void => {
    const time = all[where]?.time ?? 0;
    all.splice(where, 0, { time, type: 'info', process: 'nemesis', f, value });
  };
  const [start = 0, heal = 0, last = 0] = at.toSorted((a, b) => a - b);
  nemesis('kill', { phase: 'start', fault: 1, victims: ['n1'] }, last);
  nemesis('partition', { phase: 'heal', fault: 0 }, heal);
  nemesis('partition', { phase: 'start', fault: 0, shape: 'one', victims: ['n2'] }, start);
  return all.map((event, index) => ({ ...event, index }));
}

const history = fc
  .record({
    seed: fc.integer({ min: 0, max: 1e9 }),
    model: fc.constantFrom('register', 'cas-register', 'kv'),
    operations: fc.integer({ min: 1, max: 160 }),
    processes: fc.integer({ min: 1, max: 8 }),
    keys: fc.integer({ min: 1, max: 12 }),
    crashRate: fc.constantFrom(0, 0.05),
    isCasObserved: fc.boolean(),
    values: fc.constantFrom({}, { values: 4 }),
    plant: fc.constantFrom(
      {},
      { plant: { kind: 'stale-read', at: 0.6 } } as const,
      { plant: { kind: 'lost-write', at: 0.4 } } as const,
    ),
    torn: fc.nat(60),
    marks: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
  })
  .map(({ torn, marks, values, plant, ...rest }) => {
    const options: GenerateOptions = { ...rest, ...values, ...plant };
    const events = generateHistory(options);
    const places = marks.map((mark) => Math.floor(mark * events.length));
    const text = withFaults(events, places).map(writeJsonlLine).join('');
    return { model: options.model, text: text.slice(0, text.length - torn) };
  });

const feeding = fc.record({
  chunks: fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 5 }),
  delays: fc.array(fc.option(fc.nat(20), { nil: undefined }), { minLength: 1, maxLength: 5 }),
  isWatching: fc.boolean(),
});

test('judges a history as it grows as judgeFile judges the whole, however it comes and is torn', async () => {
  let decidedBefore = 0;
  await fc.assert(
    fc.asyncProperty(history, feeding, async ({ model, text }, { chunks, delays, isWatching }) => {
      const delay = (key: string): number | undefined =>
        delays[Number(key.slice(1)) % delays.length];
      const live = await judgeLive(text, { model, chunks, delay, isWatching });
      decidedBefore += live.decidedBefore;
      const whole = await judgeWhole(text, model);
      expect(untimed(live.verdict)).toEqual(untimed(whole));
      expect(live.violations.length === 0 || whole.valid === false).toBe(true);
    }),
    { numRuns: 150 },
  );
  expect(decidedBefore).toBeGreaterThan(50);
});

describe.each([
  'register-valid',
  'register-stale-read',
  'cas-register-valid',
  'cas-register-stale-read',
  'cas-register-lost-write',
  'kv-valid',
  'kv-stale-read',
  'kv-cas-stale-read',
])('the kept history %s', (name) => {
  const text = readFileSync(`${KEPT}${name}.jsonl`, 'utf8');
  const model = name.startsWith('cas') ? 'cas-register' : name.startsWith('kv') ? 'kv' : 'register';

  test('gets the same verdict while it grows', async () => {
    const live = await judgeLive(text, { model, chunks: [100, 1], delay: () => 0 });
    expect(untimed(live.verdict)).toEqual(untimed(await judgeWhole(text, model)));
  });

  test('is known to be violated as soon as it is, its keys finished or not', async () => {
    const limits = { prefixRest: 0 };
    const feed = { model, chunks: [100], delay: () => undefined, isWatching: true, limits };
    const { violations, verdict, decidedBefore } = await judgeLive(text, feed);
    expect(violations.length).toBe(verdict.valid === false ? 1 : 0);
    expect(decidedBefore).toBe(0);
    if (verdict.valid !== false) return;
    const [first] = verdict.failures;
    expect(violations[0]).toEqual({
      key: first?.key,
      sentence: first?.sentence,
      time: first?.couldNotPlace.returnTime,
    });
  });
});

describe('with bounds', () => {
  const options: GenerateOptions = {
    seed: 11,
    model: 'register',
    operations: 16_000,
    readRate: 0.1,
    processes: 10,
    keys: 4,
  };
  // Long enough that the search looks at its bounds before it is through.
  const long = generateHistory(options).map(writeJsonlLine).join('');
  const feed = { model: options.model, chunks: [50_000], delay: () => 0 };

  test('what was too hard in the background is decided at the end', async () => {
    const limits = { keyMemoryBytes: 1 };
    const live = await judgeLive(long, { ...feed, limits });
    expect(live.decidedBefore).toBe(0);
    expect(untimed(live.verdict)).toEqual(untimed(await judgeWhole(long, options.model)));
    expect(live.verdict.keys.valid).toBe(4);
  });

  test('more undecided operations than can be held are given up as unknown, and said so', async () => {
    const limits = { keyMemoryBytes: 1, operationsHeld: 16_100 };
    const { verdict } = await judgeLive(long, { ...feed, limits });
    expect(verdict.valid).toBe('unknown');
    expect(verdict.keys.unknown).toBeGreaterThan(0);
    expect(verdict.unknown.every(({ reason }) => reason === 'memory')).toBe(true);
    expect(verdict.operations).toBe((await judgeWhole(long, options.model)).operations);
  });

  test('it gives up a history whose keys never finish, rather than hold all of it', async () => {
    const judged = judgeLive(long, {
      ...feed,
      delay: () => undefined,
      limits: { operationsHeld: 99 },
    });
    await expect(judged).rejects.toThrow('more than 99 operations belong to keys');
  });

  test('a key that goes on after it was finished is noticed', () => {
    const lines = long.split('\n');
    const judge = new LiveJudge({
      model: defined(MODELS.get(options.model), ''),
      now: FOR_EVER.now,
    });
    const bytes = (from: number, to: number): Buffer =>
      Buffer.from(
        lines
          .slice(from, to)
          .map((line) => `${line}\n`)
          .join(''),
      );
    const begin = lines.findIndex((line) => line.includes('"type":"ok"')) + 1;
    judge.push(bytes(0, begin));
    // Every key so far, though clients go on with them.
    for (const key of ['k0', 'k1', 'k2', 'k3']) judge.finished(key, 0);
    const feedOn = (): void => {
      for (let i = begin; i < lines.length - 1; i++) {
        judge.push(bytes(i, i + 1));
        for (const _ of judge.decideFinished(1e15));
      }
    };
    expect(feedOn).toThrow(/key k\d was finished/);
  });
});
