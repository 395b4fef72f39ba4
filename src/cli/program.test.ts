import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ENGINES, MODELS } from '../../checker/index.ts';

const DOOR = path.join(import.meta.dirname, 'gong.mjs');

function gong(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [DOOR, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stdout, stderr };
}

test('help is data and passes; no verb at all is usage', () => {
  const help = gong('--help');
  expect(help).toMatchObject({ status: 0, stderr: '' });
  expect(help.stdout).toContain('run [options]');
  expect(gong('run', '--help').stdout).toContain('--nemesis-interval');
  expect(gong().status).toBe(64);
});

test('help of check names every model and every engine', () => {
  const { stdout } = gong('check', '--help');
  const words = stdout.split(/[\s,:]+/);
  for (const name of [...MODELS.keys(), ...ENGINES.keys(), 'auto']) expect(words).toContain(name);
  const refused = gong('check', '--engine', 'psychic', DOOR).stderr;
  for (const name of ENGINES.keys()) expect(refused).toContain(name);
});

test.each([
  [['frobnicate'], 'GONG-E061'],
  [['run', '--frobnicate'], 'GONG-E061'],
  [['run', '--nodes'], 'GONG-E061'],
  [['run', '--set', 'x'], 'GONG-E061'],
  [['run', '--workload', 'bank'], 'GONG-E063'],
  [['run', '--read-mode', 'psychic'], 'GONG-E063'],
  [['run', '--nodes', '3.5'], 'GONG-E062'],
  [['run', '--set', 'raft.fsync=often'], 'GONG-E052'],
  [['run', '--threshold', 'p99(read) = 5ms'], 'GONG-E171'],
  [['run', '--threshold', 'ok > 1%', '--threshold', 'p99(red) < 5ms'], 'GONG-E172'],
  [['run', '--threshold', 'ok > 101%'], 'GONG-E173'],
  [['run', '--threshold', 'max(*, recovery) < 5s'], 'GONG-E174'],
  [['run', '--nodes', '2', '--nemesis', 'partition:leader-minority'], 'GONG-E024'],
  [['check'], 'GONG-E061'],
  [['check', '/nowhere/history.jsonl'], 'GONG-E101'],
  [['check', '--model', 'psychic', DOOR], 'GONG-E105'],
  [['check', import.meta.dirname], 'GONG-E043'],
  [['check', '--engine', 'psychic', DOOR], 'GONG-E116'],
])('gong %j is refused with %s, why and fix, exit 64', (args, code) => {
  const { status, stdout, stderr } = gong(...args);
  expect(stderr).toContain(code);
  expect(stderr).toMatch(/\n {2}why {3}.+\n {2}fix {3}.+/);
  expect({ status, stdout }).toEqual({ status: 64, stdout: '' });
});

test('a dry run prints the plan, the same for the same seed, and starts nothing', () => {
  const args = ['run', '--dry-run', '--json', '--nemesis', 'partition,kill', '--seed'];
  const first = gong(...args, '7');
  expect(first.status).toBe(0);
  expect(JSON.parse(first.stdout).plan.length).toBeGreaterThan(2);
  expect(gong(...args, '7').stdout).toBe(first.stdout);
  expect(gong(...args, '8').stdout).not.toBe(first.stdout);
});

test('what nobody caught ends with 70, never with 1', () => {
  // As soon as the first module listens, something breaks that nobody awaits.
  const main = path.join(import.meta.dirname, 'main.ts');
  for (const breakage of ['throw new Error("planted")', 'Promise.reject(new Error("planted"))']) {
    const code =
      `process.argv.splice(1, 9, 'gong', 'check', '/dev/zero'); const t = setInterval(() => { if (process.listenerCount('uncaughtException') > 0) ` +
      `{ clearInterval(t); ${breakage} } }, 1); await import(${JSON.stringify(main)})`;
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(stderr).toContain('GONG-E070');
    expect(stderr).toContain('planted');
    expect(status).toBe(70);
  }
});
