import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeRandom } from '../../lib/prng.ts';
import { logOf } from '../core/testing/network.ts';
import { type Entry, logIndex, nodeId, term } from '../core/types.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { Wal, WalDamage, type WalOptions, type WalRecords } from './wal.ts';
import { encodeBatch, firstBatchOf, segmentName } from './wal-segments.ts';
import { SPARE } from './wal-spare.ts';

const FIRST = segmentName(1);
const n1 = nodeId('n1');

function options(rest: Partial<WalOptions> = {}): WalOptions {
  return {
    identity: { clusterId: 'c', node: n1 },
    fsync: 'always',
    onFailure: (error) => {
      throw error;
    },
    ...rest,
  };
}

async function persist(wal: Wal, records: WalRecords): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  wal.persist(records, resolve);
  await promise;
}

function entry(index: number, at: number, size = 3): Entry {
  const data = new Uint8Array(size).fill(index & 255);
  return { index: logIndex(index), term: term(at), kind: 'command', data };
}

test('an empty directory becomes an empty log that belongs to this node', async () => {
  const disk = new MemoryDisk();
  const { restored, tornBytes } = await Wal.open(disk, options());
  expect(restored).toEqual({
    hardState: { term: 0, votedFor: undefined },
    base: { index: 0, term: 0 },
    entries: [],
  });
  expect(tornBytes).toBe(0);
  const stranger = options({ identity: { clusterId: 'c', node: nodeId('n2') } });
  await expect(Wal.open(disk, stranger)).rejects.toThrow(/belongs to node n1 of cluster c/);
});

test('what was called durable is there after a crash; hard state, entries and their clients', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options());
  const withClient: Entry = { ...entry(2, 1), client: { id: 2 ** 40, sequence: 7 } };
  await persist(wal, { hardState: { term: term(1), votedFor: n1 }, entries: [entry(1, 1)] });
  await persist(wal, { entries: [withClient] });
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored.hardState).toEqual({ term: 1, votedFor: 'n1' });
  expect(restored.entries).toEqual([entry(1, 1), withClient]);
});

test('an entry at an index that is there replaces it and all behind it', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options());
  await persist(wal, { entries: [entry(1, 1), entry(2, 1), entry(3, 1)] });
  await persist(wal, { entries: [entry(2, 2)] });
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored.entries).toEqual([entry(1, 1), entry(2, 2)]);
});

test('the log may begin behind any position (a snapshot holds the rest)', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options());
  await persist(wal, { entries: logOf(1, 1, 2) });
  await persist(wal, { base: { index: logIndex(2), term: term(1) } });
  const base = { index: logIndex(100), term: term(5) };
  await persist(wal, { base, isReplaced: true, entries: [entry(101, 5)] });
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored).toMatchObject({ base: { index: 100, term: 5 }, entries: [entry(101, 5)] });
});

test('group commit: what arrives while a sync is under way shares the next batch and sync', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options());
  const gate = Promise.withResolvers<void>();
  disk.gate = gate.promise;
  const before = disk.syncs;
  const all = [1, 2, 3, 4, 5].map((index) => persist(wal, { entries: [entry(index, 1)] }));
  expect(disk.syncs - before, 'the next batch waits for the last to be synced').toBe(1);
  gate.resolve();
  await Promise.all(all);
  expect(disk.syncs - before).toBe(2);
  expect(wal.batches).toBe(3);
});

test('nothing is called durable before its sync is done, nor after a sync that failed', async () => {
  const disk = new MemoryDisk();
  const failures: unknown[] = [];
  const { wal } = await Wal.open(disk, options({ onFailure: (error) => failures.push(error) }));
  let durable = 0;
  disk.failsNextSync = true;
  wal.persist({ entries: [entry(1, 1)] }, () => (durable += 1));
  wal.persist({ entries: [entry(2, 1)] }, () => (durable += 1));
  while (failures.length === 0) await new Promise(setImmediate);
  disk.failsNextSync = false;
  wal.persist({ entries: [entry(3, 1)] }, () => (durable += 1));
  await new Promise(setImmediate);
  expect(durable, 'a failed sync is final').toBe(0);
  expect(failures).toHaveLength(1);
});

test('a sync that failed while a batch was on its way ends both: nothing is written or durable after it', async () => {
  const failures: string[] = [];
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(
    disk,
    options({
      fsync: 'interval',
      segmentBytesMax: 1,
      onFailure: (error) => failures.push(String(error)),
    }),
  );
  const before = disk.files.size;
  let isDurable = false;
  // The kernel tells of an error once: whoever syncs next hears that all is well.
  const { promise: rotates, resolve: goOn } = Promise.withResolvers<void>();
  disk.failsNextSync = true;
  const failing = wal.syncNow();
  disk.gate = rotates;
  wal.persist({ entries: [entry(1, 1)] }, () => (isDurable = true));
  await failing;
  disk.failsNextSync = false;
  goOn();
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toEqual(['Error: EIO: the disk is broken']);
  expect(isDurable).toBe(false);
  expect(disk.files.size).toBe(before);
});

test('fsync=never calls durable what a power failure loses', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options({ fsync: 'never' }));
  await persist(wal, { entries: [entry(1, 1)] });
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored.entries).toEqual([]);
});

test('fsync=interval keeps what was synced, across segments', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options({ fsync: 'interval', segmentBytesMax: 200 }));
  for (let i = 1; i <= 20; i++) {
    await persist(wal, { entries: [entry(i, 1, 30)] });
    await wal.syncNow();
  }
  await persist(wal, { entries: [entry(21, 1, 30)] });
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored.entries).toHaveLength(20);
});

test('any torn tail is left behind, and the log goes on without it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 40 }), async (cut, size) => {
      const disk = new MemoryDisk();
      const { wal } = await Wal.open(disk, options());
      await persist(wal, { entries: [entry(1, 1)] });
      const { gate } = disk;
      disk.gate = new Promise(() => {});
      wal.persist({ entries: [entry(2, 1, size)] }, () => {});
      disk.gate = gate;
      const crashed = disk.afterCrash((unsynced) => unsynced.slice(0, cut % unsynced.length));
      const again = await Wal.open(crashed, options());
      expect(again.restored.entries).toEqual([entry(1, 1)]);
      await persist(again.wal, { entries: [entry(2, 7)] });
      const { restored, tornBytes } = await Wal.open(crashed.afterCrash(), options());
      expect(restored.entries).toEqual([entry(1, 1), entry(2, 7)]);
      expect(tornBytes).toBe(0);
    }),
  );
});

test('a damaged bit with a valid later batch behind it is refused, wherever it is', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options());
  for (let i = 1; i <= 5; i++) await persist(wal, { entries: [entry(i, 1, 20)] });
  const size = disk.files.get(FIRST)?.bytes.length ?? 0;
  const lastBatch = size / 6;
  const random = makeRandom(1);
  for (let i = 0; i < 200; i++) {
    const damaged = disk.afterCrash();
    damaged.damage(FIRST, random.integer(0, Math.floor(size - lastBatch * 1.5)));
    await expect(Wal.open(damaged, options())).rejects.toThrow(WalDamage);
    await expect(Wal.open(damaged, options())).rejects.toThrow(/later batch \d+ is whole/);
  }
});

test('a missing segment is refused; segments follow each other', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options({ segmentBytesMax: 200 }));
  for (let i = 1; i <= 20; i++) await persist(wal, { entries: [entry(i, 1, 50)] });
  const names = [...disk.files.keys()]
    .filter((name) => firstBatchOf(name) !== undefined)
    .toSorted();
  expect(names.length).toBeGreaterThan(3);
  const whole = await Wal.open(disk.afterCrash(), options());
  expect(whole.restored.entries).toHaveLength(20);
  for (const name of names.slice(0, -1)) {
    const holed = disk.afterCrash();
    await holed.remove(name);
    await expect(Wal.open(holed, options())).rejects.toThrow(WalDamage);
  }
});

test('an old batch in a recycled file does not come back', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options());
  await persist(wal, { entries: [entry(1, 1)] });
  disk.append(
    FIRST,
    encodeBatch(1, () => {}),
  );
  await disk.sync(FIRST);
  const { restored, tornBytes } = await Wal.open(disk.afterCrash(), options());
  expect(restored.entries).toEqual([entry(1, 1)]);
  expect(tornBytes).toBeGreaterThan(0);
});

test('what a killed process left in the page cache is synced before it is relied on', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options({ fsync: 'never' }));
  await persist(wal, { entries: [entry(1, 1)] });
  await Wal.open(disk, options());
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored.entries).toEqual([entry(1, 1)]);
});

test('random writes, crashes and torn tails: all that was durable is there, in order', async () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = makeRandom(seed);
    let disk = new MemoryDisk();
    let durable: Entry[] = [];
    for (let life = 0; life < 5; life++) {
      const { wal, restored } = await Wal.open(disk, options({ segmentBytesMax: 300 }));
      const { entries } = restored;
      expect(entries.slice(0, durable.length), `seed ${seed}`).toEqual(durable);
      let next = entries.length + 1;
      durable = [...entries];
      for (let i = random.integer(0, 8); i > 0; i--) {
        const count = random.integer(1, 3);
        const batch = Array.from({ length: count }, () => entry(next++, life + 1, 30));
        await persist(wal, { entries: batch });
        durable.push(...batch);
      }
      disk.gate = new Promise(() => {});
      wal.persist({ entries: [entry(next, life + 1, 30)] }, () => {});
      disk = disk.afterCrash((tail) => tail.slice(0, random.integer(0, tail.length)));
    }
  }
});

test('the next segment is filled with zeros beforehand, and begun when it is whole', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options({ segmentBytesMax: 2000 }));
  let index = 0;
  while (!disk.files.has(SPARE)) await persist(wal, { entries: [entry(++index, 1, 100)] });
  const written = disk.files.get(FIRST)?.bytes.length ?? 0;
  expect(written, 'long before this one is full').toBeLessThan(1000);
  await persist(wal, { entries: [entry(++index, 1, 100)] });
  expect(disk.files.has(SPARE)).toBe(false);
  const [, second = ''] = [...disk.files.keys()].toSorted();
  expect(disk.files.get(second)?.bytes, 'a batch takes the place of zeros').toHaveLength(2000);
  const { restored, tornBytes } = await Wal.open(disk.afterCrash(), options());
  expect(restored.entries).toHaveLength(index);
  expect(tornBytes, 'zeros are nothing that was interrupted').toBe(0);
});

test('what tears in front of zeros is left behind; nothing is called damaged', async () => {
  for (let cut = 1; cut < 120; cut += 7) {
    const disk = new MemoryDisk();
    const { wal } = await Wal.open(disk, options({ segmentBytesMax: 600 }));
    for (let index = 1; index <= 12; index++)
      await persist(wal, { entries: [entry(index, 1, 60)] });
    disk.gate = new Promise(() => {});
    wal.persist({ entries: [entry(13, 1, 60)] }, () => {});
    const crashed = disk.afterCrash((unsynced) => unsynced.slice(0, cut));
    const again = await Wal.open(crashed, options());
    expect(again.restored.entries.length, `after ${cut} bytes`).toBeGreaterThanOrEqual(12);
    await persist(again.wal, { entries: [entry(again.restored.entries.length + 1, 2)] });
    const { restored } = await Wal.open(crashed.afterCrash(), options());
    expect(restored.entries).toHaveLength(again.restored.entries.length + 1);
  }
});

test('a disk on which no segment can be prepared is written to as before', async () => {
  const disk = new MemoryDisk();
  disk.allocate = () => Promise.reject(new Error('ENOSPC'));
  const { wal } = await Wal.open(disk, options({ segmentBytesMax: 500 }));
  for (let index = 1; index <= 20; index++) await persist(wal, { entries: [entry(index, 1, 60)] });
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored.entries).toHaveLength(20);
});

test('a segment that was prepared and not begun is gone at the next start', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options({ segmentBytesMax: 100_000 }));
  for (let index = 1; index <= 5; index++) {
    await persist(wal, { entries: [entry(index, 1, 20_000)] });
    if (disk.files.has(SPARE)) break;
  }
  expect(disk.files.has(SPARE)).toBe(true);
  await Wal.open(disk, options());
  expect(disk.files.has(SPARE)).toBe(false);
});

test('a removed segment that comes back behind a gap does no harm where a snapshot holds the rest (§7)', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, options({ segmentBytesMax: 60 }));
  for (let index = 1; index <= 3; index++) await persist(wal, { entries: [entry(index, 1)] });
  const old = await disk.read(FIRST);
  for (let index = 4; index <= 6; index++) await persist(wal, { entries: [entry(index, 1)] });
  await persist(wal, { base: { index: logIndex(5), term: term(1) } });
  const segments = wal.segments;
  wal.removeBehind(logIndex(5));
  while (disk.files.has(segmentName(4))) await new Promise(setImmediate);
  expect(wal.segments).toBeLessThan(segments);
  // Its removal was lost with a sync that failed, and the page cache has forgotten what it showed.
  disk.append(FIRST, old);
  await disk.sync(FIRST);
  await disk.syncDirectory();
  const { restored } = await Wal.open(disk.afterCrash(), options());
  expect(restored).toMatchObject({ base: { index: 5, term: 1 }, entries: [entry(6, 1)] });
});
