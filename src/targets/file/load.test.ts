import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { nodeId } from '../../contracts/names.ts';
import { isTargetFile, loadTargetFile } from './load.ts';

/** A file outside of the project, loaded as gong does. */
async function load(source: string) {
  const directory = mkdtempSync(path.join(tmpdir(), 'gong-target-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = path.join(directory, 'my-store.mjs');
  writeFileSync(file, source);
  return loadTargetFile(file);
}

/** In two words: no file of the project says it, not even as a text. */
const AS_DEFAULT = ['export', 'default'].join(' ');

const MEMBERS = {
  functions: `['read', 'write']`,
  promises: `() => ({ consistency: 'linearizable' })`,
  probe: `async () => ({})`,
  connect: `() => ({ invoke: async () => ({ type: 'ok', value: null }) })`,
};

const literal = (change: Readonly<Record<string, string>> = {}): string =>
  Object.entries({ ...MEMBERS, ...change })
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');

test('paths are told from names', () => {
  for (const word of ['./x', '/a/b.ts', 'x.ts', 'x.mjs', 'a/b'])
    expect(isTargetFile(word)).toBe(true);
  for (const word of ['raft', 'etcd', 'my-store']) expect(isTargetFile(word)).toBe(false);
});

test('a target is found under its name or as the default, with defaults for what it leaves out', async () => {
  for (const how of ['export const target =', AS_DEFAULT]) {
    const { target } = await load(`${how} { ${literal()} };`);
    expect(target).toMatchObject({
      name: 'my-store',
      readModes: ['default'],
      functions: ['read', 'write'],
      hasLeader: false,
    });
    expect(Object.keys(target)).not.toContain('launch');
    expect(Object.keys(target)).not.toContain('electionTimeoutNsMax');
    expect(target.resolveSettings({})).toEqual({});
    expect(target.promises({ readMode: 'default', settings: {} })).toEqual({
      consistency: 'linearizable',
    });
  }
});

test('members may be methods of a class that use this', async () => {
  const { target } = await load(`class Mine {
    functions = ['read']; note = 'a cache answers';
    promises() { return { consistency: 'weaker', note: this.note }; }
    async probe() { return {}; }
    connect() { return { invoke: async () => ({ type: 'ok', value: 1 }) }; }
  }
  export const target = new Mine();`);
  expect(target.promises({ readMode: 'default', settings: {} })).toMatchObject({
    note: 'a cache answers',
  });
});

test.each<[string, string, string, RegExp]>([
  ['a syntax error', 'export const target = {', 'GONG-E141', /my-store/],
  ['a module that throws', `throw new Error('no licence');`, 'GONG-E141', /my-store/],
  ['a missing dependency', `import 'no-such-driver';`, 'GONG-E141', /my-store/],
  ['no target', 'export const goal = 1;', 'GONG-E142', /exports no target/],
  ['nothing', '', 'GONG-E142', /exports no target/],
  ['null', 'export const target = null;', 'GONG-E143', /its target is null/],
  ['no connect', `export const target = { ${literal({ connect: '' })} };`, 'GONG-E143', /connect/],
  ['no probe', `export const target = { ${literal({ probe: '3' })} };`, 'GONG-E143', /probe/],
  ['no functions', `${AS_DEFAULT} { ${literal({ functions: '[]' })} };`, 'GONG-E143', /functions/],
  ['a typing error', `${AS_DEFAULT} { ${literal({ lunch: '() => {}' })} };`, 'GONG-E143', /lunch/],
])('%s is a usage error that names the file and the member', async (_, source, code, what) => {
  await expect(load(source)).rejects.toMatchObject({
    name: 'UserError',
    kind: 'usage',
    code,
    message: expect.stringMatching(what),
  });
});

test('the error of a module says why, and a file that is not there is told', async () => {
  await expect(load(`\n\nthrow new Error('no licence');`)).rejects.toMatchObject({
    why: 'no licence (line 3)',
  });
  await expect(loadTargetFile('./nowhere.ts')).rejects.toMatchObject({ code: 'GONG-E141' });
  await expect(loadTargetFile(tmpdir())).rejects.toMatchObject({ why: 'it is no file' });
});

test.each(['', '// To be written.\n'])(
  'a file with nothing in it (%o) exports nothing',
  async (text) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'gong-target-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    for (const name of ['a.ts', 'a.js', 'a.mjs']) {
      const file = path.join(directory, name);
      writeFileSync(file, text);
      await expect(loadTargetFile(file)).rejects.toMatchObject({
        code: 'GONG-E142',
        why: 'it exports nothing',
      });
    }
  },
);

test('what a member throws or returns amiss is told with its name', async () => {
  const context = { readMode: 'default', settings: {} };
  const strange = await load(
    `${AS_DEFAULT} { ${literal({
      promises: `() => ({ consistency: 'eventual' })`,
      launch: `() => ({ command: 'x', args: [1] })`,
      resolveSettings: `() => { throw new Error('x is no tunable'); }`,
      electionTimeoutNsMax: `() => -1`,
    })} };`,
  );
  const { target } = strange;
  const told = (code: string, text: string) =>
    expect.objectContaining({ code, kind: 'usage', message: expect.stringContaining(text) });
  const request = {
    node: nodeId('n1'),
    clusterId: 'c',
    dataDir: '/d',
    host: 'h',
    clientPort: 1,
    peerPort: 2,
    peers: [],
    initial: [],
    settings: {},
  };
  expect(() => target.promises(context)).toThrow(told('GONG-E144', 'promises returned'));
  expect(() => target.launch?.(request)).toThrow(told('GONG-E144', 'args'));
  expect(() => target.resolveSettings({ x: '1' })).toThrow(told('GONG-E148', 'x is no tunable'));
  expect(() => target.electionTimeoutNsMax?.({})).toThrow(
    told('GONG-E144', 'electionTimeoutNsMax'),
  );
  const plain = await load(`${AS_DEFAULT} { ${literal()} };`);
  expect(() => plain.target.resolveSettings({ x: '1' })).toThrow(told('GONG-E148', 'no tunables'));
});
