import { expect, test } from 'vitest';
import { defined } from '../lib/assert.ts';
import { makeRandom, type Random } from '../lib/prng.ts';
import { LoneDisk } from './testing/lone-disk.ts';

function bytes(random: Random, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, () => random.integer(1, 255));
}

async function contents(lone: LoneDisk): Promise<Map<string, Uint8Array>> {
  const handle = lone.disk.attach();
  return lone.drive(async () => {
    const found = new Map<string, Uint8Array>();
    for (const name of await handle.list()) found.set(name, await handle.read(name));
    return found;
  });
}

test('what was synced, and whose name was synced, survives any power failure; the rest may not', async () => {
  const sizes = new Set<number>();
  for (let seed = 1; seed <= 60; seed++) {
    const lone = new LoneDisk(seed);
    const handle = lone.disk.attach();
    const random = makeRandom(seed);
    const [first, second] = [bytes(random, 700), bytes(random, 1500)];
    await lone.drive(async () => {
      handle.append('a', first);
      await handle.sync('a');
      expect(lone.disk.syncedBytes('a'), 'nobody would find it').toBe(0);
      await handle.syncDirectory();
      expect(lone.disk.syncedBytes('a')).toBe(700);
      handle.append('a', second);
      handle.append('b', second);
      await handle.sync('b');
    });
    expect(lone.disk.syncedBytes('a')).toBe(700);
    lone.disk.powerFailure();
    const after = await contents(lone);
    const a = defined(after.get('a'), 'its name was synced');
    expect(a.subarray(0, 700)).toEqual(first);
    expect(a.length).toBeLessThanOrEqual(2200);
    sizes.add(a.length);
    expect(after.get('b') ?? second, 'synced, if its name came through').toEqual(second);
  }
  expect(sizes.size, 'tails of all lengths').toBeGreaterThan(10);
});

test('a killed process leaves the page cache; its handle is dead, and what it waits for never comes', async () => {
  const lone = new LoneDisk(1);
  const old = lone.disk.attach();
  old.append('a', Uint8Array.of(1, 2, 3));
  let hasSettled = false;
  const settled = (): void => void (hasSettled = true);
  old.sync('a').then(settled, settled);
  lone.disk.kill();
  old.append('a', Uint8Array.of(4));
  old.remove('a').then(settled, settled);
  expect(await contents(lone)).toEqual(new Map([['a', Uint8Array.of(1, 2, 3)]]));
  await lone.drive(() => lone.sim.sleep(1e9));
  expect(hasSettled).toBe(false);
});

test('a handle is dead from its detaching on, also from within the event of a call', async () => {
  const lone = new LoneDisk(1);
  const handle = lone.disk.attach();
  lone.tap = (event) => {
    if (event.type === 'call') handle.detach();
  };
  handle.append('a', Uint8Array.of(1));
  lone.tap = () => {};
  expect(await contents(lone)).toEqual(new Map());
});

test('a full disk writes a prefix and says ENOSPC; room that is made can be used', async () => {
  const lone = new LoneDisk(1);
  const handle = lone.disk.attach();
  const heal = lone.disk.full(5);
  handle.append('a', Uint8Array.of(1, 2, 3));
  expect(() => handle.append('a', Uint8Array.of(4, 5, 6))).toThrow(/ENOSPC/);
  expect(() => handle.append('b', Uint8Array.of(7))).toThrow(/ENOSPC/);
  await lone.drive(async () => {
    expect(await handle.read('a')).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
    expect(await handle.read('b'), 'the file is there all the same').toEqual(new Uint8Array(0));
    await handle.remove('a');
  });
  handle.append('b', Uint8Array.of(7, 8, 9, 10, 11));
  expect(() => handle.append('b', Uint8Array.of(12))).toThrow(/ENOSPC/);
  heal();
  handle.append('b', new Uint8Array(10_000));
});

test('after a failed sync the next one says that all is well, and the bytes are lost all the same (fsyncgate)', async () => {
  let lost = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const lone = new LoneDisk(seed);
    const handle = lone.disk.attach();
    const written = bytes(makeRandom(seed), 2000);
    await lone.drive(async () => {
      handle.append('a', new Uint8Array(0));
      await handle.syncDirectory();
      handle.append('a', written);
      lone.disk.failNextSync();
      await expect(handle.sync('a')).rejects.toThrow(/EIO/);
      await handle.sync('a');
      expect(await handle.read('a'), 'the cache still shows it').toEqual(written);
    });
    lone.disk.powerFailure();
    const after = defined((await contents(lone)).get('a'), 'its name was synced');
    if (Buffer.compare(after, written) !== 0) lost += 1;
  }
  expect(lost).toBeGreaterThan(20);
  expect(lost).toBeLessThan(40);
});

test('a failed sync that is taken back did not happen; a read may fail, and the next one not', async () => {
  const lone = new LoneDisk(1);
  const handle = lone.disk.attach();
  handle.append('a', Uint8Array.of(1));
  lone.disk.failNextSync()();
  const heal = lone.disk.readErrors(1);
  await lone.drive(async () => {
    await handle.sync('a');
    await expect(handle.read('a')).rejects.toThrow(/EIO/);
    heal();
    await handle.read('a');
  });
});

test('a slow disk takes longer, until it is healed', async () => {
  const lone = new LoneDisk(1);
  const handle = lone.disk.attach();
  const time = async (): Promise<number> => {
    const before = lone.sim.now();
    await lone.drive(() => handle.list());
    return lone.sim.now() - before;
  };
  expect(await time()).toBeLessThanOrEqual(100);
  const heal = lone.disk.slow({ minNs: 5000, maxNs: 6000 });
  expect(await time()).toBeGreaterThanOrEqual(5010);
  heal();
  expect(await time()).toBeLessThanOrEqual(100);
});

test('a flipped bit is what the next reader sees, after a power failure, too', async () => {
  const lone = new LoneDisk(1);
  const handle = lone.disk.attach();
  handle.append('a', Uint8Array.of(1, 2, 3));
  await lone.drive(async () => {
    await handle.sync('a');
    await handle.syncDirectory();
  });
  lone.disk.flip('a', 1, 0x40);
  expect((await contents(lone)).get('a')).toEqual(Uint8Array.of(1, 0x42, 3));
  lone.disk.powerFailure();
  expect((await contents(lone)).get('a')).toEqual(Uint8Array.of(1, 0x42, 3));
});
