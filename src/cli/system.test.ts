import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workloads } from '../../workloads/index.ts';
import { nemeses } from '../../nemesis/index.ts';
import { defined } from '../lib/assert.ts';
import type { PlannedFault } from '../contracts/nemesis.ts';
import { makeRaftTarget } from '../targets/raft/index.ts';
import { scriptsOf } from './scripts.ts';
import { describePromise, fittingNemeses, readSystem, type SystemFlags } from './system.ts';

const register = defined(workloads.get('register'), 'the first workload there was');
const HTTP = 'http://127.0.0.1:1';

let place: string;
beforeAll(() => {
  place = mkdtempSync(path.join(tmpdir(), 'gong-system-'));
  const target = (change: Readonly<Record<string, string>> = {}): string => {
    const members = {
      functions: `['read', 'write', 'cas']`,
      promises: `() => ({ consistency: 'linearizable' })`,
      probe: `async () => ({})`,
      connect: `() => ({ invoke: async () => ({ type: 'ok' }) })`,
      ...change,
    };
    const text = Object.entries(members).map(([name, value]) => `${name}: ${value}`);
    return `export const target = { ${text.join(', ')} };`;
  };
  const files = {
    'plain.mjs': target(),
    'launched.mjs': target({ launch: `() => ({ command: 'x' })` }),
    'reads-only.mjs': target({ functions: `['read']` }),
    'other-model.mjs': target({
      promises: `() => ({ consistency: 'linearizable', models: ['kv'] })`,
    }),
    'cut.sh': '#!/bin/sh\n',
    'text.sh': '#!/bin/sh\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(place, name), text);
  chmodSync(path.join(place, 'cut.sh'), 0o755);
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** `@/` stands for the directory of this test's files. */
function flags(change: Partial<SystemFlags>): SystemFlags {
  const here = (text: string): string => text.replaceAll('@/', `${place}/`);
  const all = {
    target: 'raft',
    cluster: 'local',
    set: [],
    hookTimeout: '30s',
    ...change,
  };
  return { ...all, target: here(all.target) };
}

const read = (change: Partial<SystemFlags>) => readSystem(flags(change), register);

test('the reference store is started here; its keys need no prefix', async () => {
  const system = await read({});
  expect(system).toMatchObject({ nodes: 5, endpoints: undefined, readMode: 'linearizable' });
  const broken = ['processes', 'links', 'hooks'];
  expect(system.capabilities).toEqual(new Set([...broken, 'membership', 'leadership']));
  expect(system.keyPrefix).toBeUndefined();
  expect(describePromise(system)).toBeUndefined();
});

test('with stale reads it promises less, and that is told', async () => {
  const system = await read({ readMode: 'stale' });
  expect(describePromise(system)).toMatch(/^with reads stale this target promises less/);
});

test('of endpoints there are as many nodes, nothing to control but scripts, and keys of this run', async () => {
  const system = await read({ target: '@/plain.mjs', endpoints: `${HTTP}/,http://[::1]:2` });
  expect(system).toMatchObject({ nodes: 2, endpoints: [HTTP, 'http://[::1]:2'] });
  expect([...system.capabilities]).toEqual(['hooks']);
  expect(system.keyPrefix).toMatch(/^gong-\w+-$/);
  expect((await read({ endpoints: HTTP, nodes: '1' })).keyPrefix).toBeDefined();
});

test('the scripts of a plan are named once each, and must be executable files', () => {
  const fault = (kind: string, shape: string): PlannedFault => {
    return { kind, shape, atNs: 0, durationNs: 1, seed: '1' };
  };
  const [cut, colon] = [path.join(place, 'cut.sh'), path.join(place, 'a:b.sh')];
  writeFileSync(colon, '#!/bin/sh\n', { mode: 0o755 });
  const plan = [fault('exec', cut), fault('kill', 'one'), fault('exec', colon), fault('exec', cut)];
  expect(scriptsOf(plan, nemeses)).toEqual([cut, colon]);
  for (const name of ['nowhere.sh', 'text.sh', '.']) {
    expect(() => scriptsOf([fault('exec', path.join(place, name))], nemeses), name).toThrow(
      expect.objectContaining({ code: 'GONG-E150', kind: 'usage' }),
    );
  }
});

test.each<[Partial<SystemFlags>, string]>([
  [{ target: '@/plain.mjs' }, 'GONG-E149'],
  [{ target: '@/launched.mjs' }, 'GONG-E149'],
  [{ endpoints: 'localhost:80' }, 'GONG-E149'],
  [{ endpoints: '' }, 'GONG-E149'],
  [{ endpoints: `${HTTP},` }, 'GONG-E149'],
  [{ endpoints: `${HTTP},${HTTP}` }, 'GONG-E149'],
  [{ endpoints: 'http://me:secret@localhost:80' }, 'GONG-E149'],
  [{ endpoints: HTTP, nodes: '2' }, 'GONG-E149'],
  [{ endpoints: HTTP, basePort: '7100' }, 'GONG-E149'],
  [{ hookTimeout: '3' }, 'GONG-E062'],
  [{ target: 'etcdd' }, 'GONG-E063'],
  [{ cluster: 'moon' }, 'GONG-E063'],
  [{ cluster: 'endpoints' }, 'GONG-E063'],
  [{ readMode: 'psychic' }, 'GONG-E063'],
  [{ target: '@/nowhere.mjs', endpoints: HTTP }, 'GONG-E141'],
  [{ target: '@/reads-only.mjs', endpoints: HTTP }, 'GONG-E147'],
  [{ target: '@/other-model.mjs', endpoints: HTTP }, 'GONG-E147'],
  [{ target: '@/plain.mjs', endpoints: HTTP, set: ['a=1'] }, 'GONG-E148'],
  [{ target: '@/launched.mjs', nodes: '16' }, 'GONG-E062'],
])('%o is refused with %s', async (change, code) => {
  await expect(read(change)).rejects.toMatchObject({ name: 'UserError', kind: 'usage', code });
});

test.each([
  ['#!/bin/sh\r\nexit 0\r\n', 'CR LF'],
  ['#! /no/such/bash -e\n', '/no/such/bash'],
])('a script whose first line is %o is refused before anything starts', (text, why) => {
  const fault = (shape: string): PlannedFault => ({
    kind: 'exec',
    shape,
    atNs: 1e9,
    durationNs: 1e9,
    seed: '1',
  });
  const script = path.join(place, 'odd.sh');
  writeFileSync(script, text, { mode: 0o755 });
  expect(() => scriptsOf([fault(script)], nemeses)).toThrow(
    expect.objectContaining({ code: 'GONG-E150', why: expect.stringContaining(why) }),
  );
  for (const good of ['#!/usr/bin/env bash\n', 'exit 0\n', '']) {
    writeFileSync(script, good);
    expect(scriptsOf([fault(script)], nemeses)).toEqual([script]);
  }
});

test('a target without a leader has no shape that hits it, and whoever asks for one is refused', async () => {
  const { target } = await read({ target: '@/launched.mjs', nodes: '3' });
  const fitting = fittingNemeses(target, nemeses, 'kill,partition');
  expect([...fitting.keys()]).toEqual([...nemeses.keys()]);
  const shapes = [...fitting.values()].flatMap((nemesis) => nemesis.shapes);
  expect(shapes.length).toBeGreaterThan(0);
  expect(shapes.filter(({ hitsLeader }) => hitsLeader)).toEqual([]);
  expect(() => fittingNemeses(target, nemeses, 'kill, kill:leader')).toThrow(
    expect.objectContaining({ code: 'GONG-E154', kind: 'usage' }),
  );
  const raft = makeRaftTarget();
  expect(fittingNemeses(raft, nemeses, 'kill:leader').get('kill')).toBe(nemeses.get('kill'));
});

test.each(['http://h:1,http://h:1/', 'http://h:1,HTTP://H:1', 'http://h,http://h:80'])(
  '--endpoints %s names one node twice',
  async (endpoints) => {
    await expect(read({ target: '@/plain.mjs', endpoints })).rejects.toMatchObject({
      code: 'GONG-E149',
      message: expect.stringContaining('twice'),
    });
  },
);
