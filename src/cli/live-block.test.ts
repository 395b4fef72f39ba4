import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Progress } from '../harness/progress.ts';
import { bar, LiveBlock } from './live-block.ts';
import { makeRunView, progressLines } from './run-view.ts';
import { FakeTerminal } from './testing/fake-terminal.ts';

const PROGRESS = {
  elapsedNs: 12e9,
  totalNs: 30e9,
  okPerSecond: 2431,
  p50Ns: 3.1e6,
  p99Ns: 12e6,
  counts: { ok: 29_172, fail: 12, info: 3 },
  activeFault: { kind: 'partition', shape: 'leader-minority', victims: ['n1', 'n5'] },
  leader: 'n2',
  term: 3,
} as unknown as Progress;

test('a block is drawn again in its place; messages stay above it; in the end nothing of it is left', () => {
  const terminal = new FakeTerminal(40);
  const view = makeRunView(terminal);
  view.say('the plan\n');
  view.stage('settle');
  expect(terminal.shown).toBe('the plan\n  waiting for the cluster to settle');
  view.progress(PROGRESS);
  view.say('interrupted: healing\n');
  expect(terminal.shown.split('\n').slice(0, 2)).toEqual(['the plan', 'interrupted: healing']);
  expect(terminal.shown).toContain('2431 ok/s   p50 3.10 ms   p99 12.0 ms');
  view.stage('judge');
  expect(terminal.shown).toBe(
    'the plan\ninterrupted: healing\n  judging what is left of the history',
  );
  view.close();
  expect(terminal.shown).toBe('the plan\ninterrupted: healing');
  expect(terminal.cursor).toEqual({ row: 2, column: 0 });
  view.progress(PROGRESS);
  view.stage('report');
  view.say('exit 0\n');
  expect(terminal.shown).toBe('the plan\ninterrupted: healing\nexit 0');
});

test('the cursor stands at the beginning of a line below the block, and is never hidden', () => {
  const terminal = new FakeTerminal(60);
  const view = makeRunView(terminal);
  view.progress(PROGRESS);
  expect(terminal.cursor).toEqual({ row: 4, column: 0 });
  terminal.write('^C\n');
  view.progress({ ...PROGRESS, elapsedNs: 13e9 });
  expect(terminal.written).not.toContain('\u001B[?25');
  expect(terminal.shown).toContain('13 of 30 s');
});

test('whatever the width and whatever is drawn, only the last block is on the screen', () => {
  const line = fc
    .string({ unit: 'grapheme', maxLength: 120 })
    .map((text) => text.replaceAll('\n', ' '));
  const steps = fc.array(
    fc.record({ lines: fc.array(line, { maxLength: 5 }), say: fc.boolean() }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 100 }), steps, (columns, list) => {
      const terminal = new FakeTerminal(columns);
      const block = new LiveBlock(terminal);
      let said = 0;
      for (const { lines, say } of list) {
        if (say) {
          block.say('m\n');
          said++;
        }
        block.draw(lines);
        expect(terminal.cursor).toEqual({ row: said + lines.length, column: 0 });
      }
      block.erase();
      expect(terminal.shown).toBe('m\n'.repeat(said).trimEnd());
    }),
  );
});

test('a terminal that became narrower shows a line in several rows, and all of them go', () => {
  const terminal = new FakeTerminal(40);
  const block = new LiveBlock(terminal);
  block.draw(['x'.repeat(30), 'y']);
  terminal.columns = 10;
  terminal.written = '';
  block.erase();
  expect(terminal.written).toBe('\u001B[4A\r\u001B[J');
});

test('names cannot bring escape sequences or wide characters into the block', () => {
  const terminal = new FakeTerminal(40);
  new LiveBlock(terminal).draw(['a\u001B[31mb\t\u4E2D\u0301']);
  expect(terminal.shown).toBe('a?[31mb???');
});

test('the block fits into 80 columns: elapsed, rate, quantiles, counts, leader, term, fault', () => {
  const lines = progressLines(PROGRESS);
  expect(lines).toEqual([
    `  ${bar(0.4, 24)}  12 of 30 s`,
    '  2431 ok/s   p50 3.10 ms   p99 12.0 ms',
    '  ok 29172   fail 12   info 3',
    '  leader n2   term 3   fault partition:leader-minority on n1, n5',
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80);
  const leaderless = progressLines({ ...PROGRESS, leader: undefined, term: 0 });
  expect(leaderless[3]).toBe('  fault partition:leader-minority on n1, n5');
  const silent = progressLines({ ...PROGRESS, okPerSecond: 0, p50Ns: 0, p99Ns: 0 });
  expect(silent[1]).toBe('  0 ok/s   nothing succeeds');
});

test('a bar is never shorter or longer than it should be', () => {
  expect(bar(0, 4)).toBe('░░░░');
  expect(bar(0.5, 4)).toBe('██░░');
  expect(bar(3, 4)).toBe('████');
});

test('where there is no terminal, progress is plain lines without a single escape sequence', () => {
  let written = '';
  const view = makeRunView({
    isTTY: false,
    write: (text: string) => (written += text),
  });
  view.say('the plan\n');
  view.stage('up');
  view.progress(PROGRESS);
  view.stage('judge');
  view.close();
  expect(written.split('\n')).toEqual([
    'the plan',
    '12 s/30 s  2431 ok/s  p50 3.10 ms  p99 12.0 ms  ok 29172  fail 12  info 3  leader n2  term 3  fault partition:leader-minority on n1, n5',
    'judging what is left of the history',
    '',
  ]);
});
