import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HistoryEvent, writeJsonlLine } from '../../checker/index.ts';
import { writeOpsCsv } from './ops-csv.ts';
import { sampleRun } from './testing/sample-run.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gong-ops-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function csvOf(text: string): Promise<{ lines: string[]; problem: string | undefined }> {
  const history = join(directory, 'history.jsonl');
  const path = join(directory, 'ops.csv');
  writeFileSync(history, text);
  const problem = await writeOpsCsv(history, path);
  return { lines: readFileSync(path, 'utf8').trimEnd().split('\n'), problem };
}

test('every operation is a row, by completion; those without one come last', async () => {
  using run = await sampleRun();
  const { lines, problem } = await csvOf(readFileSync(run.paths.history, 'utf8'));
  expect(problem).toBeUndefined();
  expect(lines).toEqual([
    'line,process,f,key,asked,answered,outcome,applied,node,served_by,term,intended_ns,invoke_ns,complete_ns,latency_ns,error',
    '1,0,write,k1,1,1,ok,,n2,n2,1,900000000,1000000000,1100000000,200000000,',
    '4,0,write,k1,2,2,ok,,n2,n2,2,3000000000,3000000000,3100000000,100000000,',
    '6,1,read,k1,null,2,ok,,n1,n1,1,5000000000,5000000000,5100000000,100000000,',
    `8,2,cas,k2,"[1,2]",,info,,n3,,,6000000000,6000000000,7000000000,1000000000,'=late`,
    '10,3,read,k2,null,,fail,,n3,,,7500000000,7500000000,7600000000,100000000,no leader',
    '13,4,write,k1,3,,,,n2,,,9000000000,9000000000,,,',
  ]);
});

const events = (list: readonly Omit<HistoryEvent, 'index'>[]): string =>
  list.map((event, index) => writeJsonlLine({ index, ...event })).join('');

test('a spreadsheet finds no formula in what a store answered or a key is called', async () => {
  const formula = '=HYPERLINK("http://x")';
  const operation = { process: 0, f: 'read', key: formula, node: '@n1' };
  const { lines } = await csvOf(
    events([
      { time: 1, type: 'invoke', ...operation, value: null },
      { time: 2, type: 'ok', ...operation, value: formula, servedBy: '+n2' },
      { time: 3, type: 'invoke', process: 0, f: 'write', key: '-k', value: -5 },
      { time: 4, type: 'ok', process: 0, f: 'write', key: '-k', value: -5, applied: false },
    ]),
  );
  expect(lines[1]).toBe(
    `1,0,read,"'=HYPERLINK(""http://x"")",null,"""=HYPERLINK(\\""http://x\\"")""",ok,,'@n1,'+n2,,1,1,2,1,`,
  );
  expect(lines[2]).toBe(`3,0,write,'-k,-5,-5,ok,false,,,,3,3,4,1,`);
});

test('a history of many chunks gives each operation once, and nothing is left beside the file', async () => {
  const list: Omit<HistoryEvent, 'index'>[] = [];
  const count = 20_000;
  for (let i = 0; i < count; i++) {
    const operation = { process: i % 7, f: 'write', key: `k${i % 100}`, value: i };
    list.push({ time: 2 * i, type: 'invoke', ...operation });
    list.push({ time: 2 * i + 1, type: 'ok', ...operation });
  }
  const { lines } = await csvOf(events(list));
  expect(lines).toHaveLength(count + 1);
  expect(new Set(lines.slice(1).map((line) => line.split(',')[4])).size).toBe(count);
  expect(readdirSync(directory).toSorted()).toEqual(['history.jsonl', 'ops.csv']);
});

test('a torn last line is left out; a broken one ends the file, and that is said', async () => {
  const whole = events([
    { time: 1, type: 'invoke', process: 0, f: 'write', value: 1 },
    { time: 2, type: 'ok', process: 0, f: 'write', value: 1 },
  ]);
  const torn = await csvOf(`${whole}{"index":2,"ti`);
  expect(torn.lines).toHaveLength(2);
  expect(torn.problem).toBeUndefined();
  const broken = await csvOf(`${whole}{"index":2,"ti\n${whole}`);
  expect(broken.lines).toHaveLength(2);
  expect(broken.problem).toMatch(/^history\.jsonl, line 3: /);
});
