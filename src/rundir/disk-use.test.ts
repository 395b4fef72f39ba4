import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskUse } from './disk-use.ts';

test('counts the bytes of all files below, follows no link, and forgives what is not there', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gong-disk-use-'));
  try {
    mkdirSync(join(root, 'a/logs'), { recursive: true });
    writeFileSync(join(root, 'a/history.jsonl'), 'x'.repeat(1_000));
    writeFileSync(join(root, 'a/logs/n1.log'), 'y'.repeat(234));
    writeFileSync(join(root, 'large'), 'z'.repeat(100_000));
    symlinkSync(join(root, 'large'), join(root, 'a/l'));
    const link = Buffer.byteLength(join(root, 'large'));
    expect(await diskUse([join(root, 'a'), join(root, 'gone')])).toBe(1_234 + link);
    expect(await diskUse([join(root, 'a/history.jsonl')])).toBe(1_000);
  } finally {
    rmSync(root, { recursive: true });
  }
});
