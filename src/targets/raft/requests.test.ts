import { expect, test } from 'vitest';
import type { Json } from '../../../checker/index.ts';
import { callOf } from '../../raft/client/calls.ts';
import { httpOf } from './requests.ts';

function asked(model: string, f: string, value: Json = null): string {
  const call = callOf(model, { f, key: 'a/b', value });
  if (call === undefined) throw new Error(`${model} cannot ${f}`);
  const { method, path, body } = httpOf(call, { readMode: 'stale', stamp: undefined });
  return [method, path, ...(body === undefined ? [] : [body])].join(' ');
}

test.each<[string, string, Json, string]>([
  ['register', 'read', null, 'GET /kv/a%2Fb?consistency=stale'],
  ['register', 'write', 5, 'PUT /kv/a%2Fb {"value":"5"}'],
  ['register', 'write', null, 'DELETE /kv/a%2Fb'],
  ['cas-register', 'cas', [null, 5], 'POST /kv/a%2Fb/cas {"from":null,"to":"5"}'],
  ['kv', 'append', 'x', 'POST /kv/a%2Fb/append {"value":"x"}'],
  ['kv', 'delete', null, 'DELETE /kv/a%2Fb'],
  ['counter', 'incr', -2, 'POST /kv/a%2Fb/incr {"by":-2}'],
  ['append-list', 'append', 3, 'POST /kv/a%2Fb/append {"value":"3,"}'],
  ['set', 'read', null, 'GET /set/a%2Fb?consistency=stale'],
  ['set', 'add', 3, 'POST /set/a%2Fb {"add":"3"}'],
  ['queue', 'enqueue', 3, 'POST /queue/a%2Fb/enqueue {"value":"3"}'],
  ['queue', 'dequeue', null, 'POST /queue/a%2Fb/dequeue'],
  ['lease-lock', 'acquire', 9, 'POST /lock/a%2Fb/acquire {"owner":"gong","ttlMs":9}'],
  ['lease-lock', 'renew', [4, 9], 'POST /lock/a%2Fb/renew {"token":4,"ttlMs":9}'],
  ['lease-lock', 'release', 4, 'POST /lock/a%2Fb/release {"token":4}'],
  [
    'txn-kv',
    'txn',
    [
      ['if', 'x', 1],
      ['read', 'y', null],
    ],
    'POST /txn {"compares":[{"key":"a/b/x","is":"=","value":"1"}],' +
      '"success":[{"type":"get","key":"a/b/y"}],"failure":[]}',
  ],
])('%s: %s of %j is a request of the API', (model, f, value, request) => {
  expect(asked(model, f, value)).toBe(request);
});

test('a write of a session says which it is, and that all answers before it have come', () => {
  const command = { type: 'delete', key: 'k' } as const;
  const call = { type: 'command', command } as const;
  const { headers } = httpOf(call, { readMode: 'stale', stamp: { id: 12, sequence: 3 } });
  expect(headers).toEqual({ 'gong-session': '12/3/3' });
  const opening = { type: 'command', command: { type: 'open-session', expiryMs: 1 } } as const;
  expect(httpOf(opening, { readMode: 'stale', stamp: undefined })).toEqual({
    method: 'POST',
    path: '/sessions',
  });
});
