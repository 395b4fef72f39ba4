import assert from 'node:assert/strict';
import fc from 'fast-check';
import { sendAlone } from './connection.ts';
import { LiveCluster } from './live-cluster.ts';
import { joined, mutate, mutations } from './mutation.ts';
import { type FuzzTarget, Tally } from './target.ts';

/** Connections at a time. */
const AT_A_TIME = 64;
const LOOK_EVERY = 25;
/** Who waits for a body that never comes is not waited for. */
const QUIET_MS = 50;

const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b') },
  fc.constantFrom('k', 'a%20b', '%ff', '%', '..', '%2e%2e', '%00', '', '\u00fc', 'x'.repeat(600)),
  fc.string({ unit: 'binary-ascii', maxLength: 6 }),
);
const path = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        fc.constantFrom('/kv/', '/set/', '/queue/', '/lock/', '/sessions/', '/'),
        key,
        fc.constantFrom('', '/cas', '/incr', '/append', '/enqueue', '/dequeue', '/acquire', '/'),
        fc.constantFrom('', '?consistency=stale', '?consistency=', '?consistency=no', '?&=&', '#x'),
      )
      .map((parts) => parts.join('')),
  },
  fc.constantFrom(
    '/txn',
    '/sessions',
    '/cluster/members',
    '/cluster/transfer',
    '/status',
    '/config',
    '/metrics',
    '/healthz',
    '*',
    '//',
    'http://elsewhere/kv/k',
    '/kv/../status',
    `/${'x'.repeat(20_000)}`,
  ),
);
const method = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('GET', 'PUT', 'POST', 'DELETE') },
  fc.constantFrom('HEAD', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE', 'get', 'PRI', 'NONSENSE', ''),
);

/** Nearly what the API takes, and any JSON. */
const json = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('{"value":"v"}', '{"from":null,"to":"v"}', '{"by":1}') },
  fc.constantFrom(
    '{"value":4}',
    '{"value":"\\ud800"}',
    '{"__proto__":{"value":"v"}}',
    '{"value":"v","value":null}',
    '{"by":1e999}',
    '{"by":-0.5}',
    '{"compares":[],"then":[],"else":[]}',
    '{"compares":[{}],"then":[{"type":"put"}],"else":null}',
    '{"voters":[],"addresses":{}}',
    '{"voters":["n1",null,{}],"addresses":[]}',
    '{"to":"nobody"}',
    '[]',
    'null',
    '""',
    '{"value":',
    '['.repeat(5000),
    `{"value":"${'v'.repeat(300_000)}"}`,
  ),
  fc.json({ maxDepth: 3 }),
);
const body = fc.oneof(
  { weight: 3, arbitrary: json.map((text): Uint8Array => new TextEncoder().encode(text)) },
  fc.uint8Array({ maxLength: 60 }),
  fc.constant(new Uint8Array(0)),
);
/** How long the body is said to be. */
const framing = fc.oneof(
  { weight: 20, arbitrary: fc.constant('right') },
  fc.constantFrom(
    'short',
    'long',
    'huge',
    'none',
    'twice',
    'chunked',
    'bad-chunk',
    'both',
    'minus',
  ),
);
const header = fc.oneof(
  { weight: 40, arbitrary: fc.constant('accept: */*') },
  fc.constantFrom(
    'gong-session: 1/1',
    'gong-session: 9007199254740993/-1',
    'gong-session: x',
    'expect: 100-continue',
    'expect: nonsense',
    'upgrade: websocket\r\nconnection: upgrade',
    'connection: close',
    'authorization: Bearer x',
    `long: ${'x'.repeat(17_000)}`,
    'no colon',
    ': no name',
    'folded: a\r\n b',
    'bad\u0000name: x',
  ),
);

/** What the API takes as it stands: damage to it gets further than damage to nonsense. */
const wellFormed = fc.constantFrom<readonly [method: string, path: string, body: string]>(
  ['GET', '/kv/a', ''],
  ['GET', '/kv/a?consistency=stale', ''],
  ['PUT', '/kv/a', '{"value":"v"}'],
  ['DELETE', '/kv/a', ''],
  ['POST', '/kv/a/cas', '{"from":"v","to":"w"}'],
  ['POST', '/kv/n/incr', '{"by":1}'],
  ['POST', '/kv/a/append', '{"value":"x"}'],
  [
    'POST',
    '/txn',
    '{"compares":[{"key":"a","is":"=","value":"v"}],"success":[{"type":"get","key":"a"}]}',
  ],
  [
    'POST',
    '/txn',
    '{"success":[{"type":"put","key":"a","value":"v"},{"type":"incr","key":"n","by":2}]}',
  ],
  ['POST', '/set/s', '{"add":"x"}'],
  ['POST', '/set/s', '{"remove":"x"}'],
  ['GET', '/set/s', ''],
  ['POST', '/queue/q/enqueue', '{"value":"x"}'],
  ['POST', '/queue/q/dequeue', ''],
  ['GET', '/queue/q', ''],
  ['POST', '/lock/l/acquire', '{"owner":"me","ttlMs":1000}'],
  ['POST', '/lock/l/renew', '{"token":1,"ttlMs":1000}'],
  ['POST', '/lock/l/release', '{"token":1}'],
  ['GET', '/lock/l', ''],
  ['POST', '/sessions', ''],
  ['POST', '/sessions/1', ''],
  ['DELETE', '/sessions/1', ''],
  ['GET', '/cluster/members', ''],
  ['POST', '/cluster/members', '{"voters":["n1","n2","n3"],"addresses":{}}'],
  ['POST', '/cluster/transfer', '{"to":"n2"}'],
  ['POST', '/cluster/transfer', '{}'],
  ['GET', '/kv/a?consistency=lease', ''],
  ['GET', '/status', ''],
  ['GET', '/config', ''],
  ['GET', '/metrics', ''],
);

const headers = fc.array(header, { maxLength: 2 });
const valid = fc.tuple(wellFormed, headers).map(([[verb, target, text], more]) =>
  encode({
    method: verb,
    path: target,
    version: 'HTTP/1.1',
    headers: more,
    framing: 'right',
    body: new TextEncoder().encode(text),
  }),
);

const wrong = fc
  .record({
    method,
    path,
    version: fc.oneof(
      { weight: 40, arbitrary: fc.constant('HTTP/1.1') },
      fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9', 'x', ''),
    ),
    headers,
    framing,
    body,
  })
  .map((parts) => encode(parts));
const request = fc.oneof(valid, wrong);

const stream = fc.record({
  to: fc.nat({ max: 2 }),
  requests: fc.array(request, { minLength: 1, maxLength: 4 }),
  damage: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, mutations),
});

/**
 * Requests that are wrong somewhere, several on one connection, to all nodes: each is answered or its
 * connection ends; none is answered by a failure of the node.
 */
export const fuzzHttp: FuzzTarget = async ({ inputs, seed, path: replay }) => {
  const tally = new Tally();
  await using cluster = await LiveCluster.start({ hasToken: false });
  let batches = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(stream, { minLength: AT_A_TIME, maxLength: AT_A_TIME }),
      async (streams) => {
        const sent = streams.map(async ({ to, requests, damage }) => {
          const { bytes } = mutate(joined(...requests), damage);
          const answer = await sendAlone(cluster.node(to).clientPort, bytes, QUIET_MS);
          for (const what of outcomes(answer)) tally.add(what);
        });
        await Promise.all(sent);
        batches += 1;
        if (batches % LOOK_EVERY === 0) await cluster.look();
      },
    ),
    {
      numRuns: Math.ceil(inputs / AT_A_TIME),
      seed,
      endOnFailure: true,
      ...(replay === undefined ? {} : { path: replay }),
    },
  );
  return { inputs: batches * AT_A_TIME, counts: { ...tally.counts, ...(await cluster.finish()) } };
};

/** @throws when the node says that it failed itself */
function outcomes(answer: string): readonly string[] {
  const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => status ?? '');
  assert.ok(!statuses.includes('500'), `the node failed: ${answer.slice(0, 2000)}`);
  return statuses.length === 0 ? ['ended without an answer'] : statuses.map((s) => `answered ${s}`);
}

interface Parts {
  readonly method: string;
  readonly path: string;
  readonly version: string;
  readonly headers: readonly string[];
  readonly framing: string;
  readonly body: Uint8Array;
}

function encode({
  method: verb,
  path: target,
  version,
  headers,
  framing: form,
  body: content,
}: Parts) {
  const lines = [
    `${verb} ${target} ${version}`,
    'host: x',
    ...headers,
    ...framingOf(form, content.length),
  ];
  const head = new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n`);
  if (form !== 'chunked' && form !== 'bad-chunk') return joined(head, content);
  const size = form === 'chunked' ? content.length.toString(16) : 'xyz';
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  return joined(head, text(`${size}\r\n`), content, text('\r\n0\r\n\r\n'));
}

function framingOf(form: string, length: number): readonly string[] {
  switch (form) {
    case 'short':
      return [`content-length: ${Math.max(0, length - 1)}`];
    case 'long':
      return [`content-length: ${length + 1}`];
    case 'huge':
      return ['content-length: 9007199254740993'];
    case 'none':
      return [];
    case 'twice':
      return [`content-length: ${length}`, `content-length: ${length + 1}`];
    case 'chunked':
    case 'bad-chunk':
      return ['transfer-encoding: chunked'];
    case 'both':
      return ['transfer-encoding: chunked', `content-length: ${length}`];
    case 'minus':
      return ['content-length: -1'];
    default:
      return [`content-length: ${length}`];
  }
}
