import { expect, test } from 'vitest';
import { nodeId } from '../core/types.ts';
import { MemoryDisk } from '../driver/testing/memory-disk.ts';
import { Wal } from '../driver/wal.ts';
import { sendAlone } from './connection.ts';
import { fuzzHttp } from './http-target.ts';
import { fuzzLiars } from './liars-target.ts';
import { LiveCluster } from './live-cluster.ts';
import { mutate } from './mutation.ts';
import { fuzzPeers } from './peers-target.ts';
import { fuzzSnapshots } from './snapshots-target.ts';
import type { FuzzTarget } from './target.ts';
import { fuzzWal } from './wal-target.ts';

// Short forms of `npm run fuzz`; each has its own findings printed with the seed that shows them again.
test.each<[string, FuzzTarget, number, RegExp]>([
  ['a log on disk that is damaged', fuzzWal, 3000, /refused by name/],
  ['snapshots on disk that are damaged', fuzzSnapshots, 500, /the damage named/],
  ['peers that lie', fuzzLiars, 3000, /rejected: its entry/],
  ['streams to the ports for peers', fuzzPeers, 1500, /acknowledged meanwhile/],
  ['requests to the ports for clients', fuzzHttp, 1500, /acknowledged meanwhile/],
])('%s does no harm', async (_name, fuzz, inputs, happened) => {
  const report = await fuzz({ inputs, seed: 7, log: () => {} });
  expect(report.inputs).toBeGreaterThanOrEqual(inputs);
  expect(Object.keys(report.counts).join('\n')).toMatch(happened);
});

// The tests of the test: harm is seen.
test('a node that ends is seen, and a write that is not there', async () => {
  await using cluster = await LiveCluster.start({ hasToken: false });
  const { clientPort, child } = cluster.node(0);
  await cluster.look();
  const bytes = new TextEncoder().encode('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  expect(await sendAlone(clientPort, bytes, 25)).toMatch(/^HTTP\/1\.1 200 /);
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGKILL');
  await ended;
  await expect(cluster.look()).rejects.toThrow(/n1 ended with SIGKILL/);
});

test('a batch in the middle that is damaged is not passed over', async () => {
  const disk = new MemoryDisk();
  const open = (on: MemoryDisk) =>
    Wal.open(on, {
      identity: { clusterId: 'test', node: nodeId('n1') },
      fsync: 'always',
      onFailure: () => {},
    });
  const { wal } = await open(disk);
  await new Promise<void>((resolve) => wal.persist({ entries: [] }, resolve));
  await new Promise<void>((resolve) => wal.persist({ entries: [] }, resolve));
  const [name = '', file] = [...disk.files][0] ?? [];
  const { bytes, touched } = mutate(file?.bytes ?? new Uint8Array(0), [
    { type: 'flip', at: 30, bit: 3 },
  ]);
  expect(touched).toEqual({ start: 30, end: 31 });
  const damaged = new MemoryDisk();
  damaged.append(name, bytes);
  await expect(open(damaged)).rejects.toThrow(/batch 1 is damaged or missing.*at byte \d+/);
});
