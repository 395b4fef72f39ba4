import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { coloured } from './coloured.ts';
import { fakeOutput } from './testing/fake-terminal.ts';

const TEXT = [
  'operations  3 ok, 0 fail',
  'NOT LINEARIZABLE',
  `  model cas-register ${'· another word '.repeat(12)}`.trimEnd(),
  'PROVED NOTHING  enough-cas',
  `  ${'x'.repeat(100)}`,
  '',
].join('\n');

test('a pipe gets the text as it is', () => {
  expect(coloured(TEXT, fakeOutput())).toBe(TEXT);
});

test('a terminal gets lines of its width, no word is lost, and the verdict has its colour', () => {
  const said = coloured(TEXT, fakeOutput({ columns: 80 }));
  expect(said).toContain('\u001B[31mNOT LINEARIZABLE');
  expect(said.split('\u001B[').length).toBeGreaterThan(3);
  const plain = stripVTControlCharacters(said);
  const lines = plain.split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([`  ${'x'.repeat(100)}`]);
  expect(plain.split(/\s+/)).toEqual(TEXT.split(/\s+/));
  // What follows a broken line is indented below it.
  const from = lines.findIndex((line) => line.startsWith('  model'));
  expect(lines[from + 1]).toMatch(/^ {4}\S/);
});

test('a terminal without colours gets none (as NO_COLOR makes it)', () => {
  expect(coloured(TEXT, fakeOutput({ columns: 80, colourDepth: 1 }))).not.toContain('\u001B');
});
