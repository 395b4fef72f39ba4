import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { UnexpectedExit } from '../../contracts/cluster.ts';
import { type NodeId, nodeId } from '../../contracts/names.ts';
import type { LaunchRequest, LaunchSpec } from '../../contracts/target.ts';
import { defined } from '../../lib/assert.ts';
import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import { UserError } from '../../lib/user-error.ts';
import { launchLocalCluster, type LocalClusterOptions } from './launch.ts';
import { LocalCluster } from './local-cluster.ts';
import { hasListener } from './port-holder.ts';
import { claimPorts, layOut, portCount } from './ports.ts';
import { identify, isAlive, isStopped, type ProcessIdentity } from './proc.ts';
import { HOST } from './protocol.ts';
import type { FakeStatus } from './testdata/fake-node.ts';
import { fakeTarget } from './testdata/fake-target.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 60_000 });

const [n1, n2, n3] = [nodeId('n1'), nodeId('n2'), nodeId('n3')];

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gong-local-cluster-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function optionsIn(directory: string): LocalClusterOptions {
  return {
    target: fakeTarget,
    nodes: 3,
    dataDir: join(directory, 'data'),
    logDir: join(directory, 'logs'),
    settings: {},
    clusterId: 'test',
  };
}

/** A cluster whose nodes answer; and what it says about exits. */
async function launch(changes: Partial<LocalClusterOptions> = {}) {
  const directory = temporaryDirectory();
  const cluster = await launchLocalCluster({ ...optionsIn(directory), ...changes });
  onTestFinished(() => cluster[Symbol.asyncDispose]());
  const exits: UnexpectedExit[] = [];
  cluster.onUnexpectedExit((exit) => exits.push(exit));
  await Promise.all(cluster.nodes.map((node) => status(cluster, node)));
  return { cluster, exits, directory };
}

function until<T>(claim: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(claim, { timeout: 10_000, interval: 10 });
}

async function ask(cluster: LocalCluster, node: NodeId, path: string): Promise<FakeStatus> {
  const answer = await fetch(cluster.url(node) + path, { signal: AbortSignal.timeout(5_000) });
  return (await answer.json()) as FakeStatus;
}

function status(cluster: LocalCluster, node: NodeId): Promise<FakeStatus> {
  return until(() => ask(cluster, node, '/status'));
}

async function send(cluster: LocalCluster, from: NodeId, to: NodeId, text: string): Promise<void> {
  await ask(cluster, from, `/send?to=${to}&text=${encodeURIComponent(text)}`);
}

/** Every process of the cluster, to see later whether one of them is left. */
function processesOf(cluster: LocalCluster): ProcessIdentity[] {
  const pids = [cluster.supervisorPid, ...cluster.nodes.map((node) => cluster.processes.pid(node))];
  return pids.filter((pid) => pid !== undefined).map(identify);
}

function alive(processes: readonly ProcessIdentity[]): number[] {
  return processes.filter(isAlive).map(({ pid }) => pid);
}

test('nodes answer at their URLs as the processes that the cluster names, and have logs', async () => {
  const { cluster, directory } = await launch();
  expect(cluster.nodes).toEqual([n1, n2, n3]);
  for (const node of cluster.nodes) {
    expect(await status(cluster, node)).toMatchObject({ node, pid: cluster.processes.pid(node) });
    expect(readFileSync(join(directory, 'logs', `${node}.log`), 'utf8')).toBe(`${node} runs\n`);
  }
});

test('spare nodes run and know everybody over links, and begin as nobody of the cluster', async () => {
  const requests: LaunchRequest[] = [];
  const target = {
    launch(request: LaunchRequest): LaunchSpec {
      requests.push(request);
      return fakeTarget.launch(request);
    },
  };
  const { cluster } = await launch({ target, spares: 2 });
  const [n4, n5] = [nodeId('n4'), nodeId('n5')];
  expect(cluster.nodes).toEqual([n1, n2, n3, n4, n5]);
  expect(cluster.spares).toEqual([n4, n5]);
  for (const { node, peers, initial } of requests) {
    expect(initial).toEqual([n1, n2, n3]);
    expect(peers.map(({ id }) => id)).toEqual(cluster.nodes.filter((other) => other !== node));
  }
  await using _cut = await cluster.links.cut([{ from: n1, to: n5 }]);
  await send(cluster, n1, n5, 'held');
  await send(cluster, n5, n1, 'open');
  await until(async () => expect(await status(cluster, n1)).toMatchObject({ received: 'open' }));
  expect(await status(cluster, n5)).toMatchObject({ received: '' });
});

test('a killed node is gone, and starts again as another process with the same data', async () => {
  const { cluster, exits } = await launch();
  const before = await status(cluster, n2);
  await cluster.processes.kill(n2);
  expect(cluster.processes.pid(n2)).toBeUndefined();
  expect(isAlive(identify(before.pid))).toBe(false);
  await cluster.processes.kill(n2);
  await cluster.processes.start(n2);
  const after = await status(cluster, n2);
  expect(after.pid).not.toBe(before.pid);
  expect(after.pid).toBe(cluster.processes.pid(n2));
  expect(after.starts).toBe(before.starts + 1);
  expect(exits).toEqual([]);
});

/** The node as the child of a shell: what `npm start` or a script of somebody's does. */
const wrappedTarget = {
  launch(request: LaunchRequest): LaunchSpec {
    const { command, args, env } = fakeTarget.launch(request);
    return { command: 'sh', args: ['-c', '"$@"; exit $?', 'sh', command, ...args], env };
  },
};

test('a node behind a wrapper is stopped, killed and ended with it', async () => {
  const { cluster, exits } = await launch({ target: wrappedTarget, nodes: 1 });
  const first = identify((await status(cluster, n1)).pid);
  expect(first.pid).not.toBe(cluster.processes.pid(n1));
  await cluster.processes.pause(n1);
  await until(async () => expect(await isStopped(first.pid)).toBe(true));
  await cluster.processes.resume(n1);
  await until(async () => expect(await isStopped(first.pid)).toBe(false));
  await cluster.processes.kill(n1);
  expect(isAlive(first)).toBe(false);
  await cluster.processes.start(n1);
  const second = identify((await status(cluster, n1)).pid);
  await cluster[Symbol.asyncDispose]();
  await until(() => expect(isAlive(second)).toBe(false));
  expect(exits).toEqual([]);
});

test('a stopped node (SIGSTOP) can be killed', async () => {
  const { cluster, exits } = await launch({ nodes: 1 });
  const pid = defined(cluster.processes.pid(n1), 'it runs');
  process.kill(pid, 'SIGSTOP');
  await cluster.processes.kill(n1);
  expect(isAlive(identify(pid))).toBe(false);
  expect(exits).toEqual([]);
});

test('an exit that nobody asked for is reported once, with its signal or its code', async () => {
  const { cluster, exits } = await launch();
  process.kill(defined(cluster.processes.pid(n3), 'it runs'), 'SIGKILL');
  await until(() => expect(exits).toEqual([{ node: n3, code: null, signal: 'SIGKILL' }]));
  expect(cluster.processes.pid(n3)).toBeUndefined();
  await cluster.processes.start(n3);
  await status(cluster, n3);
  expect(exits.length).toBe(1);
});

test('an exit before anyone listens is kept for the first listener', async () => {
  const directory = temporaryDirectory();
  await using cluster = await launchLocalCluster({
    ...optionsIn(directory),
    settings: { crash: 'n2' },
  });
  await until(() => expect(cluster.processes.pid(n2)).toBeUndefined());
  const exit = await new Promise((resolve) => {
    cluster.onUnexpectedExit(resolve);
  });
  expect(exit).toEqual({ node: n2, code: 3, signal: null });
});

test('a cut holds what nodes send on that link only; the heal delivers it', async () => {
  const { cluster } = await launch();
  {
    await using cuts = new AsyncDisposableStack();
    cuts.use(await cluster.links.cut([{ from: n1, to: n2 }]));
    await send(cluster, n1, n2, 'held');
    await until(async () => {
      const traffic = await cluster.links.traffic({ from: n1, to: n2 });
      expect(traffic).toMatchObject({ forwardedBytes: 0, heldBytes: 4 });
    });
    await send(cluster, n2, n1, 'other way');
    await send(cluster, n3, n2, 'third');
    await until(async () => expect((await status(cluster, n1)).received).toBe('other way'));
    await until(async () => expect((await status(cluster, n2)).received).toBe('third'));
  }
  await until(async () => expect((await status(cluster, n2)).received).toBe('thirdheld'));
});

test('cuts overlap; a second disposal of one changes nothing; healAll ends all of them', async () => {
  const { cluster } = await launch();
  const link = { from: n1, to: n2 };
  const first = await cluster.links.cut([link, { from: n2, to: n1 }]);
  const second = await cluster.links.cut([link]);
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await send(cluster, n1, n2, 'a');
  await until(async () => expect((await cluster.links.traffic(link)).heldBytes).toBe(1));
  expect((await status(cluster, n2)).received).toBe('');
  await cluster.links.healAll();
  await until(async () => expect((await status(cluster, n2)).received).toBe('a'));
  await second[Symbol.asyncDispose]();
});

test('a node killed behind a cut: its peers learn of it at the heal', async () => {
  const { cluster } = await launch();
  await send(cluster, n1, n2, 'before');
  await until(async () => expect((await status(cluster, n2)).received).toBe('before'));
  const cut = await cluster.links.cut([{ from: n1, to: n2 }]);
  await cluster.processes.kill(n1);
  await cluster.processes.start(n1);
  await status(cluster, n1);
  expect((await status(cluster, n2)).ended).toBe(0);
  await cut[Symbol.asyncDispose]();
  await until(async () => expect((await status(cluster, n2)).ended).toBe(1));
});

/** Waits as long for an answer as the test lasts. */
async function askPatiently(cluster: LocalCluster, node: NodeId): Promise<FakeStatus> {
  return (await (await fetch(`${cluster.url(node)}/status`)).json()) as FakeStatus;
}

test('a paused node is stopped when that is said, answers nothing, and all of it once resumed', async () => {
  const { cluster, exits } = await launch({ nodes: 2 });
  const pid = defined(cluster.processes.pid(n1), 'it runs');
  await cluster.processes.pause(n1);
  expect(await isStopped(pid)).toBe(true);
  expect(cluster.processes.pid(n1)).toBe(pid);
  let hasAnswered = false;
  const answer = askPatiently(cluster, n1).finally(() => (hasAnswered = true));
  for (let i = 0; i < 20; i++) await status(cluster, n2);
  expect(hasAnswered).toBe(false);
  await cluster.processes.pause(n1);
  await cluster.processes.resume(n1);
  expect(await isStopped(pid)).toBe(false);
  expect((await answer).pid).toBe(pid);
  await cluster.processes.resume(n1);
  expect(exits).toEqual([]);
});

test('what is asked about a paused node in one go happens in that order', async () => {
  const { cluster, exits } = await launch({ nodes: 1 });
  const before = await status(cluster, n1);
  await Promise.all([
    cluster.processes.pause(n1),
    cluster.processes.kill(n1),
    cluster.processes.resume(n1),
    cluster.processes.start(n1),
    cluster.processes.pause(n1),
    cluster.processes.resume(n1),
  ]);
  const after = await status(cluster, n1);
  expect(after.starts).toBe(before.starts + 1);
  expect(exits).toEqual([]);
});

test('a node that is down cannot be paused', async () => {
  const { cluster } = await launch({ nodes: 1 });
  await cluster.processes.kill(n1);
  await expect(cluster.processes.pause(n1)).rejects.toThrow('n1 is down');
  await cluster.processes.resume(n1);
});

test('disposal ends paused nodes, also one that is about to be paused', async () => {
  const { cluster, exits } = await launch();
  const processes = processesOf(cluster);
  await cluster.processes.pause(n1);
  const pausing = cluster.processes.pause(n2).catch(() => {});
  await cluster[Symbol.asyncDispose]();
  await pausing;
  expect(alive(processes)).toEqual([]);
  expect(exits).toEqual([]);
});

test('a slow link holds back what nodes send on it, and nothing else, until it is healed', async () => {
  const { cluster } = await launch();
  const link = { from: n1, to: n2 };
  const hour = { delayNs: 3_600 * SECOND, jitterNs: 0 };
  const slow = await cluster.links.slow([link], hour);
  await using _other = await cluster.links.slow([link], { ...hour, delayNs: MILLISECOND });
  await send(cluster, n1, n2, 'late');
  await until(async () => expect((await cluster.links.traffic(link)).connections).toBe(1));
  await send(cluster, n2, n1, 'other way');
  await send(cluster, n3, n2, 'third');
  await until(async () => expect((await status(cluster, n1)).received).toBe('other way'));
  await until(async () => expect((await status(cluster, n2)).received).toBe('third'));
  await slow[Symbol.asyncDispose]();
  await until(async () => expect((await status(cluster, n2)).received).toBe('thirdlate'));
});

test('healAll ends delays, cuts and repeated resets', async () => {
  const { cluster } = await launch({ nodes: 2 });
  const link = { from: n1, to: n2 };
  const faults = [
    await cluster.links.slow([link], { delayNs: 3_600 * SECOND, jitterNs: 0 }),
    await cluster.links.cut([link]),
    await cluster.links.resetEvery([link], MILLISECOND),
  ];
  await cluster.links.healAll();
  for (let i = 0; i < 20; i++) await send(cluster, n1, n2, 'x');
  await until(async () => expect((await status(cluster, n2)).received).toBe('x'.repeat(20)));
  for (const fault of faults) await fault[Symbol.asyncDispose]();
  expect(await cluster.links.traffic(link)).toMatchObject({ connections: 1, resets: 0 });
});

test('links are reset once, or again and again until that is healed', async () => {
  const { cluster } = await launch();
  const link = { from: n1, to: n2 };
  const untouched = { from: n3, to: n2 };
  await send(cluster, n3, n2, 'x');
  await send(cluster, n1, n2, 'a');
  await until(async () => expect((await status(cluster, n2)).received).toHaveLength(2));
  expect(await cluster.links.reset([link])).toBe(1);
  const resets = async (): Promise<number> => (await cluster.links.traffic(link)).resets;
  expect(await resets()).toBe(1);
  const resetting = await cluster.links.resetEvery([link], MILLISECOND);
  await until(async () => {
    await send(cluster, n1, n2, 'b');
    expect(await resets()).toBeGreaterThan(4);
  });
  await resetting[Symbol.asyncDispose]();
  // The connection that is made now stays.
  await until(async () => {
    await send(cluster, n1, n2, 'c');
    expect((await status(cluster, n2)).received).toContain('c');
  });
  const { connections } = await cluster.links.traffic(link);
  for (let i = 0; i < 20; i++) await send(cluster, n1, n2, 'd');
  await until(async () => {
    expect((await status(cluster, n2)).received).toContain('d'.repeat(20));
  });
  expect((await cluster.links.traffic(link)).connections).toBe(connections);
  expect(await cluster.links.traffic(untouched)).toMatchObject({ connections: 1, resets: 0 });
});

test('disposal ends every process, also a stopped and a deaf one, and frees the ports', async () => {
  const { cluster, exits } = await launch({ settings: { deaf: 'n2' } });
  const processes = processesOf(cluster);
  expect(alive(processes).length).toBe(4);
  process.kill(defined(cluster.processes.pid(n3), 'it runs'), 'SIGSTOP');
  await Promise.all([cluster[Symbol.asyncDispose](), cluster[Symbol.asyncDispose]()]);
  expect(alive(processes)).toEqual([]);
  expect(exits).toEqual([]);
  const socket = connect(Number(new URL(cluster.url(n1)).port), HOST);
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});

test('disposal while a node is being started leaves none behind', async () => {
  const { cluster } = await launch();
  await cluster.processes.kill(n1);
  const starting = cluster.processes.start(n1).catch(() => {});
  await cluster[Symbol.asyncDispose]();
  await starting;
  expect(cluster.nodes.map((node) => cluster.processes.pid(node))).toEqual(
    cluster.nodes.map(() => undefined),
  );
  await expect(cluster.processes.start(n1)).rejects.toThrow(UserError);
});

test('a kill that follows a start without waiting finds the process that it started', async () => {
  const { cluster } = await launch({ nodes: 1 });
  await cluster.processes.kill(n1);
  const starting = cluster.processes.start(n1);
  await cluster.processes.kill(n1);
  await starting;
  expect(cluster.processes.pid(n1)).toBeUndefined();
});

test('a launch that is aborted, at whatever step, leaves nothing behind', async () => {
  for (const step of [1, 2, 3, 4]) {
    const ports: number[] = [];
    const target = {
      launch(request: LaunchRequest): LaunchSpec {
        ports.push(request.clientPort, ...request.peers.map((peer) => peer.port));
        return fakeTarget.launch(request);
      },
    };
    let steps = 0;
    const signal = {
      throwIfAborted() {
        if (++steps === step) throw new Error('enough');
      },
    } as AbortSignal;
    const options = optionsIn(temporaryDirectory());
    await expect(launchLocalCluster({ ...options, target, signal })).rejects.toThrow('enough');
    expect(ports.length).toBe(step === 1 ? 0 : 9);
    expect(await Promise.all(ports.map(hasListener))).toEqual(ports.map(() => false));
  }
});

test('a port that is lost to somebody else after it was found free is named all the same', async () => {
  await using claimed = await claimPorts(portCount(2));
  const layout = layOut([n1, n2], claimed.ports);
  const { port } = defined(layout.links[1], 'n2->n1');
  const server = createServer().listen(port, HOST);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const directory = temporaryDirectory();
  await expect(
    LocalCluster.open({ layout, specs: new Map(), logDir: directory, removeOnExit: [] }),
  ).rejects.toMatchObject({
    code: 'GONG-E031',
    message: `port ${port} for the link n2->n1 is in use`,
  });
});

test('a command that does not exist is an infrastructure error with the way to its log', async () => {
  const launching = launch({
    target: { launch: () => ({ command: '/nonexistent/node', args: [], env: {} }) },
  });
  await expect(launching).rejects.toMatchObject({
    kind: 'infrastructure',
    code: 'GONG-E035',
    why: expect.stringContaining('ENOENT') as unknown,
  });
});

/** A base with so many free ports behind it. */
async function freeBasePort(count: number): Promise<number> {
  for (;;) {
    const claimed = await claimPorts(count);
    onTestFinished(() => claimed[Symbol.asyncDispose]());
    const { ports } = claimed;
    const first = defined(ports[0], 'as many as asked for');
    if (ports.at(-1) === first + count - 1) return first - 1;
  }
}

test('a base port fixes the ports; one that is in use is named, with its holder', async () => {
  const base = await freeBasePort(portCount(2));
  {
    const { cluster } = await launch({ basePort: base, nodes: 2 });
    expect(cluster.url(n1)).toBe(`http://127.0.0.1:${base + 1}`);
    await cluster[Symbol.asyncDispose]();
  }
  // n2's peer port, with two nodes.
  const server = createServer().listen(base + 4, HOST);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  await expect(launch({ basePort: base, nodes: 2 })).rejects.toMatchObject({
    kind: 'infrastructure',
    code: 'GONG-E031',
    message: `port ${base + 4} for n2's peers is in use`,
    why: expect.stringContaining(
      process.platform === 'linux' ? `is held by pid ${process.pid} (` : 'in use',
    ) as unknown,
  });
});

test('a port taken while its node was down is named when the node is started again', async () => {
  const { cluster } = await launch({ nodes: 1 });
  await cluster.processes.kill(n1);
  const port = Number(new URL(cluster.url(n1)).port);
  const server = createServer().listen(port, HOST);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  if (process.platform !== 'linux') return;
  await expect(cluster.processes.start(n1)).rejects.toMatchObject({ code: 'GONG-E031' });
});
