import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { LinkProxy } from './link-proxy.ts';
import { HOST } from './protocol.ts';
import { connectThrough, dial, End, letPassWhatCan, openLink, until } from './testing/link-ends.ts';

// Generous: a busy machine is no bug.
vi.setConfig({ testTimeout: 60_000 });

test('a link carries bytes both ways, half-closes, and counts what it carried', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  from.socket.end('bye');
  await until(() => expect([to.text, to.hasFin]).toEqual(['hellobye', true]));
  to.socket.end('so long');
  await until(() => expect([from.text, from.hasFin]).toEqual(['welcomeso long', true]));
  await until(() => expect([from.isClosed, to.isClosed]).toEqual([true, true]));
  expect([from.error, to.error]).toEqual([undefined, undefined]);
  expect(link.proxy.traffic()).toEqual({
    forwardedBytes: 22,
    heldBytes: 0,
    delayedBytes: 0,
    connections: 1,
    resets: 0,
  });
});

test('several megabytes both ways survive repeated cuts, whole and in order', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  const rounds = 12;
  const piece = 512 * 1024;
  const [forth, back] = [randomBytes(rounds * piece), randomBytes(rounds * piece)];
  const write = (socket: Socket, data: Buffer): void => {
    // Odd parts, so that chunks do not line up with anything.
    for (let at = 0; at < data.length; at += 7_919) socket.write(data.subarray(at, at + 7_919));
  };
  let isCutDue = false;
  let heldBefore = 0;
  // In the middle of the streams: as soon as the first bytes of a round arrive.
  const cutInTheMiddle = (): void => {
    if (!isCutDue) return;
    isCutDue = false;
    heldBefore = link.proxy.traffic().heldBytes;
    link.proxy.hold();
  };
  from.socket.on('data', cutInTheMiddle);
  to.socket.on('data', cutInTheMiddle);
  const greetings = 'hello'.length + 'welcome'.length;
  for (let round = 0; round < rounds; round++) {
    const all = greetings + 2 * (round + 1) * piece;
    const half = round * piece + piece / 2;
    isCutDue = true;
    write(from.socket, forth.subarray(round * piece, half));
    write(to.socket, back.subarray(round * piece, half));
    await until(() => expect(link.proxy.isCut).toBe(true));
    // Of the first halves more or less has crossed; of these nothing does before the heal.
    write(from.socket, forth.subarray(half, (round + 1) * piece));
    write(to.socket, back.subarray(half, (round + 1) * piece));
    await until(() => expect(link.proxy.traffic().heldBytes).toBeGreaterThan(heldBefore));
    expect(from.bytes + to.bytes).toBeLessThan(all);
    link.proxy.release();
    await until(() => expect(from.bytes + to.bytes).toBe(all));
  }
  from.socket.end();
  to.socket.end();
  await until(() => expect([from.hasFin, to.hasFin]).toEqual([true, true]));
  const sha = (...parts: (string | Buffer)[]): string =>
    parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
  expect(to.digest()).toBe(sha('hello', forth));
  expect(from.digest()).toBe(sha('welcome', back));
});

test('no byte crosses during a cut, in either direction; the heal delivers all of them', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.hold();
  from.socket.write('-request');
  to.socket.write('-answer');
  await until(() => expect(link.proxy.traffic().heldBytes).toBe(15));
  await letPassWhatCan();
  expect([to.text, from.text]).toEqual(['hello', 'welcome']);
  expect(link.proxy.traffic().forwardedBytes).toBe(12);
  link.proxy.release();
  await until(() => expect([to.text, from.text]).toEqual(['hello-request', 'welcome-answer']));
});

test('bytes that were read but not yet written when the cut began are held', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  // `to` does not read, so that the proxy gets stuck with bytes in its hands.
  to.socket.pause();
  from.socket.write(randomBytes(32 * 1024 * 1024));
  let [last, repeats] = [-1, 0];
  await until(() => {
    const now = link.proxy.traffic().forwardedBytes;
    repeats = now === last ? repeats + 1 : 0;
    last = now;
    expect(repeats).toBeGreaterThan(10);
  });
  link.proxy.hold();
  const crossed = link.proxy.traffic().forwardedBytes - 'welcome'.length;
  expect(link.proxy.traffic().heldBytes).toBeGreaterThan(0);
  to.socket.resume();
  await letPassWhatCan();
  // What the kernel had, and the one chunk that was being written, arrive; nothing after them.
  await until(() => expect(to.bytes).toBe(crossed));
  await letPassWhatCan();
  expect(to.bytes).toBe(crossed);
  link.proxy.release();
  await until(() => expect(to.bytes).toBe(32 * 1024 * 1024 + 5));
});

test('back-pressure: a cut link stops reading', async () => {
  const link = await openLink();
  const { from } = await connectThrough(link);
  link.proxy.hold();
  from.socket.write(randomBytes(64 * 1024 * 1024));
  await until(() => expect(link.proxy.traffic().heldBytes).toBeGreaterThan(60_000));
  await letPassWhatCan();
  expect(link.proxy.traffic().heldBytes).toBeLessThan(256 * 1024);
  expect(from.socket.writableLength).toBeGreaterThan(0);
});

test('a FIN does not cross during a cut, and follows the held bytes at the heal', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.hold();
  from.socket.end('-last');
  await until(() => expect(link.proxy.traffic().heldBytes).toBe(5));
  await letPassWhatCan();
  expect([to.text, to.hasFin]).toEqual(['hello', false]);
  link.proxy.release();
  await until(() => expect([to.text, to.hasFin]).toEqual(['hello-last', true]));
  expect(to.error).toBeUndefined();
});

test('an RST does not cross during a cut, and resets the other side at the heal', async () => {
  for (const victim of ['from', 'to'] as const) {
    const link = await openLink();
    const ends = await connectThrough(link);
    const other = victim === 'from' ? ends.to : ends.from;
    link.proxy.hold();
    ends[victim].socket.resetAndDestroy();
    await letPassWhatCan();
    expect([other.hasFin, other.error, other.isClosed]).toEqual([false, undefined, false]);
    link.proxy.release();
    await until(() => expect([other.hasFin, other.error]).toEqual([false, 'ECONNRESET']));
  }
});

test('a stream whose end was lost in the cut is reset, not continued: no byte after a gap', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.hold();
  from.socket.write('-lost');
  await until(() => expect(link.proxy.traffic().heldBytes).toBe(5));
  from.socket.resetAndDestroy();
  await letPassWhatCan();
  link.proxy.release();
  await until(() => expect(to.error).toBe('ECONNRESET'));
  expect(to.text).toBe('hello');
});

test('both sides may die during the cut; the heal leaves nothing behind', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.hold();
  from.socket.destroy();
  to.socket.destroy();
  await letPassWhatCan();
  link.proxy.release();
  const next = await connectThrough(link);
  expect(next.to.error).toBeUndefined();
});

test('connections that are opened during a cut are held without a dial, then served', async () => {
  const link = await openLink();
  link.proxy.hold();
  const from = await dial(link.port);
  from.socket.write('knock');
  const silent = await dial(link.port);
  silent.socket.end();
  await until(() => expect(link.proxy.traffic().heldBytes).toBe(5));
  await letPassWhatCan();
  expect(link.server.ends).toEqual([]);
  link.proxy.release();
  await until(() => expect(link.server.ends.map((end) => end.text)).toEqual(['knock']));
  // The other one was given up in silence: it is not dialled, only ended.
  await until(() => expect([silent.hasFin, silent.isClosed]).toEqual([true, true]));
  expect(link.server.ends.length).toBe(1);
});

test('overlapping cuts: the link is open when the last of them is healed', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  link.proxy.hold();
  link.proxy.hold();
  from.socket.write('!');
  await until(() => expect(link.proxy.traffic().heldBytes).toBe(1));
  link.proxy.release();
  expect(link.proxy.isCut).toBe(true);
  await letPassWhatCan();
  expect(to.text).toBe('hello');
  link.proxy.release();
  await until(() => expect(to.text).toBe('hello!'));
});

test('a node that is down is felt as a reset at once, also when it went down during a cut', async () => {
  const link = await openLink();
  const { from } = await connectThrough(link);
  link.proxy.hold();
  const held = await dial(link.port);
  held.socket.write('anyone?');
  link.server.close();
  await letPassWhatCan();
  expect([from.hasFin, from.isClosed, held.isClosed]).toEqual([false, false, false]);
  link.proxy.release();
  await until(() => expect(from.hasFin || from.isClosed).toBe(true));
  await until(() => expect(held.error).toBe('ECONNRESET'));
  const late = connect({ host: HOST, port: link.port });
  const end = new End(late);
  await until(() => expect(end.error).toBe('ECONNRESET'));
});

test('disposal resets what is open and frees the port', async () => {
  const link = await openLink();
  const { from, to } = await connectThrough(link);
  await link.proxy[Symbol.asyncDispose]();
  await until(() => expect([from.error, to.error]).toEqual(['ECONNRESET', 'ECONNRESET']));
  const again = await LinkProxy.listen(link);
  await again[Symbol.asyncDispose]();
});
