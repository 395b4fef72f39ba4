import { Readable } from 'node:stream';
import type http from 'node:http';
import { expect, test } from 'vitest';
import { nodeId } from '../../core/types.ts';
import type { ChangeAnswer, MembershipChange } from '../../driver/membership.ts';
import { TestDrivers } from '../../driver/testing/drivers.ts';
import { JsonBodies } from '../json-body.ts';
import { answerOfCluster, type ClusterControl } from './cluster.ts';

const drivers = new TestDrivers(1);
await drivers.startAll();
const status = drivers.driver(nodeId('n1')).status();

/** A driver that answers every change so, and what it was asked. */
function controlOf(answer: ChangeAnswer) {
  const asked: MembershipChange[] = [];
  const control: ClusterControl = {
    status: () => status,
    changeMembers(change, done) {
      asked.push(change);
      done(answer);
    },
  };
  return { control, asked };
}

const OK = controlOf({ type: 'ok', index: 7 });

function call(method: string, text: string, control: ClusterControl, rest = 'members') {
  const request = Readable.from([Buffer.from(text)]) as http.IncomingMessage;
  request.headers = {};
  return answerOfCluster({ control, bodies: new JsonBodies(4096), request, method, rest });
}

test('who votes is told with where it stands in the log, and who leads', async () => {
  const { status: code, body } = await call('GET', '', OK.control);
  expect(code).toBe(200);
  expect(body).toEqual({
    voters: ['n1'],
    outgoing: [],
    learners: [],
    addresses: {},
    index: 0,
    joint: false,
    committed: true,
    leader: null,
    term: 0,
    servedBy: 'n1',
  });
});

test('a change goes to the driver, and is answered with its index', async () => {
  const text = '{"voters":["n1","n4"],"addresses":{"n4":"127.0.0.1:7104"}}';
  const answer = await call('POST', text, OK.control);
  expect(answer).toEqual({ status: 200, body: { voters: ['n1', 'n4'], index: 7 } });
  expect(OK.asked).toEqual([
    { voters: ['n1', 'n4'], addresses: new Map([['n4', '127.0.0.1:7104']]) },
  ]);
});

test.each([
  ['refused', true],
  ['unknown', false],
] as const)(
  'a change that was %s says whether it certainly did not happen',
  async (type, definite) => {
    const { control } = controlOf({ type, error: 'so it is' });
    expect(await call('POST', '{"voters":["n1"]}', control)).toEqual({
      status: 503,
      body: { error: 'so it is', definite },
    });
  },
);

test.each([
  ['{}', /voters must be a list/],
  ['{"voters":[]}', /voters must be a list/],
  ['{"voters":"n1"}', /voters must be a list/],
  [JSON.stringify({ voters: Array.from({ length: 101 }, (_, i) => `n${i}`) }), /1 to 100 names/],
  ['{"voters":[1]}', /a name that is not empty/],
  ['{"voters":[""]}', /a name that is not empty/],
  ['{"voters":["\\ud800"]}', /a name that is not empty/],
  [`{"voters":["${'x'.repeat(129)}"]}`, /longer than 128 bytes/],
  ['{"voters":["n1","n1"]}', /twice/],
  ['{"voters":["n1"],"addresses":[]}', /addresses must be an object/],
  ['{"voters":["n1"],"addresses":{"n2":"a:1"}}', /n2, which is not among the voters/],
  ['{"voters":["n1"],"addresses":{"n1":"a"}}', /must be HOST:PORT/],
  ['{"voters":["n1"],"addresses":{"n1":"a:0"}}', /must be HOST:PORT/],
  ['{"voters":["n1"],"addresses":{"n1":"a:65536"}}', /must be HOST:PORT/],
  ['{"voters":["n1"],"addresses":{"n1":"a b:1"}}', /must be HOST:PORT/],
  ['{"voters":["n1"],"addresses":{"n1":7}}', /must be HOST:PORT/],
])('%s is refused before anything was done', async (text, why) => {
  const { control, asked } = controlOf({ type: 'ok', index: 1 });
  await expect(call('POST', text, control)).rejects.toThrow(why);
  expect(asked).toEqual([]);
});

test('another path or method is said to be none', async () => {
  await expect(call('POST', '{}', OK.control, 'member')).rejects.toMatchObject({ status: 404 });
  await expect(call('PUT', '{}', OK.control)).rejects.toMatchObject({ status: 405 });
});
