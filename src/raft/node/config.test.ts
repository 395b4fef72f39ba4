import { expect, test } from 'vitest';
import { UserError } from '../../lib/user-error.ts';
import { parseTunables, TUNABLES } from './config.ts';

test('the defaults: 100 ms, 1000 to 2000 ms, 64 entries', () => {
  expect(parseTunables({})).toMatchObject({
    heartbeatIntervalNs: 100_000_000,
    electionTimeout: { minNs: 1_000_000_000, maxNs: 2_000_000_000 },
    maxEntriesPerAppend: 64,
    fsync: 'always',
    readMode: 'linearizable',
  });
});

test('every tunable has a default that its own form accepts', () => {
  for (const { fallback, parse, name } of TUNABLES) expect(parse(fallback), name).toBeDefined();
});

test('settings take the place of defaults', () => {
  const tunables = parseTunables({
    'raft.electionTimeout': '150..300ms',
    'raft.heartbeatInterval': '50ms',
    'raft.fsync': 'never',
  });
  expect(tunables).toMatchObject({
    heartbeatIntervalNs: 50_000_000,
    electionTimeout: { minNs: 150_000_000, maxNs: 300_000_000 },
    fsync: 'never',
  });
});

test('a drift is a share of the time that passes', () => {
  const ppmOf = (drift: string): number =>
    parseTunables({ 'raft.leaseDrift': drift }).leaseDriftPpm;
  expect([ppmOf('500ppm'), ppmOf('1%'), ppmOf('0.05%'), ppmOf('0ppm')]).toEqual([500, 1e4, 500, 0]);
});

test.each([
  [{ 'raft.electionTimeot': '1s' }, /electionTimeot is not known/],
  [{ 'raft.heartbeatInterval': '100' }, /not a value/],
  [{ 'raft.electionTimeout': '2000..1000ms' }, /not a value/],
  [{ 'raft.maxEntriesPerAppend': '0' }, /not a value/],
  [{ 'raft.fsync': 'sometimes' }, /not a value/],
  [{ 'raft.electionTimeout': '100..150ms' }, /too short for the heartbeat/],
  [{ 'raft.preVote': 'on' }, /not a value/],
  [{ 'raft.leaseDrift': '51%' }, /not a value/],
  [{ 'raft.leaseDrift': '0.01' }, /not a value/],
  [{ 'raft.readMode': 'lease', 'raft.checkQuorum': 'false' }, /does not go with/],
])('%o is refused with what it should be', (settings, message) => {
  expect(() => parseTunables(settings)).toThrow(UserError);
  expect(() => parseTunables(settings)).toThrow(message);
});
