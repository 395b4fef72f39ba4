import { mkdtempDisposable, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeDirectories } from './make-directories.ts';

test('directories are made as deep as is asked for, whoever else makes them', async () => {
  await using here = await mkdtempDisposable(join(tmpdir(), 'gong-'));
  const deep = join(here.path, 'a', 'b', 'c');
  await Promise.all([makeDirectories(deep), makeDirectories(join(here.path, 'a', 'b', 'd'))]);
  await makeDirectories(deep);
  expect((await stat(deep)).isDirectory()).toBe(true);
});

test('a parent that somebody else makes at the same moment is no error', async () => {
  await using here = await mkdtempDisposable(join(tmpdir(), 'gong-'));
  for (let round = 0; round < 100; round++) {
    const deep = join(here.path, String(round), 'a', 'b');
    const makers = ['c', 'd', 'e', 'f'].map((name) => makeDirectories(join(deep, name)));
    await Promise.all(makers);
  }
});

test('a file where a directory is to be is an error', async () => {
  await using here = await mkdtempDisposable(join(tmpdir(), 'gong-'));
  const file = join(here.path, 'file');
  await writeFile(file, '');
  await expect(makeDirectories(file)).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeDirectories(join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(process.platform === 'linux')(
  'where nothing can be made although it is a directory, that is said',
  async () => {
    await expect(makeDirectories('/proc/gong/x')).rejects.toMatchObject({ code: 'ENOENT' });
  },
);
