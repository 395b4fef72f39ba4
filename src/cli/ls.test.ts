import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import type { ListedRun } from '../report/index.ts';
import { listText } from './ls.ts';
import { fakeOutput } from './testing/fake-terminal.ts';

const RUN: ListedRun = {
  directory: 'results/run/20261121T082207Z-7',
  startedAt: '2026-11-21T08:22:07.123Z',
  valid: false,
  exit: 1,
  meaning: 'violation',
  workload: 'register',
  target: 'raft',
  nodes: 5,
  nemesis: 'partition,kill,pause,slow,reset',
  okPerSecond: 1234.5,
  p99Ns: 12e6,
  durationNs: 60e9,
  seed: '7',
};
const CRASHED: ListedRun = {
  directory: 'results/run/20261120T082207Z-1',
  startedAt: null,
  valid: null,
  exit: null,
  meaning: 'no end',
  workload: null,
  target: null,
  nodes: null,
  nemesis: null,
  okPerSecond: null,
  p99Ns: null,
  durationNs: null,
  seed: '\u001B[2J\n',
};

function shownIn(columns: number | undefined): readonly string[] {
  const stream = fakeOutput(columns === undefined ? undefined : { columns });
  return stripVTControlCharacters(listText([RUN, CRASHED], stream, 'results'))
    .trimEnd()
    .split('\n');
}

test('a pipe gets every column, however wide', () => {
  const [head, run, crashed] = shownIn(undefined);
  expect(head?.split(/ {2,}/)).toEqual(
    'started (UTC),verdict,exit,workload,target,nodes,nemesis,ok/s,p99,ran,seed,directory'.split(
      ',',
    ),
  );
  expect(run?.split(/ {2,}/)).toEqual([
    '2026-11-21 08:22:07',
    'INVALID',
    '1 violation',
    'register',
    'raft',
    '5',
    'partition,kill,pause,slow,reset',
    '1235',
    '12.0 ms',
    '60.0 s',
    '7',
    'results/run/20261121T082207Z-7',
  ]);
  expect(crashed).toContain('no end');
});

test('a terminal is kept to its width; verdict and directory are left to the last', () => {
  for (let columns = 12; columns < 200; columns++) {
    for (const line of shownIn(columns)) expect(line.length).toBeLessThanOrEqual(columns);
  }
  const [head, run] = shownIn(80);
  expect(head).toMatch(/^verdict +exit +.*nemesis +in results$/);
  expect(run).toMatch(/^INVALID .* run\/20261121T082207Z-7$/);
});

test('what files say cannot move the cursor', () => {
  // oxlint-disable-next-line no-control-regex -- control characters are what it is about
  expect(shownIn(undefined).join('')).not.toMatch(/[\u0000-\u001F]/);
});
