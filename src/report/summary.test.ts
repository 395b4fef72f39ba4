import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { githubAnnotations } from './annotations.ts';
import { fenced, plain, table } from './markdown.ts';
import { readRunRecord, type RunRecord } from './record.ts';
import { summaryMarkdown } from './summary.ts';
import { NASTY, type SampleParts, sampleRun } from './testing/sample-run.ts';

async function recordOf(parts: SampleParts): Promise<RunRecord> {
  using run = await sampleRun(parts);
  return await readRunRecord(run.paths.root);
}

const THRESHOLDS = [
  {
    text: 'p99(read) < 50ms',
    value: 6e7,
    shown: 'p99(read) 60.0 ms',
    limit: 5e7,
    unit: 'ns',
    kept: false,
  },
];

test('the summary of a failed run, whole', async () => {
  const record = await recordOf({
    isStale: true,
    gateFailures: [{ gate: 'enough-cas', sentence: 'expected 5 ok operations of cas, saw 0' }],
    thresholds: THRESHOLDS,
  });
  await expect(summaryMarkdown(record)).toMatchFileSnapshot(
    join(import.meta.dirname, 'testdata/summary.md.golden'),
  );
});

test('the golden summary is aligned for a terminal of 100 columns, but for sentences', () => {
  const lines = readFileSync(join(import.meta.dirname, 'testdata/summary.md.golden'), 'utf8').split(
    '\n',
  );
  const rows = lines.filter((line) => line.startsWith('|'));
  expect(rows.length).toBeGreaterThan(3);
  expect(new Set(rows.map((row) => row.length)).size).toBe(1);
  expect(rows[0]?.length).toBeLessThan(100);
});

test('nothing from a history is Markdown, HTML or a terminal sequence', async () => {
  const summary = summaryMarkdown(
    await recordOf({ isStale: true, key: NASTY, gateFailures: [{ gate: 'g', sentence: NASTY }] }),
  );
  // Outside of code blocks, where nothing but the fence means anything.
  const prose = summary.replaceAll(/^(`{3,})[a-z]*\n[\s\S]*?\n\1$/gm, '');
  expect(prose).not.toMatch(/(?<!\\)<b>/);
  expect(prose).toContain(String.raw`\|\``);
  // oxlint-disable-next-line no-control-regex -- what a terminal obeys
  expect(summary).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u202E]/);
  expect(summary).not.toMatch(/^::error/m);
});

test.each([
  ['a|b', String.raw`a\|b`],
  ['`x` *y* [z](u)', String.raw`\`x\` \*y\* \[z\](u)`],
  ['<img src=x> & co', String.raw`\<img src=x> & co`],
  ['</b> &lt; &#60;', String.raw`\</b> \&lt; \&#60;`],
  ['p99(read) < 50ms', 'p99(read) < 50ms'],
  ['a_b _c_', String.raw`a_b \_c\_`],
  ['one\r\ntwo\u001B[2J', 'one two\uFFFD\\[2J'],
])('%j is written %j', (text, written) => {
  expect(plain(text)).toBe(written);
});

test('a fence is longer than any inside', () => {
  const [open, , close] = fenced(['a ````` b']);
  expect(open).toBe('``````text');
  expect(close).toBe('``````');
});

test('a pipe in a cell does not make another column', () => {
  const rows = table(['a', 'b'], [['x|y', '1']]);
  expect(rows.at(-1)?.split(/(?<!\\)\|/)).toHaveLength(4);
});

test('however broken the store and however long its keys, the page stays far below 1 MiB', async () => {
  const record = await recordOf({ isStale: true, key: 'x'.repeat(1_000_000) });
  const { verdict, faults } = record;
  if (verdict === undefined) throw new Error('the sample has a verdict');
  const times = <T>(n: number, list: readonly T[]): T[] =>
    Array.from({ length: n }, () => list).flat();
  const long = 'y'.repeat(100_000);
  const summary = summaryMarkdown({
    ...record,
    verdict: {
      ...verdict,
      failures: times(100, verdict.failures),
      unknown: times(5_000, [{ key: long, reason: 'time', operations: 1 }]),
      keys: { total: 1e6, valid: 0, invalid: 1e6, unknown: 5_000 },
    },
    faults: times(5_000, faults),
    gateFailures: times(1_000, [{ gate: long, sentence: long }]),
  });
  expect(Buffer.byteLength(summary)).toBeLessThan(300_000);
  expect(summary).toContain('more keys that failed');
  expect(summary).toContain('… and 4900 more');
});

test('an annotation of a violation names key, operation, node and fault', async () => {
  const [first, ...others] = githubAnnotations(await recordOf({ isStale: true }));
  expect(first).toMatch(/^::error title=Not linearizable%3A key k1::read of key k1 [^\n]*\n$/);
  expect(first).toContain('%0Akey: k1%0Aoperation: read of k1 → 1, line 6');
  expect(first).toContain('%0Anode: n1%0Afault: during partition:leader-minority of n1, ');
  expect(others).toEqual([]);
});

test('a run that passed has no annotations', async () => {
  expect(githubAnnotations(await recordOf({}))).toEqual([]);
});

test('gates, thresholds, errors and what is undecided are annotated, and nothing gets out of its line', async () => {
  const record = await recordOf({
    key: NASTY,
    gateFailures: [{ gate: 'a:b,c', sentence: `100%\n${NASTY}` }],
    thresholds: THRESHOLDS,
    outcome: { exit: 75, errors: [{ code: 'GONG-E034', what: NASTY, why: 'because' }] },
  });
  const said = githubAnnotations(record);
  expect(said.map((line) => line.split('::')[1])).toEqual([
    'error title=GONG-E034',
    'error title=Proved nothing%3A a%3Ab%2Cc',
    'error title=Threshold broken',
  ]);
  for (const line of said) expect(line).toMatch(/^[^\r\n]*\n$/);
  expect(said[1]).toContain('100%25%0A');
});

test('of very many annotations the first ones are shown, and the others counted', async () => {
  const record = await recordOf({
    gateFailures: Array.from({ length: 30 }, (_, i) => ({ gate: `g${i}`, sentence: 's' })),
  });
  const said = githubAnnotations(record);
  expect(said).toHaveLength(10);
  expect(said.at(-1)).toContain('and 21 more');
});
