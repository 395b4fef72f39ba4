import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import { CLUSTERS } from './clusters.ts';
import { describeNemeses, nemesesAsJson, type NemesesJson } from './nemeses.ts';

const DOOR = path.join(import.meta.dirname, 'gong.mjs');

function gong(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [DOOR, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

const all = [...nemeses.values()];

describe('gong nemeses', () => {
  test('prints every kind and shape that the code has, with what it must show', () => {
    const { status, stdout } = gong('nemeses');
    expect(status).toBe(0);
    expect(stdout).toBe(describeNemeses(all, CLUSTERS));
    const rows = stdout.split('\n').map((line) => line.trim().split(/ {2,}/));
    for (const { kind, about, shapes } of all) {
      const row = rows.find(([name]) => name === kind);
      expect(row?.at(-1)).toBe(about);
      for (const { shape, evidence, about: what, nodesMin } of shapes) {
        const found = rows.find(([name]) => name === `${kind}:${shape}`);
        expect(found).toEqual([`${kind}:${shape}`, `${nodesMin}+`, evidence.join(', '), what]);
      }
    }
  });

  test('says which cluster can do a kind: each that gives the control it needs', () => {
    const json = nemesesAsJson(all, CLUSTERS);
    expect(Object.fromEntries(json.nemeses.map(({ kind, clusters }) => [kind, clusters]))).toEqual({
      partition: ['local', 'sim'],
      kill: ['local', 'sim'],
      pause: ['local', 'sim'],
      slow: ['local', 'sim'],
      reset: ['local', 'sim'],
      exec: ['local', 'endpoints'],
      membership: ['local', 'sim'],
      transfer: ['local', 'sim'],
    });
    const header = describeNemeses(all, CLUSTERS).split('\n')[0];
    expect(header).toMatch(/LOCAL +ENDPOINTS +SIM/);
    const fewer = describeNemeses(all, new Map([...CLUSTERS].slice(0, 1)));
    expect(fewer).not.toContain('ENDPOINTS');
  });

  test('tells the same as JSON', () => {
    const { status, stdout } = gong('nemeses', '--json');
    expect(status).toBe(0);
    const json = JSON.parse(stdout) as NemesesJson;
    expect(json).toEqual(JSON.parse(JSON.stringify(nemesesAsJson(all, CLUSTERS))));
    expect(json.nemeses.find(({ kind }) => kind === 'exec')).toMatchObject({ takesOwnWord: true });
    const partition = json.nemeses.find(({ kind }) => kind === 'partition');
    expect(partition?.shapes.map(({ shape }) => shape)).toContain('leader-minority');
  });
});

describe('gong run --schedule', () => {
  const kill = { kind: 'kill', shape: 'one', at: '5s', duration: '2s', nodes: ['n2'] };

  function scheduled(faults: readonly object[], ...args: readonly string[]) {
    const place = mkdtempSync(path.join(tmpdir(), 'gong-scheduled-'));
    onTestFinished(() => rmSync(place, { recursive: true, force: true }));
    const file = path.join(place, 'faults.json');
    writeFileSync(file, JSON.stringify({ schema: 1, faults }));
    return { file, ...gong('run', '--dry-run', '--json', '--schedule', file, ...args) };
  }

  test('shows whom it will hit, and its dry run is a schedule again', () => {
    const { status, stdout, stderr, file } = scheduled([kill]);
    expect(status).toBe(0);
    expect(stderr).toContain('1. kill:one on n2 at 5.000 s for 2.00 s');
    writeFileSync(file, stdout);
    expect(gong('run', '--dry-run', '--json', '--schedule', file).stdout).toBe(stdout);
  });

  test.each<[string, object, readonly string[], string]>([
    ['with --nemesis', kill, ['--nemesis', 'kill'], 'GONG-E121'],
    ['that is no schedule', { ...kill, at: 'soon' }, [], 'GONG-E122'],
    ['of an unknown kind', { ...kill, kind: 'flood' }, [], 'GONG-E123'],
    ['of what the cluster cannot do', kill, ['--endpoints', 'http://h:1,http://h:2'], 'GONG-E124'],
    ['of nodes that are not there', kill, ['--nodes', '1'], 'GONG-E125'],
    ['that does not fit into the run', kill, ['--duration', '6s'], 'GONG-E126'],
  ])('%s is usage: 64, with why and fix', (_, fault, args, code) => {
    const { status, stderr } = scheduled([fault], ...args);
    expect(stderr).toContain(code);
    expect(stderr).toMatch(/\n {2}why {3}.+\n {2}fix {3}.+/);
    expect(status).toBe(64);
  });

  test('takes scripts only that are there', () => {
    const exec = { kind: 'exec', shape: './no-such-script.sh', at: '5s', duration: '2s' };
    expect(scheduled([exec])).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('GONG-E150') as unknown,
    });
  });
});
