import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestDrivers } from '../driver/testing/drivers.ts';
import { nodeId } from '../core/types.ts';
import { EXPIRY_MS_MAX, TXN_LENGTH_MAX } from '../kv/limits.ts';
import type { Answer, Request } from '../driver/requests.ts';
import { ClientServer } from './client-server.ts';
import { parseTunables } from './config.ts';
import { makeApi, type Store } from './http.ts';

const tunables = parseTunables({});
const { maxKeyBytes, maxValueBytes } = tunables;
let answer: Answer = { type: 'refused', error: 'not yet' };
let submitted: Request[] = [];
let server: http.Server;
let url = '';

beforeAll(async () => {
  const drivers = new TestDrivers(1);
  await drivers.startAll();
  const status = drivers.driver(nodeId('n1')).status();
  const driver: Store = {
    submit(request, done) {
      submitted.push(request);
      done(answer);
    },
    status: () => status,
    changeMembers: (change, done) => done({ type: 'ok', index: change.voters.length }),
  };
  const api = makeApi(driver, {
    readMode: 'linearizable',
    limits: tunables,
    sessionExpiryMs: 60_000,
    status: () => status,
    config: () => ({ settings: {} }),
    metrics: async () => ({ type: 'text/plain', text: 'gong_raft_term 1\n' }),
    clientUrlOf: (node) => (node === 'n2' ? 'http://n2:7002' : undefined),
  });
  ({ server } = new ClientServer(tunables, api));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(method: string, path: string, body?: string, session?: string) {
  submitted = [];
  const response = await fetch(`${url}${path}`, {
    method,
    ...(session === undefined ? {} : { headers: { 'gong-session': session } }),
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, body: await response.json() };
}

test('each path and method is one request to the driver', async () => {
  answer = {
    type: 'ok',
    value: 'v',
    applied: true,
    servedBy: nodeId('n2'),
    term: 3,
    appliedIndex: 9,
  };
  const ok = { value: 'v', applied: true, servedBy: 'n2', term: 3, appliedIndex: 9 };
  expect(await ask('GET', '/kv/a%20b')).toEqual({ status: 200, body: ok });
  expect(submitted).toEqual([{ type: 'read', key: 'a b', consistency: 'linearizable' }]);
  await ask('GET', '/kv/a?consistency=stale');
  expect(submitted).toMatchObject([{ consistency: 'stale' }]);
  await ask('GET', '/kv/a?consistency=lease');
  expect(submitted).toMatchObject([{ consistency: 'lease' }]);
  await ask('POST', '/cluster/transfer', '{"to":"n2"}');
  expect(submitted).toEqual([{ type: 'transfer', to: 'n2' }]);
  await ask('POST', '/cluster/transfer', '{}');
  expect(submitted).toEqual([{ type: 'transfer', to: undefined }]);
  expect(await ask('POST', '/cluster/transfer', '{"to":7}')).toMatchObject({ status: 400 });
  expect(await ask('GET', '/cluster/transfer')).toMatchObject({ status: 405 });
  await ask('PUT', '/kv/a', '{"value":"x"}');
  expect(submitted).toMatchObject([{ command: { type: 'put', key: 'a', value: 'x' } }]);
  await ask('DELETE', '/kv/a');
  expect(submitted).toMatchObject([{ command: { type: 'delete', key: 'a' } }]);
  await ask('POST', '/kv/a/cas', '{"from":null,"to":"y"}');
  expect(submitted).toMatchObject([{ command: { type: 'cas', from: null, to: 'y' } }]);
});

test('the members of the cluster are read and changed under /cluster', async () => {
  expect(await ask('GET', '/cluster/members')).toMatchObject({ body: { voters: ['n1'] } });
  const changed = await ask('POST', '/cluster/members', '{"voters":["n1","n2"]}');
  expect(changed).toEqual({ status: 200, body: { voters: ['n1', 'n2'], index: 2 } });
  const refused = await ask('POST', '/cluster/members', '{"voters":[]}');
  expect(refused).toMatchObject({ status: 400, body: { definite: true } });
});

test.each<[string, string, string | undefined, object]>([
  ['POST', '/kv/a/incr', '{"by":-3}', { type: 'incr', key: 'a', by: -3 }],
  ['POST', '/kv/a/incr', '{}', { type: 'incr', key: 'a', by: 1 }],
  ['POST', '/kv/a/append', '{"value":"x"}', { type: 'append', key: 'a', value: 'x' }],
  [
    'POST',
    '/txn',
    '{"compares":[{"key":"a","is":"!=","value":null}],' +
      '"success":[{"type":"get","key":"a"},{"type":"put","key":"b","value":"x"}],' +
      '"failure":[{"type":"incr","key":"n","by":2},{"type":"append","key":"b","value":"y"},' +
      '{"type":"delete","key":"a"}]}',
    {
      type: 'txn',
      compares: [{ key: 'a', is: '!=', value: null }],
      success: [
        { type: 'get', key: 'a' },
        { type: 'put', key: 'b', value: 'x' },
      ],
      failure: [
        { type: 'incr', key: 'n', by: 2 },
        { type: 'append', key: 'b', value: 'y' },
        { type: 'delete', key: 'a' },
      ],
    },
  ],
  ['POST', '/txn', '{}', { type: 'txn', compares: [], success: [], failure: [] }],
  ['POST', '/set/a', '{"add":"x"}', { type: 'set-add', key: 'a', element: 'x' }],
  ['POST', '/set/a', '{"remove":"x"}', { type: 'set-remove', key: 'a', element: 'x' }],
  ['POST', '/queue/a%2Fb/enqueue', '{"value":"x"}', { type: 'enqueue', key: 'a/b', element: 'x' }],
  ['POST', '/queue/a/dequeue', undefined, { type: 'dequeue', key: 'a' }],
  [
    'POST',
    '/lock/a/acquire',
    '{"owner":"me","ttlMs":5000}',
    { type: 'acquire', key: 'a', owner: 'me', ttlMs: 5000 },
  ],
  [
    'POST',
    '/lock/a/renew',
    '{"token":7,"ttlMs":1}',
    { type: 'renew', key: 'a', token: 7, ttlMs: 1 },
  ],
  ['POST', '/lock/a/release', '{"token":7}', { type: 'release', key: 'a', token: 7 }],
  ['POST', '/sessions', undefined, { type: 'open-session', expiryMs: 60_000 }],
  ['POST', '/sessions/12', undefined, { type: 'keep-session', id: 12 }],
  ['DELETE', '/sessions/12', undefined, { type: 'close-session', id: 12 }],
])('%s %s %s is one command', async (method, path, body, command) => {
  await ask(method, path, body);
  expect(submitted).toEqual([{ type: 'command', command }]);
});

test('sets, queues and locks are read as values are', async () => {
  for (const of of ['set', 'queue', 'lock']) {
    await ask('GET', `/${of}/a?consistency=stale`);
    expect(submitted).toEqual([{ type: 'read', of, key: 'a', consistency: 'stale' }]);
  }
});

test('a write names its session and its number, and what its client has the answers to', async () => {
  await ask('PUT', '/kv/a', '{"value":"x"}', '7/3');
  expect(submitted).toMatchObject([{ session: { id: 7, sequence: 3, acknowledged: 0 } }]);
  await ask('POST', '/queue/a/dequeue', undefined, '7/4/2');
  expect(submitted).toMatchObject([{ session: { id: 7, sequence: 4, acknowledged: 2 } }]);
  for (const wrong of ['7', '7/', '/3', '7/3/2/1', 'a/b', '-7/3', '7/3/4', '7/9999999999999999']) {
    expect(await ask('DELETE', '/kv/a', undefined, wrong), wrong).toMatchObject({ status: 400 });
    expect(submitted).toEqual([]);
  }
});

test('what the state machine refuses is told from what this node cannot serve', async () => {
  answer = { type: 'refused', error: 'the value is no integer', reason: 'conflict' };
  const refused = await ask('POST', '/kv/a/incr', '{}');
  expect(refused).toEqual({
    status: 409,
    body: { error: 'the value is no integer', definite: true },
  });
  answer = { type: 'refused', error: 'the session is over', reason: 'session' };
  expect((await ask('DELETE', '/kv/a', undefined, '7/3')).status).toBe(410);
});

test('an answer says whether what did not succeed certainly did not happen', async () => {
  answer = { type: 'refused', error: 'no leader' };
  expect(await ask('GET', '/kv/a')).toEqual({
    status: 503,
    body: { error: 'no leader', definite: true },
  });
  answer = { type: 'unknown', error: 'time' };
  expect(await ask('DELETE', '/kv/a')).toMatchObject({ status: 503, body: { definite: false } });
});

const long = 'x'.repeat(maxValueBytes + 1);
test.each([
  ['GET', '/nowhere', undefined, 404],
  ['GET', '/kv/', undefined, 404],
  ['GET', '/kv/a/b', undefined, 404],
  ['POST', '/kv/a', '{}', 405],
  ['GET', '/kv/a?consistency=psychic', undefined, 400],
  ['GET', '/kv/%ff', undefined, 400],
  ['GET', `/kv/${'k'.repeat(maxKeyBytes + 1)}`, undefined, 400],
  ['PUT', '/kv/a', '{"value":4}', 400],
  ['PUT', '/kv/a', '{"value":null}', 400],
  ['PUT', '/kv/a', '{}', 400],
  ['PUT', '/kv/a', 'nonsense', 400],
  ['PUT', '/kv/a', '"text"', 400],
  ['PUT', '/kv/a', String.raw`{"value":"\ud800"}`, 400],
  ['PUT', '/kv/a', `{"value":"${long}"}`, 413],
  ['PUT', '/kv/a', `{"value":"${'x'.repeat(5_000_000)}"}`, 413],
  ['POST', '/kv/a/cas', '{"from":"x"}', 400],
  ['GET', '/kv/a/cas', undefined, 405],
  ['POST', '/kv//cas', '{}', 404],
  ['POST', '/kv/a/incr', '{"by":1.5}', 400],
  ['POST', '/kv/a/incr', '{"by":9007199254740992}', 400],
  ['POST', '/kv/a/append', '{"value":null}', 400],
  ['POST', '/kv/a/append', '{"__proto__":{"value":"x"}}', 400],
  ['POST', '/txn/a', '{}', 404],
  ['GET', '/txn', undefined, 405],
  ['POST', '/txn', '{"compares":{}}', 400],
  ['POST', '/txn', '{"compares":[7]}', 400],
  ['POST', '/txn', '{"compares":[{"key":"a","is":"<","value":"x"}]}', 400],
  ['POST', '/txn', '{"compares":[{"key":"a","is":"="}]}', 400],
  ['POST', '/txn', '{"success":[{"type":"drop","key":"a"}]}', 400],
  ['POST', '/txn', '{"success":[{"type":"get"}]}', 400],
  ['POST', '/txn', `{"success":[${'{},'.repeat(TXN_LENGTH_MAX)}{}]}`, 413],
  ['POST', '/set/a', '{"insert":"x"}', 400],
  ['PUT', '/set/a', '{"add":"x"}', 405],
  ['GET', '/set/', undefined, 404],
  ['POST', '/queue/a/push', '{"value":"x"}', 404],
  ['GET', '/queue/a/dequeue', undefined, 405],
  ['POST', '/queue/a/enqueue', `{"value":"${long}"}`, 413],
  ['POST', '/lock/a/acquire', '{}', 400],
  ['POST', '/lock/a/acquire', `{"ttlMs":${EXPIRY_MS_MAX + 1}}`, 400],
  ['POST', '/lock/a/acquire', `{"ttlMs":1,"owner":"${'o'.repeat(maxKeyBytes + 1)}"}`, 400],
  ['POST', '/lock/a/renew', '{"ttlMs":1}', 400],
  ['POST', '/lock/a/release', '{"token":"7"}', 400],
  ['GET', '/lock/a/constructor', undefined, 404],
  ['GET', '/sessions', undefined, 405],
  ['POST', '/sessions/x', undefined, 404],
  ['DELETE', '/sessions/99999999999999999', undefined, 404],
  ['GET', '/status/x', undefined, 404],
])(
  '%s %s is refused for certain and reaches no driver (%#)',
  async (method, path, body, status) => {
    const result = await ask(method, path, body);
    expect(result).toMatchObject({ status, body: { definite: true } });
    expect(submitted).toEqual([]);
  },
);

test.each(['//', '//x:y', 'http://[', '*', '/kv/%', '/kv/a%00%zz'])(
  'the request target %s is answered, and the node lives',
  async (target) => {
    const { port } = new URL(url);
    const socket = net.connect(Number(port), '127.0.0.1');
    socket.end(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    let response = '';
    socket.on('data', (chunk: Buffer) => (response += chunk.toString()));
    await once(socket, 'close');
    expect(response).toMatch(/^HTTP\/1.1 40[04] /);
    expect(response).toContain('"definite":true');
  },
);

test('a client that goes away in the middle of a body harms nobody', async () => {
  submitted = [];
  const { port } = new URL(url);
  const socket = net.connect(Number(port), '127.0.0.1');
  socket.write('PUT /kv/a HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"value":');
  await once(socket, 'connect');
  socket.destroy();
  await once(socket, 'close');
  expect(await ask('GET', '/status')).toMatchObject({ status: 200, body: { id: 'n1' } });
  expect((await ask('GET', '/healthz')).status).toBe(200);
  expect(submitted).toEqual([]);
});

test('a request that is for another node names it: 307 where its address is known, else 503', async () => {
  const { port } = new URL(url);
  const get = async (leader: string) => {
    answer = { type: 'refused', error: `${leader} leads`, leader: nodeId(leader) };
    const response = await fetch(`http://127.0.0.1:${port}/kv/a%20b?consistency=linearizable`, {
      redirect: 'manual',
    });
    const location = response.headers.get('location');
    return { status: response.status, location, body: await response.json() };
  };
  expect(await get('n2')).toEqual({
    status: 307,
    location: 'http://n2:7002/kv/a%20b?consistency=linearizable',
    body: { error: 'n2 leads', definite: true, leader: 'n2' },
  });
  expect(await get('n3')).toEqual({
    status: 503,
    location: null,
    body: { error: 'n3 leads', definite: true, leader: 'n3' },
  });
});

test('a value that is not UTF-8 is refused, and not stored as another one', async () => {
  submitted = [];
  const body = Buffer.concat([
    Buffer.from('{"value":"'),
    Buffer.from([0xc3, 0x28]),
    Buffer.from('"}'),
  ]);
  const response = await fetch(`${url}/kv/a`, { method: 'PUT', body });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: 'the body is not UTF-8', definite: true });
  expect(submitted).toEqual([]);
});

test('what the node says of itself is asked by GET', async () => {
  expect((await ask('GET', '/config')).body).toEqual({ settings: {} });
  const metrics = await fetch(`${url}/metrics`);
  expect(metrics.headers.get('content-type')).toBe('text/plain');
  expect(await metrics.text()).toBe('gong_raft_term 1\n');
  expect(await ask('POST', '/config', '{}')).toMatchObject({
    status: 405,
    body: { definite: true },
  });
});

/** A request whose body comes in these pieces, of a length that nobody says beforehand. */
async function askInPieces(pieces: readonly string[]): Promise<string> {
  submitted = [];
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  let response = '';
  socket.on('data', (chunk: Buffer) => (response += chunk.toString()));
  // The node may be done with the connection before everything was sent.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.write(
    'PUT /kv/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n',
  );
  for (const piece of pieces) {
    socket.write(`${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.write('0\r\n\r\n');
  await closed;
  return response;
}

test.each(['', 'content-length: 0\r\n'])(
  'a request that lacks its body is refused (%j)',
  async (head) => {
    submitted = [];
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`POST /kv/a/append HTTP/1.1\r\nhost: x\r\n${head}\r\n`);
    const [answered] = (await once(socket, 'data')) as [Buffer];
    expect(answered.toString()).toMatch(/^HTTP\/1.1 400 .*"definite":true/s);
    expect(submitted).toEqual([]);
    socket.destroy();
  },
);

test('a body may come in any pieces', async () => {
  answer = { type: 'refused', error: 'not now' };
  await askInPieces(['{"va', 'lue":"', 'ä', 'b"}']);
  expect(submitted).toMatchObject([{ command: { type: 'put', key: 'a', value: 'äb' } }]);
});

test('a body that says nothing of its length is refused when it gets too long, and reaches no driver', async () => {
  const piece = 'x'.repeat(1024 * 1024);
  const response = await askInPieces(['{"value":"', piece, piece, piece, piece, piece, '"}']);
  // The connection is reset under a client that goes on sending, and the answer may be lost with it.
  expect(response).toMatch(/^(HTTP\/1.1 413 [^]*"definite":true[^]*)?$/);
  expect(submitted).toEqual([]);
  expect((await ask('GET', '/healthz')).status).toBe(200);
});
