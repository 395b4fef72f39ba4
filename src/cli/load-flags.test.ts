import { expect, test } from 'vitest';
import { register } from '../../workloads/register.ts';
import { UserError } from '../lib/user-error.ts';
import { type LoadFlags, loadFlags, operationTimeoutFlag } from './load-flags.ts';

const FLAGS: LoadFlags = { concurrency: '10', keyOps: '200', duration: '30s', set: [] };

const read = (change: Partial<LoadFlags>) => loadFlags({ ...FLAGS, ...change }, register);

function codeOf(parse: () => unknown): string {
  try {
    parse();
  } catch (error) {
    if (error instanceof UserError) return error.code;
    throw error;
  }
  return 'accepted';
}

test('without a rate the loop is closed, and a workload has its defaults', () => {
  expect(read({})).toEqual({
    concurrency: 10,
    keyOps: 200,
    values: undefined,
    ratePerSecond: undefined,
    settings: { readShare: 0.5, keys: 8 },
  });
});

test('what is set for the workload is taken from between what is set for the target', () => {
  const set = ['raft.fsync=never', 'workload.readShare=0.9', 'raft.readMode=stale'];
  expect(read({ set }).settings).toEqual({ readShare: 0.9, keys: 8 });
});

test.each<[string, Partial<LoadFlags>]>([
  ['GONG-E062', { rate: '0/s' }],
  ['GONG-E062', { keyOps: '0' }],
  ['GONG-E062', { concurrency: '0' }],
  ['GONG-E062', { duration: '0s' }],
  ['GONG-E163', { rate: '0.001/s' }],
  ['GONG-E163', { rate: '0.3/s' }],
  ['accepted', { rate: '0.5/s' }],
  ['GONG-E162', { duration: '1ns' }],
  ['GONG-E162', { duration: '99ms' }],
  ['accepted', { duration: '100ms' }],
  ['GONG-E161', { set: ['workload.readShare=2'] }],
  ['GONG-E161', { set: ['workload.=1'] }],
])('%s for %j: what would prove nothing is refused before anything starts', (code, change) => {
  expect(codeOf(() => read(change))).toBe(code);
});

test('an operation may take a millisecond to ten minutes', () => {
  expect(operationTimeoutFlag('5s')).toBe(5e9);
  for (const text of ['1ns', '999us', '11m']) {
    expect(codeOf(() => operationTimeoutFlag(text))).toBe('GONG-E164');
  }
  expect(codeOf(() => operationTimeoutFlag('0s'))).toBe('GONG-E062');
});
