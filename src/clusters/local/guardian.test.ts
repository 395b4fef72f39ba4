import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { UnexpectedExit } from '../../contracts/cluster.ts';
import { defined } from '../../lib/assert.ts';
import { launchLocalCluster } from './launch.ts';
import { identify, isAlive, isStopped, killAndWait, type ProcessIdentity } from './proc.ts';
import type { FakeHarnessLine } from './testdata/fake-harness.ts';
import { fakeTarget } from './testdata/fake-target.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 60_000 });

const fakeHarness = fileURLToPath(new URL('./testdata/fake-harness.ts', import.meta.url));

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gong-guardian-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Should the guardian fail its test, the test is the guardian. */
function killAfterwards(processes: readonly ProcessIdentity[]): void {
  onTestFinished(async () => {
    for (const identity of processes) await killAndWait(identity, 5_000);
  });
}

async function startHarness(...paused: readonly string[]) {
  const directory = temporaryDirectory();
  const temporary = join(directory, 'temporary');
  mkdirSync(temporary);
  const logDir = join(directory, 'logs');
  const harness = spawn(
    process.execPath,
    [fakeHarness, join(temporary, 'data'), logDir, temporary, ...paused],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  onTestFinished(() => void harness.kill('SIGKILL'));
  const [text] = (await once(createInterface(harness.stdout), 'line')) as [string];
  const line = JSON.parse(text) as FakeHarnessLine;
  const processes = [line.supervisor, ...line.nodes].map(identify);
  killAfterwards(processes);
  const pid = defined(harness.pid, 'it runs');
  return { pid, line, processes, temporary, logDir };
}

async function expectAllGone(processes: readonly ProcessIdentity[]): Promise<void> {
  await vi.waitFor(() => expect(processes.filter(isAlive)).toEqual([]), {
    timeout: 5_000,
    interval: 20,
  });
}

test('kill -9 of the harness: nodes, supervisor and temporary files are gone', async () => {
  const { pid, processes, temporary } = await startHarness();
  expect(processes.every(isAlive)).toBe(true);
  process.kill(pid, 'SIGKILL');
  await expectAllGone(processes);
  expect(existsSync(temporary)).toBe(false);
});

test.for(['SIGKILL', 'SIGINT'] as const)(
  '%s of the harness while a node is paused: that node too is gone',
  async (signal) => {
    const { pid, line, processes } = await startHarness('n2');
    expect(await isStopped(defined(line.nodes[1], 'three nodes'))).toBe(true);
    process.kill(pid, signal);
    await expectAllGone(processes);
  },
);

test('SIGTERM to the supervisor ends it and the nodes, and leaves the files to the harness', async () => {
  const { line, processes, temporary } = await startHarness();
  process.kill(line.supervisor, 'SIGTERM');
  await expectAllGone(processes);
  expect(existsSync(temporary)).toBe(true);
});

test.runIf(process.platform === 'linux')(
  'supervisor and nodes are in sessions of their own, out of reach of a Ctrl-C',
  async () => {
    const { pid, line } = await startHarness();
    const session = (of: number): string | undefined =>
      readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1]?.split(' ')[3];
    expect(session(line.supervisor)).toBe(String(line.supervisor));
    for (const node of line.nodes) expect(session(node)).toBe(String(node));
    expect(session(pid)).not.toBe(String(line.supervisor));
  },
);

test.for(['SIGKILL', 'SIGINT'] as const)(
  '%s of the supervisor: nodes end, and the harness is told of each',
  async (signal) => {
    const directory = temporaryDirectory();
    await using cluster = await launchLocalCluster({
      target: fakeTarget,
      nodes: 3,
      dataDir: join(directory, 'data'),
      logDir: join(directory, 'logs'),
      settings: {},
      clusterId: 'orphaned',
    });
    const exits: UnexpectedExit[] = [];
    cluster.onUnexpectedExit((exit) => exits.push(exit));
    const nodes = cluster.nodes.map((node) =>
      identify(defined(cluster.processes.pid(node), 'it runs')),
    );
    killAfterwards(nodes);
    // One that cannot see its stdin close.
    await cluster.processes.pause(defined(cluster.nodes[0], 'n1'));
    process.kill(defined(cluster.supervisorPid, 'it runs'), signal);
    await vi.waitFor(() => expect(exits.length).toBe(3), { timeout: 10_000 });
    expect(nodes.filter(isAlive)).toEqual([]);
    expect(new Set(exits.map((exit) => exit.node))).toEqual(new Set(cluster.nodes));
    expect(cluster.nodes.map((node) => cluster.processes.pid(node))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await expect(cluster.processes.start(defined(cluster.nodes[0], 'n1'))).rejects.toMatchObject({
      kind: 'infrastructure',
      code: 'GONG-E036',
    });
  },
);
