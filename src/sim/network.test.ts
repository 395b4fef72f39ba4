import { expect, test } from 'vitest';
import { nodeId as name } from '../contracts/names.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { LATENCY, LoneNetwork } from './testing/lone-network.ts';

const n = (number: number) => name(`n${number}`);
const link = (from: number, to: number) => ({ from: n(from), to: n(to) });
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Connected in every direction. */
async function connected(size = 2, options?: { bufferBytes?: number }): Promise<LoneNetwork> {
  const lone = new LoneNetwork('connected', size, options);
  await lone.pass(2 * LATENCY.maxNs);
  return lone;
}

test('messages arrive in the order in which they were sent, each once, within the latency', async () => {
  const lone = await connected(3);
  const sentAtNs = lone.sim.now();
  for (const number of range(1, 50)) {
    expect(lone.send('n1', 'n2', number)).toBe(true);
    expect(lone.send('n2', 'n1', 100 + number)).toBe(true);
  }
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2')).toEqual(range(1, 50));
  expect(lone.numbers('n2', 'n1')).toEqual(range(101, 150));
  expect(lone.numbers('n1', 'n3')).toEqual([]);
  for (const { atNs } of lone.received) {
    expect(atNs).toBeGreaterThanOrEqual(sentAtNs + LATENCY.minNs);
    expect(atNs).toBeLessThanOrEqual(sentAtNs + LATENCY.maxNs);
  }
});

test('nothing is sent before the connection is made, and the sender knows that it was not', async () => {
  const lone = new LoneNetwork('early', 2);
  expect(lone.send('n1', 'n2', 1)).toBe(false);
  await lone.pass(2 * LATENCY.maxNs);
  expect(lone.send('n1', 'n2', 2)).toBe(true);
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2')).toEqual([2]);
});

test('a peer that is down is dialled again and again, and found when it is back', async () => {
  const lone = await connected();
  lone.stop('n2', 'down');
  await lone.pass(3 * SECOND);
  expect(lone.send('n1', 'n2', 1)).toBe(false);
  const made = lone.count('connection-made');
  lone.start('n2');
  // The longest backoff of the real transport, and a round trip.
  await lone.pass(500 * MILLISECOND + 2 * LATENCY.maxNs);
  expect(lone.count('connection-made')).toBe(made + 2);
  expect(lone.send('n1', 'n2', 2)).toBe(true);
  expect(lone.send('n2', 'n1', 3)).toBe(true);
  await lone.pass(SECOND);
  expect([lone.numbers('n1', 'n2'), lone.numbers('n2', 'n1')]).toEqual([[2], [3]]);
});

test('what is under way to a process that dies is lost, and the sender learns it from its kernel', async () => {
  const lone = await connected();
  lone.send('n1', 'n2', 1);
  const diedAtNs = lone.sim.now();
  lone.stop('n2', 'down');
  expect(lone.send('n1', 'n2', 2), 'it does not know yet').toBe(true);
  await lone.pass(LATENCY.maxNs);
  expect(lone.disconnected).toHaveLength(1);
  expect(lone.disconnected[0]).toMatchObject({ node: 'n1', peer: 'n2' });
  expect(lone.disconnected[0]?.atNs).toBeGreaterThanOrEqual(diedAtNs + LATENCY.minNs);
  expect(lone.send('n1', 'n2', 3)).toBe(false);
  lone.start('n2');
  await lone.pass(2 * SECOND);
  expect(lone.received).toEqual([]);
  expect(lone.count('message-dropped')).toBe(2);
});

test('what a process sent before it died arrives: its kernel has it', async () => {
  const lone = await connected();
  for (const number of range(1, 5)) lone.send('n1', 'n2', number);
  lone.stop('n1', 'down');
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2')).toEqual(range(1, 5));
});

test('a machine without power tells nobody: what is sent to it is lost, until it is back and says so', async () => {
  const lone = await connected();
  lone.stop('n2', 'off');
  await lone.pass(3 * SECOND);
  expect(lone.disconnected).toEqual([]);
  expect(lone.send('n1', 'n2', 1), 'the connection is half open').toBe(true);
  await lone.pass(3 * SECOND);
  expect(lone.disconnected).toEqual([]);
  lone.start('n2');
  await lone.pass(2 * SECOND);
  expect(lone.disconnected).toMatchObject([{ node: 'n1', peer: 'n2' }]);
  expect(lone.send('n1', 'n2', 2)).toBe(true);
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2')).toEqual([2]);
});

test('half open and silent, a connection is found out by the first message after the power is back', async () => {
  const lone = await connected();
  lone.stop('n2', 'off');
  await lone.pass(SECOND);
  lone.start('n2');
  await lone.pass(3 * SECOND);
  expect(lone.disconnected).toEqual([]);
  expect(lone.send('n1', 'n2', 1)).toBe(true);
  await lone.pass(2 * LATENCY.maxNs);
  expect(lone.disconnected).toMatchObject([{ node: 'n1', peer: 'n2' }]);
  expect(lone.received).toEqual([]);
});

test('a dial that nobody answers is given up after a second, and tried again', async () => {
  const lone = new LoneNetwork('nobody', 2);
  lone.stop('n2', 'off');
  await lone.pass(4 * SECOND);
  expect(lone.count('dial-timed-out')).toBeGreaterThanOrEqual(2);
  lone.start('n2');
  await lone.pass(2 * SECOND);
  expect(lone.send('n1', 'n2', 1)).toBe(true);
});

test('a connection that takes nothing for five seconds is given up, once its buffers are full', async () => {
  const lone = await connected(2, { bufferBytes: 10 });
  await lone.network.control.cut([link(1, 2)]);
  for (const number of range(1, 4)) expect(lone.send('n1', 'n2', number)).toBe(true);
  await lone.pass(SECOND);
  expect(lone.send('n1', 'n2', 5), 'full since just now').toBe(true);
  await lone.pass(4 * SECOND);
  expect(lone.send('n1', 'n2', 6)).toBe(true);
  await lone.pass(SECOND);
  expect(lone.send('n1', 'n2', 7)).toBe(false);
  await lone.pass(SECOND);
  expect(lone.disconnected).toMatchObject([{ node: 'n1', peer: 'n2' }]);
  expect(lone.count('connection-stalled')).toBe(1);
  await lone.network.control.healAll();
  await lone.pass(3 * SECOND);
  expect(lone.received, 'a stream is not continued').toEqual([]);
  expect(lone.send('n1', 'n2', 8)).toBe(true);
});

test('a cut holds what is under way, and delivers it at the heal, in order', async () => {
  const lone = await connected();
  for (const number of range(1, 3)) lone.send('n1', 'n2', number);
  const cut = await lone.network.control.cut([link(1, 2)]);
  const before = await lone.network.control.traffic(link(1, 2));
  await lone.pass(SECOND);
  for (const number of range(4, 6)) expect(lone.send('n1', 'n2', number)).toBe(true);
  await lone.pass(SECOND);
  expect(lone.received).toEqual([]);
  const during = await lone.network.control.traffic(link(1, 2));
  expect(during.forwardedBytes).toBe(before.forwardedBytes);
  expect(during.heldBytes).toBe(before.heldBytes + 6 * 3);
  expect(lone.count('message-held')).toBe(6);
  await cut[Symbol.asyncDispose]();
  await lone.pass(0);
  expect(lone.numbers('n1', 'n2')).toEqual(range(1, 6));
  const after = await lone.network.control.traffic(link(1, 2));
  expect(after.forwardedBytes).toBe(before.forwardedBytes + 6 * 3);
});

test('one way cut is one way: the other direction has a connection of its own', async () => {
  const lone = await connected();
  await lone.network.control.cut([link(1, 2)]);
  lone.send('n1', 'n2', 1);
  lone.send('n2', 'n1', 2);
  await lone.pass(SECOND);
  expect([lone.numbers('n1', 'n2'), lone.numbers('n2', 'n1')]).toEqual([[], [2]]);
});

test('cuts overlap: a link is open when none holds it, and the end of a cut counts once', async () => {
  const lone = await connected();
  const { control } = lone.network;
  const [first, second] = [await control.cut([link(1, 2)]), await control.cut([link(1, 2)])];
  lone.send('n1', 'n2', 1);
  await first[Symbol.asyncDispose]();
  await first[Symbol.asyncDispose]();
  await lone.pass(SECOND);
  expect(lone.received).toEqual([]);
  await second[Symbol.asyncDispose]();
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2')).toEqual([1]);
});

test('no new connection crosses a cut, nor the news that an old one is over', async () => {
  const lone = await connected();
  const cut = await lone.network.control.cut([link(1, 2)]);
  lone.stop('n2', 'down');
  lone.start('n2');
  await lone.pass(3 * SECOND);
  expect(lone.disconnected).toEqual([]);
  expect(lone.send('n1', 'n2', 1), 'as far as it knows').toBe(true);
  await cut[Symbol.asyncDispose]();
  expect(lone.disconnected).toMatchObject([{ node: 'n1', peer: 'n2' }]);
  await lone.pass(SECOND);
  expect(lone.received).toEqual([]);
  expect(lone.send('n1', 'n2', 2)).toBe(true);
});

test('what a cut holds is lost with the power of the machine that would send it again', async () => {
  const lone = await connected();
  const cut = await lone.network.control.cut([link(1, 2)]);
  lone.send('n1', 'n2', 1);
  await lone.pass(SECOND);
  lone.send('n1', 'n2', 2);
  lone.stop('n1', 'off');
  await lone.pass(SECOND);
  await cut[Symbol.asyncDispose]();
  await lone.pass(SECOND);
  expect(lone.received).toEqual([]);
  expect(lone.count('message-dropped')).toBe(2);
});

test('a slow link delays what crosses it, the longest delay counts, and the books say so', async () => {
  const lone = await connected();
  const { control } = lone.network;
  const delay = { delayNs: 300 * MILLISECOND, jitterNs: 100 * MILLISECOND };
  const slow = await control.slow([link(1, 2)], delay);
  const short = await control.slow([link(1, 2)], { delayNs: MILLISECOND, jitterNs: 0 });
  const sentAtNs = lone.sim.now();
  for (const number of range(1, 20)) lone.send('n1', 'n2', number);
  lone.send('n2', 'n1', 99);
  await short[Symbol.asyncDispose]();
  await lone.pass(200 * MILLISECOND);
  expect([lone.numbers('n1', 'n2'), lone.numbers('n2', 'n1')]).toEqual([[], [99]]);
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2')).toEqual(range(1, 20));
  const times = lone.received.filter(({ to }) => to === 'n2').map(({ atNs }) => atNs - sentAtNs);
  expect(Math.max(...times)).toBeLessThanOrEqual(400 * MILLISECOND + LATENCY.maxNs);
  expect((await control.traffic(link(1, 2))).delayedBytes).toBe(60);
  await slow[Symbol.asyncDispose]();
});

test('what still waits at the end of a delay goes on at once, in order, and was not delayed', async () => {
  const lone = await connected();
  const { control } = lone.network;
  const slow = await control.slow([link(1, 2)], { delayNs: 10 * SECOND, jitterNs: 0 });
  for (const number of range(1, 3)) lone.send('n1', 'n2', number);
  await lone.pass(SECOND);
  await slow[Symbol.asyncDispose]();
  for (const number of range(4, 6)) lone.send('n1', 'n2', number);
  await lone.pass(LATENCY.maxNs);
  expect(lone.numbers('n1', 'n2')).toEqual(range(1, 6));
  expect((await control.traffic(link(1, 2))).delayedBytes).toBe(0);
});

test('a cut holds what has waited long enough on a slow link', async () => {
  const lone = await connected();
  const { control } = lone.network;
  await control.slow([link(1, 2)], { delayNs: 100 * MILLISECOND, jitterNs: 0 });
  const cut = await control.cut([link(1, 2)]);
  lone.send('n1', 'n2', 1);
  await lone.pass(SECOND);
  expect(lone.received).toEqual([]);
  await cut[Symbol.asyncDispose]();
  await lone.pass(0);
  expect(lone.numbers('n1', 'n2')).toEqual([1]);
  expect((await control.traffic(link(1, 2))).delayedBytes).toBe(3);
});

test('a reset ends the connection and what is on it, tells the sender, and a new one is made', async () => {
  const lone = await connected();
  const { control } = lone.network;
  lone.send('n1', 'n2', 1);
  lone.send('n2', 'n1', 2);
  expect(await control.reset([link(1, 2)])).toBe(1);
  expect(lone.disconnected).toMatchObject([{ node: 'n1', peer: 'n2' }]);
  expect(lone.send('n1', 'n2', 3)).toBe(false);
  await lone.pass(SECOND);
  expect([lone.numbers('n1', 'n2'), lone.numbers('n2', 'n1')]).toEqual([[], [2]]);
  expect(lone.send('n1', 'n2', 4)).toBe(true);
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2')).toEqual([4]);
  expect(await control.traffic(link(1, 2))).toMatchObject({ resets: 1, connections: 2 });
  expect(await control.traffic(link(2, 1))).toMatchObject({ resets: 0, connections: 1 });
});

test('connections of a link that is cut are reset at its heal, with what was held', async () => {
  const lone = await connected();
  const { control } = lone.network;
  const cut = await control.cut([link(1, 2)]);
  lone.send('n1', 'n2', 1);
  await lone.pass(SECOND);
  expect(await control.reset([link(1, 2)])).toBe(0);
  expect(lone.disconnected).toEqual([]);
  await cut[Symbol.asyncDispose]();
  expect(lone.disconnected).toHaveLength(1);
  await lone.pass(SECOND);
  expect(lone.received).toEqual([]);
  expect((await control.traffic(link(1, 2))).resets).toBe(1);
});

test('resets come again and again until the fault ends, and healAll ends every fault', async () => {
  const lone = await connected();
  const { control } = lone.network;
  await control.resetEvery([link(1, 2)], 300 * MILLISECOND);
  await control.cut([link(2, 1)]);
  await control.slow([link(2, 1)], { delayNs: SECOND, jitterNs: 0 });
  await lone.pass(SECOND);
  const { resets } = await control.traffic(link(1, 2));
  expect(resets).toBeGreaterThanOrEqual(3);
  await control.healAll();
  await lone.pass(SECOND);
  expect((await control.traffic(link(1, 2))).resets).toBe(resets);
  lone.send('n2', 'n1', 1);
  lone.send('n1', 'n2', 2);
  await lone.pass(LATENCY.maxNs);
  expect([lone.numbers('n2', 'n1'), lone.numbers('n1', 'n2')]).toEqual([[1], [2]]);
});

test('messages are lost, come twice and are overtaken at their rates, on the link that is troubled', async () => {
  const lone = await connected(3);
  const trouble = {
    lossRate: 0.2,
    duplicateRate: 0.2,
    reorderRate: 0.2,
    lateNsMax: 20 * MILLISECOND,
  };
  const end = lone.network.trouble(link(1, 2), trouble, makeRandom('trouble'));
  for (const number of range(1, 1000)) {
    lone.send('n1', 'n2', number);
    lone.send('n1', 'n3', number);
    await lone.pass(MILLISECOND);
  }
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n3')).toEqual(range(1, 1000));
  const numbers = lone.numbers('n1', 'n2');
  const [lost, twice] = [1000 - new Set(numbers).size, lone.count('message-duplicated')];
  expect(lone.count('message-lost')).toBeGreaterThan(150);
  expect(lone.count('message-lost')).toBeLessThan(250);
  expect(twice).toBeGreaterThan(150);
  expect(twice).toBeLessThan(250);
  // A message that was lost may have had a copy.
  expect(lost).toBeLessThanOrEqual(lone.count('message-lost'));
  expect(numbers.length).toBe(1000 - lone.count('message-lost') + twice);
  expect(lone.count('message-overtaken')).toBeGreaterThan(100);
  end();
  for (const number of range(2001, 2100)) lone.send('n1', 'n2', number);
  await lone.pass(SECOND);
  expect(lone.numbers('n1', 'n2').slice(numbers.length)).toEqual(range(2001, 2100));
});

test('a forwarded request arrives at most once, whatever is wrong with the link', async () => {
  const lone = await connected();
  const trouble = { lossRate: 0.1, duplicateRate: 1, reorderRate: 0.5, lateNsMax: SECOND };
  lone.network.trouble(link(1, 2), trouble, makeRandom('forwards'));
  for (const number of range(1, 500)) lone.send('n1', 'n2', number, 1);
  await lone.pass(3 * SECOND);
  const numbers = lone.numbers('n1', 'n2');
  expect(numbers.length).toBeGreaterThan(400);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('whatever cuts, delays and resets come, what arrives is in order and arrives once', async () => {
  let lost = 0;
  for (let seed = 1; seed <= 30; seed++) {
    const random = makeRandom(`order/${seed}`);
    const lone = new LoneNetwork(`order/${seed}`, 2);
    const { control } = lone.network;
    const faults: AsyncDisposable[] = [];
    let accepted = 0;
    for (let number = 1; number <= 300; number++) {
      if (lone.send('n1', 'n2', number)) accepted += 1;
      const what = random.integer(0, 30);
      const jitterNs = random.integer(0, 20) * MILLISECOND;
      if (what === 0) faults.push(await control.cut([link(1, 2)]));
      if (what === 1)
        faults.push(await control.slow([link(1, 2)], { delayNs: jitterNs, jitterNs }));
      if (what === 2) await control.reset([link(1, 2)]);
      if (what >= 28) await faults.splice(random.integer(0, 3), 1)[0]?.[Symbol.asyncDispose]();
      await lone.pass(random.integer(0, 10) * MILLISECOND);
    }
    await control.healAll();
    await lone.pass(SECOND);
    const numbers = lone.numbers('n1', 'n2');
    expect(numbers, `seed ${seed}`).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
    lost += accepted - numbers.length;
    expect(lone.count('message-dropped'), `seed ${seed}`).toBe(accepted - numbers.length);
  }
  expect(lost).toBeGreaterThan(100);
});
