import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { exampleOf } from './testing/readme-example.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const LINES_MAX = 60;

test('the example in the README is short, and is the file that the compiler checks and the tests run', () => {
  const example = exampleOf(readFileSync(path.join(ROOT, 'README.md'), 'utf8'));
  expect(example).toBe(readFileSync(path.join(ROOT, 'src/targets/testdata/my-target.ts'), 'utf8'));
  expect(example.split('\n').length - 1).toBeLessThanOrEqual(LINES_MAX);
});
