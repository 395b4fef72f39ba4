import { expect, test } from 'vitest';
import { defined, InvariantError } from '../../lib/assert.ts';
import { DecodeError } from '../../lib/bytes.ts';
import { makeConfiguration } from '../core/configuration.ts';
import { encodeConfiguration } from '../core/configuration-codec.ts';
import { append } from '../core/testing/messages.ts';
import { type Entry, logIndex, type Message, type NodeId, nodeId, term } from '../core/types.ts';
import { encodePeerMessage } from './peer-message.ts';
import { NUMBER_MAX } from './peer-check.ts';
import type { Request } from './requests.ts';
import { TestDrivers, type TestDriversOptions } from './testing/drivers.ts';

const MS = 1_000_000;
const put = (value: string): Request => ({
  type: 'command',
  command: { type: 'put', key: 'k', value },
});

async function upAndLeader(driver: TestDriversOptions['driver'] = {}) {
  const drivers = new TestDrivers(3, 'always', { driver });
  await drivers.startAll();
  const leader = await drivers.elect();
  const follower = defined(
    drivers.ids.find((id) => id !== leader),
    'of three',
  );
  return { drivers, leader, follower };
}

test('with a batch delay the writes of that time go into one batch, and are answered after it', async () => {
  const { drivers, leader } = await upAndLeader({ batchDelayNs: 20 * MS });
  const before = drivers.driver(leader).status();
  const answeredAt: number[] = [];
  const began = drivers.nowNs;
  for (let i = 0; i < 5; i++) {
    drivers.driver(leader).submit(put(String(i)), () => answeredAt.push(drivers.nowNs - began));
  }
  await drivers.pass(10 * MS);
  expect(drivers.driver(leader).status()).toMatchObject({
    queues: { delayed: 5 },
    pending: 5,
    log: before.log,
  });
  await drivers.runUntil(() => answeredAt.length === 5);
  expect(Math.min(...answeredAt)).toBeGreaterThanOrEqual(20 * MS);
  const after = drivers.driver(leader).status();
  expect(after.log.lastIndex - before.log.lastIndex).toBe(5);
  expect(after.walBatches - before.walBatches).toBe(1);
  expect(after.queues.delayed).toBe(0);
});

test('a follower that redirects hands nothing on: it refuses for certain and names the leader', async () => {
  const { drivers, leader, follower } = await upAndLeader({ followers: 'redirect' });
  const sent = drivers.sent;
  const answer = drivers.ask(follower, put('1'), 0);
  expect(await answer).toEqual({ type: 'refused', error: `${leader} leads`, leader });
  expect(drivers.sent).toBe(sent);
  expect(await drivers.ask(leader, put('1'))).toMatchObject({ type: 'ok', servedBy: leader });
});

test('reads are counted where they are served, by their consistency', async () => {
  const { drivers, leader, follower } = await upAndLeader();
  await drivers.ask(follower, { type: 'read', key: 'k', consistency: 'stale' });
  await drivers.ask(leader, { type: 'read', key: 'k', consistency: 'linearizable' });
  expect(drivers.driver(follower).status().reads).toMatchObject({ stale: 1, linearizable: 0 });
  expect(drivers.driver(leader).status().reads).toMatchObject({ stale: 0, linearizable: 1 });
});

/** What contradicts the entries that are committed: sent by a peer that lies. */
async function lie(drivers: TestDrivers, to: NodeId, from: NodeId): Promise<void> {
  const at = drivers.driver(to).status().term + 1;
  const entry: Entry = {
    index: logIndex(1),
    term: term(at),
    kind: 'noop',
    data: new Uint8Array(0),
  };
  const message = append(at, [0, 0], { entries: [entry] });
  drivers.driver(to).receive(from, encodePeerMessage({ type: 'raft', message }));
  await drivers.pass(MS);
}

test('a peer that contradicts what is committed is told of; without anybody to tell it is fatal', async () => {
  const rejected: unknown[] = [];
  const told = await upAndLeader({ onRejected: (what) => rejected.push(what) });
  await lie(told.drivers, told.follower, told.leader);
  expect(rejected).toEqual([
    { from: told.leader, reason: 'its entry 1 is not the one that is committed here' },
  ]);
  expect(told.drivers.fatal).toEqual([]);
  const untold = await upAndLeader();
  await lie(untold.drivers, untold.follower, untold.leader);
  expect(untold.drivers.fatal).toMatchObject([{ name: 'InvariantError' }]);
  expect(untold.drivers.fatal[0]).toBeInstanceOf(InvariantError);
});

const entryOf = (kind: Entry['kind'], data: Uint8Array): Entry => ({
  index: logIndex(1),
  term: term(1),
  kind,
  data,
});
const noVoters = encodeConfiguration({ ...makeConfiguration([nodeId('n1')]), voters: [] });

test.each<[string, Message]>([
  [
    'a command that nobody can apply',
    append(1, [0, 0], { entries: [entryOf('command', Uint8Array.of(250))] }),
  ],
  [
    'a configuration that is none',
    append(1, [0, 0], { entries: [entryOf('configuration', Uint8Array.of(1, 2))] }),
  ],
  [
    'a configuration in which nobody votes',
    append(1, [0, 0], { entries: [entryOf('configuration', noVoters)] }),
  ],
  ['a term that no cluster reaches', append(NUMBER_MAX + 1, [0, 0], {})],
  ['an index that no log reaches', append(1, [NUMBER_MAX + 1, 1], {})],
])('%s is refused before it can get into the log', async (_name, message) => {
  const { drivers, leader, follower } = await upAndLeader();
  const before = drivers.driver(follower).status();
  const bytes = encodePeerMessage({ type: 'raft', message });
  expect(() => drivers.driver(follower).receive(leader, bytes)).toThrow(DecodeError);
  await drivers.pass(MS);
  expect(drivers.driver(follower).status()).toMatchObject({ term: before.term, log: before.log });
  expect(drivers.fatal).toEqual([]);
});
