import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { MODELS } from '../../checker/index.ts';
import { workloads } from '../../workloads/index.ts';
import { makeRaftTarget } from '../targets/raft/index.ts';
import { describeWorkloads, workloadsAsJson, type WorkloadsJson } from './workloads.ts';

const DOOR = path.join(import.meta.dirname, 'gong.mjs');

function gong(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [DOOR, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

const all = [...workloads.values()];

test('gong workloads prints each with its model, its functions and what it finds', () => {
  const { status, stdout } = gong('workloads');
  expect(status).toBe(0);
  expect(stdout).toBe(describeWorkloads(all));
  const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
  for (const { name, model, functions, about, finds } of all) {
    const row = rows.find(([first]) => first === name);
    expect(row).toEqual([name, model, functions.join(', '), about, finds]);
  }
});

test('every setting is told once, with its default, its bounds and all who have it', () => {
  const rows = describeWorkloads(all)
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  for (const { name, settings = [] } of all) {
    for (const setting of settings) {
      const told = rows.filter(([first]) => first === `workload.${setting.name}`);
      expect(told).toHaveLength(1);
      const [, fallback, bounds, of = '', what] = told[0] ?? [];
      expect([fallback, bounds, what]).toEqual([
        String(setting.fallback),
        `${setting.min}..${setting.max}`,
        setting.what,
      ]);
      expect(of.split(', ')).toContain(name);
    }
  }
});

test('the same as JSON', () => {
  const { status, stdout } = gong('workloads', '--json');
  expect(status).toBe(0);
  const json = JSON.parse(stdout) as WorkloadsJson;
  expect(json).toEqual(workloadsAsJson(all));
  expect(json.workloads.find(({ name }) => name === 'sessions')).toMatchObject({
    inSessions: true,
  });
});

test('the reference node can do every workload, and the checker judges it by a model that knows it', () => {
  const target = makeRaftTarget();
  const { models = [] } = target.promises({ readMode: 'linearizable', settings: {} });
  for (const { model, functions, mutations, inSessions = false } of all) {
    expect(target.functions).toEqual(expect.arrayContaining([...functions]));
    expect(models).toContain(model);
    expect(MODELS.get(model)?.functions).toEqual(expect.arrayContaining([...functions]));
    expect(functions).toEqual(expect.arrayContaining([...mutations]));
    expect(inSessions && target.hasSessions !== true).toBe(false);
  }
});
