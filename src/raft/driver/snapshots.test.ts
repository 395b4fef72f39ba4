import { expect, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { nodeId, type NodeId } from '../core/types.ts';
import { decodePeerMessage } from './peer-message.ts';
import type { SnapshotEvent } from './ports.ts';
import type { Answer } from './requests.ts';
import { positionOf } from './snapshot-format.ts';
import { TestDrivers, type TestDriversOptions } from './testing/drivers.ts';
import { firstBatchOf } from './wal-segments.ts';

const MS = 1_000_000;

function cluster(
  size: number,
  more: Partial<TestDriversOptions> = {},
): { drivers: TestDrivers; events: Map<NodeId, SnapshotEvent[]> } {
  const events = new Map<NodeId, SnapshotEvent[]>();
  const drivers = new TestDrivers(size, 'always', {
    snapshots: { threshold: 20, trailing: 5, sliceBytes: 64, chunkBytes: 100, windowBytes: 300 },
    segmentBytesMax: 800,
    observer: (id) => ({
      restored() {},
      stepped() {},
      written() {},
      applied() {},
      snapshot(event) {
        const list = events.get(id) ?? [];
        events.set(id, list);
        list.push(event);
      },
    }),
    ...more,
  });
  return { drivers, events };
}

async function put(drivers: TestDrivers, key: string, value: string): Promise<Answer | undefined> {
  const leader = defined(drivers.leader, 'somebody leads');
  return drivers.ask(leader, { type: 'command', command: { type: 'put', key, value } });
}

async function putMany(drivers: TestDrivers, from: number, to: number): Promise<void> {
  for (let i = from; i <= to; i++) {
    expect(await put(drivers, `k${i % 10}`, `v${i}`), `write ${i}`).toMatchObject({ type: 'ok' });
    // Slices come with pauses between them.
    await drivers.pass(2 * MS);
  }
}

async function stale(drivers: TestDrivers, id: NodeId, key: string): Promise<unknown> {
  const answer = await drivers.ask(id, { type: 'read', key, consistency: 'stale' });
  return answer?.type === 'ok' ? answer.value : answer;
}

function filesOf(drivers: TestDrivers, id: NodeId): string[] {
  return [...defined(drivers.disks.get(id), 'a disk').files.keys()].toSorted();
}

const [n1, n2, n3] = ['n1', 'n2', 'n3'].map(nodeId) as [NodeId, NodeId, NodeId];

test('the log is compacted behind a snapshot, segments and older snapshots go', async () => {
  const { drivers } = cluster(1);
  await drivers.startAll();
  await drivers.elect();
  await putMany(drivers, 1, 100);
  await drivers.runUntil(() => !drivers.driver(n1).status().snapshot.isTaking);
  const { log, snapshot, lastApplied } = drivers.driver(n1).status();
  expect(snapshot.taken).toBeGreaterThanOrEqual(4);
  expect(lastApplied - snapshot.lastIndex).toBeLessThan(20);
  expect(log.firstIndex).toBe(snapshot.lastIndex - 5 + 1);
  const files = filesOf(drivers, n1);
  expect(files.filter((name) => positionOf(name) !== undefined)).toHaveLength(1);
  expect(files.filter((name) => firstBatchOf(name) !== undefined).length).toBeLessThan(6);
  expect(files).not.toContain('wal-0000000000000001.log');
  expect(drivers.fatal).toEqual([]);
});

test('a node starts on its snapshot and the log behind it', async () => {
  const { drivers, events } = cluster(1);
  await drivers.startAll();
  await drivers.elect();
  await putMany(drivers, 1, 70);
  for (let life = 0; life < 3; life++) {
    drivers.crash(n1);
    await drivers.start(n1);
    await drivers.elect();
    const restored = events.get(n1)?.findLast(({ type }) => type === 'restored');
    expect(restored).toMatchObject({ last: { index: expect.any(Number) as number } });
    await drivers.runUntil(() => drivers.driver(n1).status().lastApplied > 70);
    for (let i = 61; i <= 70; i++) {
      expect(await stale(drivers, n1, `k${i % 10}`)).toBe(`v${i}`);
    }
  }
  await putMany(drivers, 71, 140);
  await drivers.runUntil(() => !drivers.driver(n1).status().snapshot.isTaking);
  // Restarts added segments, and compaction has removed those, too.
  expect(
    filesOf(drivers, n1).filter((name) => firstBatchOf(name) !== undefined).length,
  ).toBeLessThan(6);
});

test('a follower that was down for long catches up by a snapshot while writes go on', async () => {
  const { drivers, events } = cluster(3);
  await drivers.startAll();
  const leader = await drivers.elect();
  const follower = defined(
    [n1, n2, n3].find((id) => id !== leader),
    'one follows',
  );
  drivers.crash(follower);
  await putMany(drivers, 1, 100);
  await drivers.start(follower);
  await putMany(drivers, 101, 120);
  await drivers.runUntil(() => drivers.driver(follower).status().lastApplied >= 121);
  expect(events.get(follower)?.map(({ type }) => type)).toContain('installed');
  expect(events.get(leader)?.map(({ type }) => type)).toContain('sent');
  for (let i = 111; i <= 120; i++) {
    expect(await stale(drivers, follower, `k${i % 10}`)).toBe(`v${i}`);
  }
  drivers.crash(follower);
  await drivers.start(follower);
  await drivers.runUntil(() => drivers.driver(follower).status().lastApplied >= 121);
  expect(await stale(drivers, follower, 'k0')).toBe('v120');
  expect(drivers.fatal).toEqual([]);
});

test('a snapshot goes on where it was interrupted', async () => {
  const { drivers, events } = cluster(3);
  await drivers.startAll();
  const leader = await drivers.elect();
  const follower = defined(
    [n1, n2, n3].find((id) => id !== leader),
    'one follows',
  );
  drivers.crash(follower);
  await putMany(drivers, 1, 100);
  let chunks = 0;
  drivers.route = (_from, to, bytes, arrive) => {
    const message = decodePeerMessage(bytes);
    const isChunk = message.type === 'raft' && message.message.type === 'install-snapshot';
    if (to === follower && isChunk) {
      chunks += 1;
      // Half of them are lost, and some come late, behind others.
      if (chunks % 2 === 0) return;
    }
    drivers.after(chunks % 3 === 0 ? 30 * MS : MS, arrive);
  };
  await drivers.start(follower);
  await drivers.runUntil(() => drivers.driver(follower).status().snapshot.installed > 0);
  await drivers.runUntil(() => drivers.driver(follower).status().lastApplied >= 101);
  expect(await stale(drivers, follower, 'k0')).toBe('v100');
  expect(events.get(follower)?.filter(({ type }) => type === 'damaged')).toEqual([]);
});

test('a damaged snapshot is not served: the one before takes its place if the log reaches back', async () => {
  const { drivers, events } = cluster(1, {
    snapshots: { threshold: 20, trailing: 1000, sliceBytes: 64 },
  });
  await drivers.startAll();
  await drivers.elect();
  await putMany(drivers, 1, 70);
  await drivers.runUntil(() => !drivers.driver(n1).status().snapshot.isTaking);
  drivers.crash(n1);
  const disk = defined(drivers.disks.get(n1), 'a disk');
  const newest = defined(
    filesOf(drivers, n1).findLast((name) => positionOf(name) !== undefined),
    'it took one',
  );
  disk.damage(newest, 30);
  await drivers.start(n1);
  const restored = events.get(n1)?.findLast(({ type }) => type === 'restored');
  expect(restored).toMatchObject({ damages: [expect.stringContaining(`${newest} at byte 0`)] });
  await drivers.elect();
  for (let i = 61; i <= 70; i++) expect(await stale(drivers, n1, `k${i % 10}`)).toBe(`v${i}`);
});

test('a node whose log begins behind a damaged snapshot refuses to start, and says where', async () => {
  const { drivers } = cluster(1);
  await drivers.startAll();
  await drivers.elect();
  await putMany(drivers, 1, 70);
  await drivers.runUntil(() => !drivers.driver(n1).status().snapshot.isTaking);
  drivers.crash(n1);
  const disk = defined(drivers.disks.get(n1), 'a disk');
  for (const name of filesOf(drivers, n1))
    if (positionOf(name) !== undefined) disk.damage(name, 90);
  const before = filesOf(drivers, n1);
  await expect(drivers.start(n1)).rejects.toThrow(/the log begins behind entry \d+.*snap at byte/);
  expect(filesOf(drivers, n1), 'nothing was changed').toEqual(before);
});

test('without any snapshot a log that begins later is refused', async () => {
  const { drivers } = cluster(1);
  await drivers.startAll();
  await drivers.elect();
  await putMany(drivers, 1, 70);
  await drivers.runUntil(() => !drivers.driver(n1).status().snapshot.isTaking);
  drivers.crash(n1);
  const disk = defined(drivers.disks.get(n1), 'a disk');
  for (const name of filesOf(drivers, n1))
    if (positionOf(name) !== undefined) await disk.remove(name);
  await expect(drivers.start(n1)).rejects.toThrow('no snapshot holds what was before');
});
