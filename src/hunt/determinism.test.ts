import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { nodeId } from '../raft/core/types.ts';
import { Trace } from '../sim/trace.ts';
import { digestOf, drawScenario, runSeed } from './index.ts';
import { nodesOf } from './scenario.ts';
import { tracedOnThread } from './testing/traced-on-thread.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Everything that a simulated run consists of. */
const SIMULATED = [
  'src/sim',
  'src/hunt',
  'src/raft/core',
  'src/raft/kv',
  'src/raft/driver',
  'src/raft/defects',
  'src/harness/interpreter',
  'src/generator',
  'src/lib',
  'workloads',
  'nemesis',
];

/** Around the runs, not in them: threads, files, budgets of wall time. */
const SHELL = [
  'src/hunt/corpus.ts',
  'src/hunt/defect-hunt.ts',
  'src/hunt/hunt.ts',
  'src/hunt/pool.ts',
  'src/hunt/pool-thread.ts',
  'src/hunt/pool-work.ts',
  'src/hunt/run-seed.ts',
  'src/hunt/scenario-file.ts',
];

const BANS: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /\bDate\b\s*[.(]|\bnew Date\b/, why: 'reads the wall clock' },
  { pattern: /\bperformance\b|\bhrtime\b|\bcpuUsage\b|CpuUsage\b/, why: 'reads a clock' },
  { pattern: /\bMath\.random\b|\brandomUUID\b|\bcrypto\b/, why: 'draws global randomness' },
  {
    pattern: /\bset(Timeout|Interval|Immediate)\b|\bnextTick\b|\bAbortSignal\.timeout\b/,
    why: 'starts a real timer',
  },
  { pattern: /from 'node:|import\('node:|\bprocess\./, why: 'looks at the machine' },
  {
    pattern: /\bfor\s*\(\s*(const|let|var)\s+\w+\s+in\b/,
    why: 'iterates over names of properties',
  },
  {
    pattern: /\bWeak(Ref|Map|Set)\b|\bFinalizationRegistry\b/,
    why: 'may see what the garbage collector did',
  },
  { pattern: /\bPromise\.any\b/, why: 'depends on what comes first' },
  { pattern: /\blocaleCompare\b|\btoLocale\w+\b|\bIntl\b/, why: 'depends on the locale' },
  { pattern: /\b(SharedArrayBuffer|Atomics|Worker)\b/, why: 'shares something with other threads' },
  { pattern: /\bhash(Code)?Of\(this\)|\bSymbol\(\)/, why: 'depends on the identity of objects' },
];

/** A race between promises of the simulation itself is decided by its events alone. */
const RACES = new Set(['src/harness/interpreter/interpreter.ts']);

function unsafe(path: string, source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const found = BANS.filter(({ pattern }) => pattern.test(code)).map(({ why }) => `${path} ${why}`);
  if (/\bPromise\.race\b/.test(code) && !RACES.has(path)) found.push(`${path} has a race`);
  return found;
}

const files = SIMULATED.flatMap((room) =>
  readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
    .filter(
      (file) =>
        file.endsWith('.ts') && !/\.test\.ts$|(^|\/)(testing|testdata|process)\//.test(file),
    )
    .map((file) => `${room}/${file}`),
).filter((file) => !SHELL.includes(file));

test('no part of a simulated run could see a clock, chance, the machine, or an order of no meaning', () => {
  const found = files.flatMap((file) => unsafe(file, readFileSync(join(ROOT, file), 'utf8')));
  expect(found).toEqual([]);
  expect(files.length).toBeGreaterThan(100);
});

test.each<[string, string]>([
  ['the wall clock', 'const t = new Date();'],
  ['a monotonic clock', 'const t = performance.now();'],
  ['global randomness', 'const r = Math.random();'],
  ['a timer', 'setImmediate(next);'],
  ['a time limit', 'AbortSignal.timeout(5)'],
  ['files', "import fs from 'node:fs';"],
  ['names of properties', 'for (const key in record) use(key);'],
  ['the garbage collector', 'new WeakRef(node)'],
  ['a race', 'await Promise.race([a, b]);'],
  ['the locale', 'names.sort((a, b) => a.localeCompare(b))'],
])('what sees %s is found', (_, source) => {
  expect(unsafe('src/sim/x.ts', source)).toHaveLength(1);
  expect(unsafe('src/sim/x.ts', `// ${source}`)).toEqual([]);
});

test('a seed run again does the same, event by event; the order in which seeds run changes nothing', async () => {
  const constraints = { simTimeNs: 4 * SECOND };
  const seeds = ['11', '12', '13', '14'];
  const runs = [];
  for (const seed of [...seeds, ...seeds.toReversed()]) {
    const trace: string[] = [];
    const { history, events, simulatedNs, violation, coverage } = await runSeed(seed, constraints, {
      observe: (sim) => [
        new Trace({
          nodes: nodesOf(drawScenario(seed, constraints)).map(nodeId),
          level: 'full',
          now: () => sim.now(),
          sink: (line) => void trace.push(line),
        }),
      ],
    });
    const digest = digestOf(history, events);
    expect(trace.length).toBeGreaterThan(100);
    runs.push({ seed, digest, events, simulatedNs, violation, coverage, trace });
  }
  expect(runs.toReversed()).toEqual(runs);
  expect(new Set(runs.map(({ digest }) => digest)).size).toBe(seeds.length);
});

const TRACED = { seed: '5', constraints: { simTimeNs: 40 * SECOND } };

async function traceOf(breathe?: () => Promise<void>): Promise<string> {
  const lines: string[] = [];
  const traces: Trace[] = [];
  const { violation } = await runSeed(TRACED.seed, TRACED.constraints, {
    breathe,
    observe: (sim) => {
      const nodes = nodesOf(drawScenario(TRACED.seed, TRACED.constraints)).map(nodeId);
      const sink = (line: string): void => void lines.push(line);
      traces.push(new Trace({ nodes, level: 'full', now: () => sim.now(), sink }));
      return traces;
    },
  });
  for (const trace of traces) trace.ended(violation);
  return lines.map((line) => `${line}\n`).join('');
}

test('a run that lets others have the thread now and then is the same run', async () => {
  let breaths = 0;
  const breathing = await traceOf(async () => {
    breaths += 1;
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
  expect(breaths).toBeGreaterThan(1);
  expect(breathing).toBe(await traceOf());
});

test('a run ends at once where its breath says so', async () => {
  const reason = new Error('enough');
  await expect(traceOf(() => Promise.reject(reason))).rejects.toBe(reason);
});

test('a seed gives the same trace on two other threads at once as on this one', async () => {
  const here = await traceOf();
  expect(here.length).toBeGreaterThan(100_000);
  const { seed, constraints } = TRACED;
  const there = await Promise.all([1, 2].map(() => tracedOnThread(seed, constraints)));
  expect(there.map((trace) => trace === here)).toEqual([true, true]);
});
