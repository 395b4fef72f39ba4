import { randomBytes } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import { connectThrough, dial, letPassWhatCan, openLink, until } from './testing/link-ends.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 60_000 });

/** No test waits for it: what arrives did not wait. */
const FOREVER = { delayNs: 3_600 * SECOND, jitterNs: 600 * SECOND };
const SHORT = { delayNs: 20 * MILLISECOND, jitterNs: 20 * MILLISECOND };

test('on a slow link each chunk arrives, late and in order, both ways, and counts as delayed', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.slow(SHORT);
  to.socket.on('data', (chunk) => to.socket.write(chunk));
  let sent = '';
  for (let i = 0; i < 40; i++) {
    from.socket.write(`${i},`);
    sent += `${i},`;
    // Chunks of their own, each with its own jitter.
    await new Promise((resolve) => setImmediate(resolve));
  }
  from.socket.end();
  await until(() => expect(from.text).toBe(`welcome${sent}`));
  expect(to.text).toBe(`hello${sent}`);
  expect(link.proxy.traffic()).toMatchObject({ delayedBytes: 2 * sent.length, heldBytes: 0 });
});

test('what waits on a slow link goes on at once when it is slow no more: bytes, then FIN', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.slow(FOREVER);
  from.socket.write('-one');
  await letPassWhatCan();
  from.socket.end('-two');
  to.socket.write('-back');
  await letPassWhatCan();
  expect([to.text, to.hasFin, from.text]).toEqual(['hello', false, 'welcome']);
  link.proxy.hurry(FOREVER);
  await until(() => expect([to.text, to.hasFin]).toEqual(['hello-one-two', true]));
  await until(() => expect(from.text).toBe('welcome-back'));
  // They were let go before their time, and nothing but delays that were kept counts.
  expect(link.proxy.traffic().delayedBytes).toBe(0);
});

test('of several delays the longest counts; when it ends the others do, for what waits too', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.slow(SHORT);
  link.proxy.slow(FOREVER);
  const even = { ...SHORT };
  link.proxy.slow(even);
  from.socket.write('!');
  await letPassWhatCan();
  link.proxy.hurry(even);
  await letPassWhatCan();
  expect(to.text).toBe('hello');
  link.proxy.hurry(FOREVER);
  await until(() => expect(to.text).toBe('hello!'));
  expect(link.proxy.traffic().delayedBytes).toBe(1);
  link.proxy.hurry(SHORT);
  from.socket.write('?');
  await until(() => expect(to.text).toBe('hello!?'));
  expect(link.proxy.traffic().delayedBytes).toBe(1);
});

test('a cut holds what has waited long enough, and what a slow link lets go', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.slow(SHORT);
  link.proxy.hold();
  from.socket.write('-held');
  await until(() => expect(link.proxy.traffic().heldBytes).toBe(5));
  await letPassWhatCan();
  link.proxy.hurry(SHORT);
  await letPassWhatCan();
  expect(to.text).toBe('hello');
  link.proxy.slow(FOREVER);
  link.proxy.release();
  await until(() => expect(to.text).toBe('hello-held'));
  from.socket.write('-late');
  await letPassWhatCan();
  link.proxy.hold();
  expect(link.proxy.traffic().heldBytes).toBe(10);
  link.proxy.release();
  await letPassWhatCan();
  expect(to.text).toBe('hello-held');
  link.proxy.hurry(FOREVER);
  await until(() => expect(to.text).toBe('hello-held-late'));
});

test('back-pressure: a slow link keeps a few megabytes in flight, then stops reading', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.slow(FOREVER);
  const bytes = 64 * 1024 * 1024;
  from.socket.write(randomBytes(bytes));
  // It has read all that it will when the sender's own buffer does not shrink any more.
  let [last, repeats] = [-1, 0];
  await until(() => {
    const now = from.socket.bytesWritten - from.socket.writableLength;
    repeats = now === last ? repeats + 1 : 0;
    last = now;
    expect(repeats).toBeGreaterThan(20);
  });
  expect(from.socket.writableLength).toBeGreaterThan(0);
  link.proxy.hold();
  const waiting = link.proxy.traffic().heldBytes;
  expect(waiting).toBeGreaterThanOrEqual(4 * 1024 * 1024);
  expect(waiting).toBeLessThan(5 * 1024 * 1024);
  link.proxy.hurry(FOREVER);
  link.proxy.release();
  await until(() => expect(to.bytes).toBe('hello'.length + bytes));
});

test('an RST waits on a slow link like everything else', async () => {
  for (const victim of ['from', 'to'] as const) {
    const link = await openLink();
    const ends = await connectThrough(link);
    const other = victim === 'from' ? ends.to : ends.from;
    link.proxy.slow(FOREVER);
    link.proxy.slow(SHORT);
    ends[victim].socket.resetAndDestroy();
    await letPassWhatCan();
    expect([other.hasFin, other.error, other.isClosed]).toEqual([false, undefined, false]);
    link.proxy.hurry(FOREVER);
    await until(() => expect([other.hasFin, other.error]).toEqual([false, 'ECONNRESET']));
  }
});

test('a reset ends every connection on both sides, and new ones are made at once', async () => {
  const link = await openLink();
  const connections = [await connectThrough(link), await connectThrough(link)];
  expect(link.proxy.reset()).toBe(2);
  for (const { from, to } of connections) {
    await until(() => expect([from.error, to.error]).toEqual(['ECONNRESET', 'ECONNRESET']));
  }
  const next = await connectThrough(link);
  expect([next.from.error, next.to.error]).toEqual([undefined, undefined]);
  expect(link.proxy.traffic()).toMatchObject({ connections: 3, resets: 2 });
});

test('a reset does not wait on a slow link: whatever is under way there is lost', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.slow(FOREVER);
  from.socket.write('-lost');
  await letPassWhatCan();
  expect(link.proxy.reset()).toBe(1);
  await until(() => expect([from.error, to.error]).toEqual(['ECONNRESET', 'ECONNRESET']));
  expect(to.text).toBe('hello');
});

test('a reset of a cut link happens at the heal, once, also to connections held undialled', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.hold();
  const held = await dial(link.port);
  held.socket.write('knock');
  await until(() => expect(link.proxy.traffic().heldBytes).toBe(5));
  expect(link.proxy.reset()).toBe(0);
  expect(link.proxy.reset()).toBe(0);
  await letPassWhatCan();
  for (const end of [from, to, held]) {
    expect([end.hasFin, end.error, end.isClosed]).toEqual([false, undefined, false]);
  }
  expect(link.proxy.traffic().resets).toBe(0);
  link.proxy.release();
  for (const end of [from, to, held]) {
    await until(() => expect(end.error).toBe('ECONNRESET'));
  }
  expect(link.proxy.traffic()).toMatchObject({ connections: 2, resets: 2 });
  expect(link.server.ends.length).toBe(1);
});

test('an RST that came during the cut is no reset of ours', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.hold();
  from.socket.resetAndDestroy();
  await letPassWhatCan();
  expect(link.proxy.reset()).toBe(0);
  link.proxy.release();
  await until(() => expect(to.error).toBe('ECONNRESET'));
  expect(link.proxy.traffic().resets).toBe(0);
});
