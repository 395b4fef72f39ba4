import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openVolatileDirectory } from '../defects/process/volatile-disk.ts';
import { openDirectory } from './files.ts';

let root = '';
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'gong-files-'));
});
afterAll(() => fs.rmSync(root, { recursive: true }));

test.each([
  ['a directory', openDirectory],
  ['one that keeps unsynced bytes in memory', openVolatileDirectory],
])(
  '%s: what is appended after a rename goes to the file that has the name now',
  async (name, open) => {
    const directory = path.join(root, name);
    fs.mkdirSync(directory);
    const disk = open(directory);
    disk.append('log', Buffer.from('old'));
    await disk.sync('log');
    disk.append('log', Buffer.from(', never synced'));
    disk.append('new', Buffer.from('new'));
    await disk.sync('new');
    await disk.rename('new', 'log');
    disk.append('log', Buffer.from(', and more'));
    await disk.sync('log');
    expect(fs.readFileSync(path.join(directory, 'log'), 'utf8')).toBe('new, and more');
    disk.append('log', Buffer.from(', never synced'));
    await disk.remove('log');
    disk.append('log', Buffer.from('a third'));
    await disk.sync('log');
    expect(fs.readFileSync(path.join(directory, 'log'), 'utf8')).toBe('a third');
  },
);

test.each([
  ['zeros in a directory', openDirectory],
  ['zeros in one that keeps unsynced bytes in memory', openVolatileDirectory],
])(
  '%s: an append takes their place, also after a rename, and goes on behind them',
  async (name, open) => {
    const directory = path.join(root, name);
    fs.mkdirSync(directory);
    const disk = open(directory);
    await disk.allocate('spare', 100_000);
    await disk.allocate('spare', 4);
    expect(fs.readFileSync(path.join(directory, 'spare'))).toEqual(Buffer.alloc(100_004));
    await disk.rename('spare', 'log');
    disk.append('log', Buffer.from('ab'));
    disk.append('log', Buffer.from('cd'));
    await disk.sync('log');
    const expected = Buffer.alloc(100_004);
    expected.write('abcd');
    expect(fs.readFileSync(path.join(directory, 'log'))).toEqual(expected);
    disk.append('log', Buffer.alloc(100_010, 'x'));
    await disk.sync('log');
    expect(fs.statSync(path.join(directory, 'log')).size).toBe(100_014);
    // Whoever opens it anew cannot tell zeros from what was appended.
    const again = open(directory);
    again.append('log', Buffer.from('end'));
    await again.sync('log');
    expect(fs.readFileSync(path.join(directory, 'log')).subarray(-4).toString()).toBe('xend');
  },
);
