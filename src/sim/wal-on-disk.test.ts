import { expect, test } from 'vitest';
import { defined } from '../lib/assert.ts';
import { type Entry, logIndex, nodeId, term } from '../raft/core/types.ts';
import { Wal, WalDamage } from '../raft/driver/wal.ts';
import { firstBatchOf, segmentName } from '../raft/driver/wal-segments.ts';
import { LoneDisk } from './testing/lone-disk.ts';

function entry(index: number): Entry {
  const data = new Uint8Array(600).fill(index);
  return { index: logIndex(index), term: term(1), kind: 'command', data };
}

/** Settles when the entry is durable, rejects when the log has failed. */
async function open(
  lone: LoneDisk,
  node: string = 'n1',
): Promise<{ found: number; persist: (index: number) => Promise<void> }> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const { wal, restored } = await Wal.open(lone.disk.attach(), {
    identity: { clusterId: 'c', node: nodeId(node) },
    fsync: 'always',
    segmentBytesMax: 1000,
    onFailure: failed.reject,
  });
  return {
    found: restored.entries.length,
    persist: (index) => {
      const durable = new Promise<void>((resolve) => {
        wal.persist({ entries: [entry(index)] }, resolve);
      });
      return Promise.race([durable, failed.promise]);
    },
  };
}

const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1);

test('a batch whose sync failed, and which the page cache still shows, is written again before it is relied on', async () => {
  let relied = 0;
  for (const seed of SEEDS) {
    const lone = new LoneDisk(seed);
    await lone.drive(async () => {
      const { persist } = await open(lone);
      await persist(1);
      lone.disk.failNextSync();
      await expect(persist(2)).rejects.toThrow(/EIO/);
      lone.disk.kill();
      const { found } = await open(lone);
      if (found === 2) relied += 1;
      lone.disk.powerFailure();
      expect((await open(lone)).found, `seed ${seed}`).toBe(found);
    });
  }
  expect(relied).toBeGreaterThan(10);
});

test('a name whose sync failed is made anew before the segment is relied on', async () => {
  for (const seed of SEEDS) {
    const lone = new LoneDisk(seed);
    await lone.drive(async () => {
      const { persist } = await open(lone);
      lone.tap = (event) => {
        if (event.type === 'call' && event.operation === 'sync-directory') lone.disk.failNextSync();
      };
      const persistAll = async (): Promise<void> => {
        for (;;) await persist(++last);
      };
      let last = 0;
      // Whichever begins a segment.
      await expect(persistAll()).rejects.toThrow(/sync-directory/);
      expect(last).toBeGreaterThan(1);
      lone.tap = () => {};
      lone.disk.kill();
      const again = await open(lone);
      expect(again.found).toBe(last);
      await again.persist(last + 1);
      lone.disk.powerFailure();
      expect((await open(lone)).found, `seed ${seed}`).toBe(last + 1);
    });
  }
});

test('a leftover segment that comes back after its removal disturbs nobody', async () => {
  const lone = new LoneDisk(1);
  await lone.drive(async () => {
    const { persist } = await open(lone);
    for (let i = 1; i <= 6; i++) await persist(i);
    lone.disk.kill();
    const handle = lone.disk.attach();
    const numbers = (await handle.list()).flatMap((name) => firstBatchOf(name) ?? []);
    const last = Math.max(...numbers);
    const between = defined(
      Array.from({ length: last }, (_, i) => i + 1).find((number) => !numbers.includes(number)),
      'a segment has more than one batch',
    );
    // Between two segments, where an interrupted write once began one.
    handle.append(segmentName(between), new Uint8Array(100));
    await handle.sync(segmentName(between));
    await handle.syncDirectory();
    expect((await open(lone)).found).toBe(6);
    expect((await open(lone)).found).toBe(6);
  });
});

test('a segment in name only, beyond the end of the log, says that the log went on: refused', async () => {
  const lone = new LoneDisk(1);
  await lone.drive(async () => {
    const { persist } = await open(lone);
    await persist(1);
    const handle = lone.disk.attach();
    handle.append(segmentName(9), new Uint8Array(0));
    await handle.syncDirectory();
    await expect(open(lone)).rejects.toThrow(WalDamage);
  });
});

test('a full disk or a failed read at the start refuses to start, and changes nothing', async () => {
  const lone = new LoneDisk(1);
  await lone.drive(async () => {
    const { persist } = await open(lone);
    for (let i = 1; i <= 5; i++) await persist(i);
    // A start gives back what was prepared.
    await open(lone);
    for (const free of [0, 50, 100]) {
      const heal = lone.disk.full(free);
      await expect(open(lone), `${free} bytes free`).rejects.toThrow(/ENOSPC/);
      heal();
    }
    const heal = lone.disk.readErrors(1);
    await expect(open(lone)).rejects.toThrow(/EIO/);
    heal();
    lone.disk.powerFailure();
    expect((await open(lone)).found).toBe(5);
  });
});

test('a directory that belongs to another node stays as it is', async () => {
  const lone = new LoneDisk(1);
  await lone.drive(async () => {
    const { persist } = await open(lone);
    await persist(1);
    const before = lone.disk.settledFiles();
    await expect(open(lone, 'n2')).rejects.toThrow(/belongs to node n1/);
    expect(lone.disk.settledFiles()).toEqual(before);
  });
});
