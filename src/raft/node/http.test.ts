import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestDrivers } from '../driver/testing/drivers.ts';
import { nodeId } from '../core/types.ts';
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
  };
  const api = makeApi(driver, {
    readMode: 'linearizable',
    limits: tunables,
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

async function ask(method: string, path: string, body?: string) {
  submitted = [];
  const response = await fetch(`${url}${path}`, {
    method,
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
  await ask('PUT', '/kv/a', '{"value":"x"}');
  expect(submitted).toMatchObject([{ command: { type: 'put', key: 'a', value: 'x' } }]);
  await ask('DELETE', '/kv/a');
  expect(submitted).toMatchObject([{ command: { type: 'delete', key: 'a' } }]);
  await ask('POST', '/kv/a/cas', '{"from":null,"to":"y"}');
  expect(submitted).toMatchObject([{ command: { type: 'cas', from: null, to: 'y' } }]);
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
