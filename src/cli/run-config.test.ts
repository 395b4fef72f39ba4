import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readRunConfig, type RunFlags } from './run-config.ts';

const FLAGS: RunFlags = {
  target: 'raft',
  cluster: 'local',
  workload: 'register',
  duration: '30s',
  concurrency: '10',
  operationTimeout: '1.5s',
  keyOps: '200',
  nemesis: 'none',
  nemesisInterval: '5s',
  hookTimeout: '30s',
  threshold: [],
  readFrom: 'any',
  set: [],
  seed: '7',
  budget: '60s,2GiB',
  resultsDir: 'results',
};

const read = (change: Partial<RunFlags>) => readRunConfig({ ...FLAGS, ...change });

function fileOf(name: string, text: string): string {
  const place = mkdtempSync(path.join(tmpdir(), 'gong-run-config-'));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  writeFileSync(path.join(place, name), text);
  return path.join(place, name);
}

const MEMBERS = `functions: ['read', 'write', 'cas'], promises: () => ({ consistency: 'linearizable' }),
  probe: async () => ({}), connect: () => ({}), launch: () => ({ command: 'x' })`;

describe('spare nodes', () => {
  test('run where members are to change, and else where somebody asks for them', async () => {
    expect(await read({})).toMatchObject({ nodes: 5, spares: 0 });
    expect(await read({ nemesis: 'kill' })).toMatchObject({ spares: 0 });
    expect(await read({ nemesis: 'kill,membership:add' })).toMatchObject({ spares: 2 });
    expect(await read({ nemesis: 'membership', spares: '1' })).toMatchObject({ spares: 1 });
    expect(await read({ spares: '3' })).toMatchObject({ spares: 3 });
  });

  test('are counted among those that a schedule may name, when it changes members', async () => {
    const kill = { kind: 'kill', shape: 'one', at: '2s', duration: '2s', nodes: ['n6'] };
    const value = { changes: [['n1', 'n2', 'n3', 'n4', 'n5', 'n6']] };
    const add = { ...kill, kind: 'membership', shape: 'add', at: '8s', value };
    const schedule = (...faults: readonly object[]): string =>
      fileOf('faults.json', JSON.stringify({ schema: 1, faults }));
    expect(await read({ schedule: schedule(kill, add) })).toMatchObject({ spares: 2 });
    await expect(read({ schedule: schedule(kill) })).rejects.toMatchObject({ code: 'GONG-E125' });
  });

  test('are too few for a shape that adds more: that is told with how many it needs', async () => {
    await expect(read({ nemesis: 'membership:add', spares: '0' })).rejects.toMatchObject({
      code: 'GONG-E024',
      fix: 'pass --spares 1, or leave membership:add out',
    });
    const words = await read({ nemesis: 'membership', spares: '0', duration: '60s' });
    const shapes = new Set(words.plan.map(({ shape }) => shape));
    expect([...shapes].toSorted()).toEqual(['remove', 'remove-leader']);
  });

  test('need clients of their own, as every node does under faults', async () => {
    await expect(read({ nemesis: 'membership', concurrency: '6' })).rejects.toMatchObject({
      code: 'GONG-E064',
      message: expect.stringContaining('7 nodes') as unknown,
    });
  });

  test('are refused where members cannot be changed, as the nemesis is', async () => {
    const target = fileOf('mine.mjs', `export const target = { ${MEMBERS} };`);
    const mine = { target, nodes: '3' };
    await expect(read({ ...mine, spares: '2' })).rejects.toMatchObject({ code: 'GONG-E165' });
    for (const nemesis of ['membership', 'transfer']) {
      await expect(read({ ...mine, nemesis })).rejects.toMatchObject({
        code: 'GONG-E024',
        fix: expect.stringContaining('a target that Gong starts and that says how') as unknown,
      });
    }
    const endpoints = 'http://127.0.0.1:1,http://127.0.0.1:2,http://127.0.0.1:3';
    await expect(read({ endpoints, spares: '1' })).rejects.toMatchObject({ code: 'GONG-E165' });
    await expect(read({ endpoints, nemesis: 'transfer' })).rejects.toMatchObject({
      code: 'GONG-E024',
    });
  });

  test('serve a target file that says how its members change', async () => {
    const admin = 'admin: { members: async () => undefined, changeMembers: async () => ({}) }';
    const target = fileOf('mine.mjs', `export const target = { ${MEMBERS}, ${admin} };`);
    expect(await read({ target, nodes: '3', nemesis: 'membership:add' })).toMatchObject({
      spares: 2,
    });
  });
});

describe('--read-from', () => {
  test('takes its three words, of a target that has a leader', async () => {
    for (const readFrom of ['any', 'leader', 'follower']) {
      expect(await read({ readFrom })).toMatchObject({ readFrom });
    }
    await expect(read({ readFrom: 'nearest' })).rejects.toMatchObject({ code: 'GONG-E063' });
    const target = fileOf('mine.mjs', `export const target = { ${MEMBERS} };`);
    const mine = { target, nodes: '3' };
    expect(await read({ ...mine, readFrom: 'any' })).toMatchObject({ readFrom: 'any' });
    await expect(read({ ...mine, readFrom: 'leader' })).rejects.toMatchObject({
      code: 'GONG-E166',
    });
  });
});
