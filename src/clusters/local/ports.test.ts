import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { nodeId } from '../../contracts/names.ts';
import { UserError } from '../../lib/user-error.ts';
import { describeHolder, hasListener } from './port-holder.ts';
import { claimPorts, layOut, portsFrom } from './ports.ts';
import { HOST } from './protocol.ts';

const nodes = ['n1', 'n2', 'n3'].map(nodeId);

test('ports behind a base: clients, then peers, then links by from and to', () => {
  const layout = layOut(nodes, portsFrom(7100, 3));
  expect(layout.nodes).toEqual([
    { node: 'n1', clientPort: 7101, peerPort: 7104 },
    { node: 'n2', clientPort: 7102, peerPort: 7105 },
    { node: 'n3', clientPort: 7103, peerPort: 7106 },
  ]);
  expect(layout.links.map(({ from, to, port }) => `${from}->${to} ${port}`)).toEqual([
    'n1->n2 7107',
    'n1->n3 7108',
    'n2->n1 7109',
    'n2->n3 7110',
    'n3->n1 7111',
    'n3->n2 7112',
  ]);
});

test('a base port whose cluster would not fit below 32768 is a usage error', () => {
  expect(portsFrom(32_755, 3).at(-1)).toBe(32_767);
  for (const bad of [32_756, 1_022, 7100.5, Number.NaN, -1]) {
    expect(() => portsFrom(bad, 3)).toThrow(UserError);
  }
});

test('free ports are distinct, below 32768, and not those that somebody listens on', async () => {
  await using claimed = await claimPorts(42);
  const { ports } = claimed;
  expect(new Set(ports).size).toBe(42);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

test('ports that are claimed are given to nobody else, though nobody listens on them', async () => {
  const start = Math.floor(Math.random() * 500);
  await using one = await claimPorts(42, start);
  await using other = await claimPorts(42, start);
  expect(new Set([...one.ports, ...other.ports]).size).toBe(84);
  expect(await Promise.all(one.ports.map(hasListener))).toEqual(one.ports.map(() => false));
});

test('a claim ends with its disposal', async () => {
  const claimed = await claimPorts(1);
  const claim = (claimed.ports[0] ?? 0) - 1;
  const isOurs = async (): Promise<boolean> =>
    (await hasListener(claim)) &&
    (await describeHolder(claim))?.startsWith(`pid ${process.pid} `) !== false;
  expect(await isOurs()).toBe(true);
  await claimed[Symbol.asyncDispose]();
  expect(await isOurs()).toBe(false);
});

test.runIf(process.platform === 'linux')('the holder of a port is found in /proc', async () => {
  await using claimed = await claimPorts(1);
  const [port = 0] = claimed.ports;
  expect([await hasListener(port), await describeHolder(port)]).toEqual([false, undefined]);
  const server = createServer().listen(port, HOST);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  expect(await hasListener(port)).toBe(true);
  expect(await describeHolder(port)).toMatch(new RegExp(`^pid ${process.pid} \\(`));
});
