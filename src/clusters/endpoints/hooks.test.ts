import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { endpointsCluster } from './endpoints-cluster.ts';
import { Hooks, withHooks } from './hooks.ts';
import { OUTPUT_BYTES_MAX } from './script-call.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 60_000 });

const FAKE_RUN = fileURLToPath(new URL('./testdata/fake-run.ts', import.meta.url));
const CLUSTER = endpointsCluster(['http://127.0.0.1:1', 'http://127.0.0.1:2']);

/** A script in bash that notes each call in `calls`, and then does what it is given. */
function place(body: string) {
  const directory = mkdtempSync(path.join(tmpdir(), 'gong-hooks-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const script = path.join(directory, 'cut.sh');
  writeFileSync(script, `#!/bin/bash\ncd ${directory}\necho "$*" >> calls\n${body}\n`);
  chmodSync(script, 0o755);
  const read = (name: string): string => {
    const file = path.join(directory, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  return {
    script,
    logFile: path.join(directory, 'hooks.log'),
    read,
    calls: () => read('calls').split('\n').slice(0, -1),
  };
}

async function hooksOf(
  { script, logFile }: ReturnType<typeof place>,
  { limitMs = 30_000, signal = new AbortController().signal } = {},
): Promise<Hooks> {
  let nowNs = 0;
  return Hooks.open({
    scripts: [script],
    cluster: CLUSTER,
    seed: '7',
    limitNs: limitMs * 1e6,
    logFile,
    clock: { now: () => nowNs++, sleep: async () => {} },
    signal,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || readFileSync(stat, 'utf8').split(') ')[1]?.[0] !== 'Z';
}

const gone = (pid: number) =>
  vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 20_000, interval: 20 });

test('a script is called with start and its seed, and with heal; what it said is recorded', async () => {
  const scene = place('echo "$GONG_NODES $GONG_ENDPOINTS $GONG_SEED"; echo trouble >&2');
  const hooks = await hooksOf(scene);
  const fault = await hooks.start(scene.script, '4711');
  expect(scene.calls()).toEqual(['start 4711']);
  await fault[Symbol.asyncDispose]();
  await fault[Symbol.asyncDispose]();
  expect(scene.calls()).toEqual(['start 4711', 'heal']);
  const said = 'n1,n2 http://127.0.0.1:1,http://127.0.0.1:2 7\ntrouble\n';
  expect(fault.calls).toEqual([
    { words: ['start', '4711'], code: 0, output: said, startedNs: 0, endedNs: 1 },
    { words: ['heal'], code: 0, output: said, startedNs: 2, endedNs: 3 },
  ]);
  await hooks.healAll();
  await hooks[Symbol.asyncDispose]();
  expect(scene.calls(), 'a final heal, once').toEqual(['start 4711', 'heal', 'heal']);
  expect(scene.read('hooks.log')).toMatch(/cut\.sh start 4711: exit 0\nn1,n2 .*\ntrouble\n/);
  await gone(defined(hooks.guardianPid, 'it ran'));
});

test('heal is called at the end even when nothing was started, before the cluster stops', async () => {
  const scene = place('');
  let callsAtStop: readonly string[] = [];
  const cluster = withHooks(
    {
      ...CLUSTER,
      [Symbol.asyncDispose]: async () => void (callsAtStop = scene.calls()),
    },
    await hooksOf(scene),
  );
  await cluster[Symbol.asyncDispose]();
  expect(callsAtStop).toEqual(['heal']);
});

test('a start that fails is an error that says why, and heal was called', async () => {
  const scene = place('[ $1 = start ] && echo "no route to host" && exit 3; exit 0');
  await using hooks = await hooksOf(scene);
  await expect(hooks.start(scene.script, '1')).rejects.toMatchObject({
    kind: 'infrastructure',
    code: 'GONG-E151',
    message: expect.stringMatching(/cut\.sh failed at "start 1": exit 3/),
    why: 'no route to host',
    log: scene.logFile,
  });
  expect(scene.calls()).toEqual(['start 1', 'heal']);
});

test('a start that hangs is killed at its limit with what it started, and heal was called', async () => {
  const scene = place('[ $1 = heal ] && exit 0; sleep 600 & echo $! > child; wait');
  await using hooks = await hooksOf(scene, { limitMs: 1_000 });
  await expect(hooks.start(scene.script, '1')).rejects.toMatchObject({
    code: 'GONG-E151',
    message: expect.stringContaining('within 1 s and was killed'),
  });
  await gone(Number(scene.read('child')));
  expect(scene.calls()).toEqual(['start 1', 'heal']);
});

test('a start that somebody kills is told, and heal was called', async () => {
  const scene = place('[ $1 = heal ] || kill -9 $$');
  await using hooks = await hooksOf(scene);
  await expect(hooks.start(scene.script, '1')).rejects.toMatchObject({
    message: expect.stringContaining('ended by SIGKILL'),
  });
  expect(scene.calls()).toEqual(['start 1', 'heal']);
});

test('a heal that fails is told, and tried again at the end', async () => {
  const scene = place('[ $1 = start ] || [ -e again ] || { touch again; exit 1; }');
  const hooks = await hooksOf(scene);
  const fault = await hooks.start(scene.script, '1');
  await expect(fault[Symbol.asyncDispose]()).rejects.toMatchObject({
    code: 'GONG-E152',
    why: 'it said nothing',
  });
  await hooks[Symbol.asyncDispose]();
  expect(scene.calls()).toEqual(['start 1', 'heal', 'heal']);
});

test('the end of the run kills a start that is under way, and heals it', async () => {
  const scene = place('[ $1 = heal ] && exit 0; touch begun; sleep 600');
  const abort = new AbortController();
  await using hooks = await hooksOf(scene, { signal: abort.signal });
  const starting = hooks.start(scene.script, '1');
  await vi.waitFor(() => expect(scene.calls()).toEqual(['start 1']), { timeout: 20_000 });
  abort.abort();
  const fault = await starting;
  expect(fault.calls).toMatchObject([{ code: undefined }]);
  await fault[Symbol.asyncDispose]();
  expect(scene.calls()).toEqual(['start 1', 'heal']);
});

test('of what a script says 64 KiB are kept', async () => {
  const scene = place(`head -c 300000 /dev/zero | tr '\\0' x`);
  await using hooks = await hooksOf(scene);
  const fault = await hooks.start(scene.script, '1');
  expect(fault.calls[0]?.output).toHaveLength(OUTPUT_BYTES_MAX);
});

test("of a script's last line people are shown the beginning, in plain text", async () => {
  const scene = place(
    `[ $1 = heal ] || { printf 'on the way\\r\\e[31mno route\\e[0m\\a '; head -c 5000 /dev/zero | tr '\\0' x; exit 3; }`,
  );
  await using hooks = await hooksOf(scene);
  await expect(hooks.start(scene.script, '1')).rejects.toMatchObject({
    code: 'GONG-E151',
    why: expect.stringMatching(/^no route x{280,300}…$/),
  });
});

test('what a script leaves in the background holds nobody up, and ends with the run', async () => {
  const scene = place('[ $1 = heal ] && exit 0; sleep 600 & echo $! > child');
  const hooks = await hooksOf(scene);
  await hooks.start(scene.script, '1');
  const child = Number(scene.read('child'));
  expect(isAlive(child)).toBe(true);
  await hooks[Symbol.asyncDispose]();
  await gone(child);
});

test('a script that cannot be run is told', async () => {
  const scene = place('');
  rmSync(scene.script);
  const hooks = await hooksOf(scene);
  await expect(hooks.start(scene.script, '1')).rejects.toMatchObject({
    message: expect.stringContaining('did not start'),
  });
  await expect(hooks[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'GONG-E152' });
});

test('when the guardian is killed, its script goes with it, and heal is called from here', async () => {
  const scene = place('[ $1 = heal ] && exit 0; echo $$ > pid; sleep 600');
  const hooks = await hooksOf(scene);
  const starting = hooks.start(scene.script, '1');
  const told = expect(starting).rejects.toMatchObject({ code: 'GONG-E153' });
  await vi.waitFor(() => expect(scene.read('pid')).not.toBe(''), { timeout: 20_000 });
  process.kill(defined(hooks.guardianPid, 'it runs'), 'SIGKILL');
  await told;
  await gone(Number(scene.read('pid')));
  expect(scene.calls()).toEqual(['start 1', 'heal']);
  await hooks[Symbol.asyncDispose]();
  expect(scene.calls()).toEqual(['start 1', 'heal', 'heal']);
});

test.each([
  ['while a fault is in force', 'echo $$ > pid', 'start'],
  ['while a start hangs', '[ $1 = heal ] && exit 0; echo $$ > pid; sleep 600', 'nothing'],
])('kill -9 of the run %s: the guardian heals, and nobody is left', async (_, body, waitsFor) => {
  const scene = place(body);
  const run = spawn(process.execPath, [FAKE_RUN, scene.script, scene.logFile, waitsFor], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void run.kill('SIGKILL'));
  const [line] = await once(run.stdout, 'data');
  await vi.waitFor(() => expect(scene.calls()).toEqual(['start 4711']), { timeout: 20_000 });
  await vi.waitFor(() => expect(scene.read('pid')).not.toBe(''), { timeout: 20_000 });
  const pid = Number(scene.read('pid'));
  run.kill('SIGKILL');
  await gone(Number(String(line)));
  expect(scene.calls()).toEqual(['start 4711', 'heal']);
  await gone(pid);
});
