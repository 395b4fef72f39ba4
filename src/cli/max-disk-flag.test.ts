import { expect, test } from 'vitest';
import { maxDiskFlag } from './max-disk-flag.ts';

test('a disk budget is a size, and no less than any run needs', () => {
  expect(maxDiskFlag('2GiB')).toBe(2 * 1024 ** 3);
  expect(maxDiskFlag('8MiB')).toBe(8 * 1024 ** 2);
  const refused = (text: string): unknown => {
    try {
      return maxDiskFlag(text);
    } catch (error) {
      return error;
    }
  };
  expect(refused('7MiB')).toMatchObject({ kind: 'usage', code: 'GONG-E111' });
  expect(refused('lots')).toMatchObject({ kind: 'usage', code: 'GONG-E062' });
});
