import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { nodeId } from '../../contracts/names.ts';
import { UserError } from '../../lib/user-error.ts';
import { describeHolder, hasListener } from './port-holder.ts';
import { findFreePorts, layOut, portsFrom } from './ports.ts';
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
  const ports = await findFreePorts(42);
  expect(new Set(ports).size).toBe(42);
  expect(Math.max(...ports)).toBeLessThan(32_768);
});

test.runIf(process.platform === 'linux')('the holder of a port is found in /proc', async () => {
  const [port = 0] = await findFreePorts(1);
  expect([await hasListener(port), await describeHolder(port)]).toEqual([false, undefined]);
  const server = createServer().listen(port, HOST);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  expect(await hasListener(port)).toBe(true);
  expect(await describeHolder(port)).toMatch(new RegExp(`^pid ${process.pid} \\(`));
});
