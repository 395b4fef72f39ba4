import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeJsonlLine, type HistoryEvent } from '../../checker/index.ts';
import { generateHistory, type GenerateOptions } from '../../checker/testing/generate.ts';
import { UserError } from '../lib/user-error.ts';
import { explain } from './explain.ts';
import { judgeFile, type JudgeOptions } from './judge.ts';
import { FAILURES_MAX } from './failure-selection.ts';
import { failuresInOrder, type JudgeVerdict } from './verdict.ts';

const KEPT = fileURLToPath(new URL('../../checker/testdata/', import.meta.url));
let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gong-judge-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
});

let files = 0;
async function file(text: string): Promise<string> {
  const path = join(directory, `${++files}.jsonl`);
  await writeFile(path, text);
  return path;
}

function text(events: readonly HistoryEvent[]): string {
  return events.map(writeJsonlLine).join('');
}

async function judge(events: string, options: JudgeOptions = {}): Promise<JudgeVerdict> {
  return (await judgeFile(await file(events), options)).verdict;
}

async function errorOf(events: string, options: JudgeOptions = {}): Promise<unknown> {
  return judge(events, options).catch((cause: unknown) => cause);
}

/** Eight keys of the same kind. */
const KEYS: GenerateOptions = {
  seed: 5,
  model: 'cas-register',
  operations: 800,
  processes: 8,
  keys: 8,
  isCasObserved: true,
};

/** Small values, many clients and crashes, a read of what was lost: hard to refute. */
const HARD: GenerateOptions = {
  seed: 11,
  model: 'cas-register',
  operations: 3_000,
  processes: 40,
  crashRate: 0.05,
  values: 5,
};

function withUnwrittenRead(events: readonly HistoryEvent[]): readonly HistoryEvent[] {
  // The last read returns a value that nobody wrote.
  const last = events.findLastIndex((event) => event.type === 'ok' && event.f === 'read');
  return events.map((event, i) => (i === last ? { ...event, value: 99 } : event));
}

test('a valid history: every key has a witness, and every witness was replayed', async () => {
  const { verdict, witnesses } = await judgeFile(await file(text(generateHistory(KEYS))));
  expect(verdict).toMatchObject({
    schema: 1,
    valid: true,
    model: 'cas-register',
    keys: { total: 8, valid: 8, invalid: 0, unknown: 0 },
    witnessesVerified: 8,
    torn: false,
    failures: [],
    unknown: [],
  });
  expect(new Set(witnesses.keys())).toEqual(
    new Set(['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']),
  );
  expect(explain(verdict)).toMatch(/^LINEARIZABLE\n/);
});

test('one stale read among many keys is named, with what it missed', async () => {
  const plant = { kind: 'stale-read', at: 0.7 } as const;
  const verdict = await judge(text(generateHistory({ ...KEYS, plant })));
  expect(verdict).toMatchObject({ valid: false, keys: { valid: 7, invalid: 1, unknown: 0 } });
  const [failure] = verdict.failures;
  expect(failure?.couldNotPlace.id).toBe(failure?.staleReads[0]?.read.id);
  expect(failure?.sentence).toMatch(
    /^read of key k\d by process \d+ at .* returned .*, but .* had been/,
  );
  const explained = explain(verdict);
  expect(explained).toMatch(/^NOT LINEARIZABLE\n/);
  expect(explained).toContain(failure?.sentence);
  expect(explained.split('\n').length).toBeLessThan(40);
  // JSON loses nothing: no Infinity, no undefined.
  expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
});

test('the key of the worst stale read is kept and explained first, however many keys failed', async () => {
  // Key after key the same violation; only in the last one the read comes late.
  const events = Array.from({ length: 120 }, (_, i): readonly HistoryEvent[] => {
    const late = i === 119 ? 5_000_000_000 : 0;
    return [
      ['write', 1],
      ['write', 2],
      ['read', 1],
    ].flatMap(([f, value], j): readonly HistoryEvent[] => {
      const index = 6 * i + 2 * j;
      const time = index * 1_000_000 + (f === 'read' ? late : 0);
      const event = { index, time, process: 0, f: String(f), key: `k${i}`, value: Number(value) };
      return [
        { ...event, type: 'invoke', value: f === 'read' ? null : event.value },
        { ...event, type: 'ok', index: index + 1 },
      ];
    });
  });
  const verdict = await judge(text(events.flat()));
  expect(verdict).toMatchObject({ keys: { invalid: 120 }, stale: { total: 120 } });
  expect(verdict.stale.worst?.read.key).toBe('k119');
  expect(verdict.failures).toHaveLength(FAILURES_MAX);
  expect(verdict.failures.slice(-2).map(({ key }) => key)).toEqual(['k98', 'k119']);
  const inOrder = failuresInOrder(verdict).map(({ key }) => key);
  expect(inOrder.slice(0, 3)).toEqual(['k119', 'k0', 'k1']);
  expect(new Set(inOrder).size).toBe(FAILURES_MAX);
  const explained = explain(verdict).split('\n');
  expect(explained.filter((line) => line.startsWith('read of key')).slice(0, 3)).toEqual([
    expect.stringContaining('of key k119 '),
    expect.stringContaining('of key k119 '),
    expect.stringContaining('of key k0 '),
  ]);
  expect(explained).toContain('… and 117 more keys that failed');
});

test('a key is one line of plain text for people, whatever it holds', async () => {
  const key = 'a\u001b[2Jb\nc\u202e\u0000';
  const steps = [['write', 'x'] as const, ['write', 2] as const, ['read', 'x'] as const];
  const events = steps.flatMap(([f, value], i): readonly HistoryEvent[] => {
    const event = { index: 2 * i, time: i, process: 0, f, key, value };
    return [
      { ...event, type: 'invoke', value: f === 'read' ? null : value },
      { ...event, type: 'ok', index: 2 * i + 1 },
    ];
  });
  const verdict = await judge(text(events));
  expect(verdict.failures[0]?.key).toBe(key);
  const explained = explain(verdict);
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  expect(explained).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  expect(explained).toContain('\nread of key a\\u001b[2Jb\\u000ac\\u202e\\u0000 by process 0 ');
});

test('one of a kind is told in the singular', async () => {
  const events = [
    { index: 0, time: 0, process: 0, type: 'invoke', f: 'write', value: 1 },
    { index: 1, time: 1, process: 0, type: 'ok', f: 'write', value: 1 },
    { index: 2, time: 2, process: 0, type: 'invoke', f: 'read', value: null },
    { index: 3, time: 3, process: 0, type: 'ok', f: 'read', value: null },
  ] as const;
  const one = explain(await judge(text(events.slice(0, 2)), { isVerified: false }));
  expect(one).toContain('· 1 operation completed, 0 with unknown outcome · 1 key: 1 valid');
  expect(one).toContain('· 1 witness not replayed');
  expect(explain(await judge(text(events)))).toContain('a legal order of 1 operation before it');
});

describe('a fault in force while the operation was under way is named', () => {
  const at = (index: number, rest: Partial<HistoryEvent>): HistoryEvent => ({
    index,
    time: index * 1_000_000,
    type: 'ok',
    process: 0,
    f: 'read',
    value: null,
    ...rest,
  });
  const nemesis = (index: number, f: string, value: HistoryEvent['value']): HistoryEvent =>
    at(index, { process: 'nemesis', type: 'info', f, value });
  const events = [
    nemesis(0, 'kill', { phase: 'start', fault: 1, shape: 'one', victims: ['n3'] }),
    nemesis(1, 'kill', { phase: 'heal', fault: 1 }),
    at(2, { type: 'invoke', f: 'write', value: 1 }),
    at(3, { f: 'write', value: 1 }),
    nemesis(4, 'partition', { phase: 'start', fault: 2, shape: 'one', victims: ['n1', 7] }),
    nemesis(5, 'clock', 'some other tool says: start'),
    nemesis(6, 'pause', { phase: 'heal', fault: 9 }),
    nemesis(7, 'pause', null),
    at(8, { type: 'invoke' }),
    at(9, {}),
    nemesis(10, 'partition', { phase: 'heal', fault: 2 }),
  ];

  test('and events of other shapes are passed over', async () => {
    const verdict = await judge(text(events));
    expect(verdict.failures[0]?.duringFaults).toEqual([
      {
        kind: 'partition',
        shape: 'one',
        victims: ['n1'],
        start: 4,
        heal: 10,
        startTime: 4_000_000,
        healTime: 10_000_000,
      },
    ]);
    expect(explain(verdict)).toContain('fault in force: partition:one of n1, 0.004 s to 0.010 s');
  });
});

describe('what a user can mend is an error that names file, line and the next step', () => {
  const good = text(generateHistory({ seed: 1, model: 'register', operations: 20, processes: 2 }));
  const lines = good.split('\n');

  test.each([
    ['a broken line', lines.with(6, '{"index":6,"time"').join('\n'), 'GONG-E102', ':7: '],
    ['a line left out', lines.toSpliced(2, 1).join('\n'), 'GONG-E103', ':3: index is 3'],
    [
      'a completion without an invocation',
      '{"index":0,"time":0,"type":"ok","process":0,"f":"read","value":1}\n',
      'GONG-E103',
      ':1: ok of read by process 0',
    ],
    [
      'a line of 10 MB',
      `${lines[0]}\n"${'x'.repeat(10_000_000)}"\n`,
      'GONG-E102',
      ':2: the line is',
    ],
    [
      'a cas that is no pair',
      '{"index":0,"time":0,"type":"invoke","process":0,"f":"cas","value":1}\n',
      'GONG-E104',
      ':1: cas has value 1, expected [from, to]',
    ],
    [
      'functions of no model',
      '{"index":0,"time":0,"type":"invoke","process":0,"f":"shove","value":1}\n',
      'GONG-E106',
      'no model knows shove',
    ],
  ])('%s', async (_, events, code, what) => {
    const error = await errorOf(events);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ kind: 'usage', code, message: expect.stringContaining(what) });
    expect(error).toMatchObject({ message: expect.stringContaining('.jsonl:') });
  });

  test('functions that no model knows: what was found, who knows what, and what can help', async () => {
    const invoke = (index: number, f: string): string =>
      `{"index":${index},"time":0,"type":"invoke","process":${index},"f":"${f}","value":1}\n`;
    const foreign = await errorOf(invoke(0, 'read') + invoke(1, 'shove'));
    expect(foreign).toMatchObject({
      code: 'GONG-E106',
      message: expect.stringMatching(/no model knows shove$/),
      why: expect.stringContaining(
        'functions found: read, shove; register knows read, write; ' +
          'cas-register knows read, write, cas; kv knows get, put, delete, cas, append',
      ),
      fix: expect.stringContaining('functions of one model'),
    });
    const mixed = await errorOf(invoke(0, 'read') + invoke(1, 'put'));
    expect(mixed).toMatchObject({
      message: expect.stringMatching(/no model knows all of read, put$/),
      fix: expect.stringContaining('judge each kind of object by itself'),
    });
    // Naming a model is no way out, and is not advised.
    const named = await errorOf(invoke(0, 'shove'), { model: 'kv' });
    expect(named).toMatchObject({ code: 'GONG-E104' });
    expect(foreign).not.toMatchObject({ fix: expect.stringContaining('--model') });
  });

  test('a file that is not there, a model that there is not', async () => {
    const absent = join(directory, 'absent.jsonl');
    await expect(judgeFile(absent)).rejects.toMatchObject({ code: 'GONG-E101' });
    expect(await errorOf(good, { model: 'regster' })).toMatchObject({
      code: 'GONG-E105',
      why: expect.stringContaining('register, cas-register, kv'),
    });
  });

  test('a torn last line is none', async () => {
    const whole = await judge(good);
    const torn = await judge(good.slice(0, -20));
    expect(whole.torn).toBe(false);
    expect(torn).toMatchObject({ valid: true, torn: true });
    expect(torn.operations + torn.failed).toBe(whole.operations + whole.failed);
  });
});

test('an empty history is no error, and proves nothing', async () => {
  const verdict = await judge('');
  expect(verdict).toMatchObject({ valid: true, operations: 0, completed: 0, keys: { total: 0 } });
  expect(explain(verdict)).toMatch(/^NOTHING PROVED/);
});

describe('what a budget or an interruption leaves open is unknown, never valid', () => {
  const hard = text(generateHistory({ ...HARD, plant: { kind: 'lost-write', at: 0.5 } }));

  test('time', async () => {
    let time = 0;
    const verdict = await judge(hard, { budgetNs: 1_000, now: () => (time += 400) });
    expect(verdict).toMatchObject({ valid: 'unknown', unknown: [{ key: null, reason: 'time' }] });
    expect(explain(verdict)).toContain('not decided (the time budget ran out): (no key)');
    const [open] = verdict.unknown;
    expect(open?.completions).toBe(verdict.completed);
    expect(open?.completionsProven).toBeLessThan(verdict.completed);
    expect(verdict.engines).toEqual({ [open?.engine ?? '']: 1 });
    expect(explain(verdict)).toContain(
      `  (no key): ${open?.engine} proved the first ${open?.completionsProven} of ` +
        `${verdict.completed} completions linearizable`,
    );
  });

  test('memory', async () => {
    const verdict = await judge(hard, { memoryBytesMax: 10_000 });
    expect(verdict).toMatchObject({ valid: 'unknown', unknown: [{ key: null, reason: 'memory' }] });
  });

  test('interruption', async () => {
    const controller = new AbortController();
    const verdict = await judge(text(generateHistory(KEYS)), {
      signal: controller.signal,
      onProgress: ({ keysDecided }) => {
        if (keysDecided === 3) controller.abort();
      },
    });
    expect(verdict).toMatchObject({ valid: 'unknown', keys: { total: 8, valid: 3, unknown: 5 } });
    expect(verdict.unknown[0]?.reason).toBe('interrupted');
  });

  test('interruption while it is read', async () => {
    const path = await file(text(generateHistory(KEYS)));
    const cut = await judgeFile(path, { signal: AbortSignal.abort() });
    expect(cut).toMatchObject({ isWhole: false, verdict: { valid: 'unknown', torn: false } });
    expect(await judgeFile(path)).toMatchObject({ isWhole: true, verdict: { valid: true } });
  });

  test('but a violation is not masked by it', async () => {
    // A value that nobody wrote refutes its key before anything else is looked at.
    const events = withUnwrittenRead(generateHistory(KEYS));
    const controller = new AbortController();
    const verdict = await judge(text(events), {
      signal: controller.signal,
      onProgress: ({ keysInvalid }) => {
        if (keysInvalid > 0) controller.abort();
      },
    });
    expect(verdict.valid).toBe(false);
    expect(verdict.keys.invalid).toBe(1);
    expect(verdict.keys.valid + verdict.keys.unknown).toBe(7);
  });
});

test('the model is guessed from the functions that occur', async () => {
  const guesses = ['register-valid', 'cas-register-valid', 'kv-valid'].map(async (name) => {
    const { verdict } = await judgeFile(`${KEPT}${name}.jsonl`);
    return verdict.model;
  });
  expect(await Promise.all(guesses)).toEqual(['register', 'cas-register', 'kv']);
});
