import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { nodeId } from '../../contracts/names.ts';
import { SECOND } from '../../lib/duration.ts';
import { makeRaftTarget } from './index.ts';
import { raftAdmin } from './admin.ts';

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: string;
}

/** A server that gives every request this answer; undefined: none at all. */
async function answering(status: number, answer: unknown) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body): void => {
      asked.push({ method: request.method, url: request.url, body });
      if (answer === undefined) return void request.socket.destroy();
      response.writeHead(status).end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return { url: `http://127.0.0.1:${port}`, asked };
}

const names = (...all: readonly string[]) => all.map(nodeId);

test('who the members are is what /cluster/members says', async () => {
  const said = { voters: ['n1', 'n6'], outgoing: ['n1', 'n2'], learners: ['n7'] };
  const { url, asked } = await answering(200, { ...said, term: 4, servedBy: 'n1' });
  expect(await raftAdmin.members(url, SECOND)).toEqual({ ...said, isCommitted: true });
  expect(asked).toEqual([{ method: 'GET', url: '/cluster/members', body: '' }]);
});

test('what another leader may not know of yet is told as such', async () => {
  const { url } = await answering(200, {
    voters: ['n1'],
    outgoing: [],
    learners: [],
    committed: false,
  });
  expect(await raftAdmin.members(url, SECOND)).toMatchObject({ isCommitted: false });
});

test.each([
  ['an answer that is no JSON', 200, '<html>'],
  ['no list of names', 200, { voters: 'n1', outgoing: [], learners: [] }],
  ['a name that is none', 200, { voters: [1], outgoing: [], learners: [] }],
  ['an error', 503, { voters: [], outgoing: [], learners: [] }],
  ['no answer', 200, undefined],
])('%s tells nothing of the members', async (_, status, answer) => {
  const { url } = await answering(status, answer);
  expect(await raftAdmin.members(url, SECOND)).toBeUndefined();
});

test('other members and another leader are asked for by their names', async () => {
  const { url, asked } = await answering(200, {});
  expect(await raftAdmin.changeMembers(url, names('n1', 'n6'), SECOND)).toEqual({ type: 'done' });
  expect(await raftAdmin.transferLeadership(url, nodeId('n3'), SECOND)).toEqual({ type: 'done' });
  expect(asked).toEqual([
    { method: 'POST', url: '/cluster/members', body: '{"voters":["n1","n6"]}' },
    { method: 'POST', url: '/cluster/transfer', body: '{"to":"n3"}' },
  ]);
});

test('only what the node says is definite did certainly not happen', async () => {
  const outcome = async (status: number, answer: unknown) => {
    const { url } = await answering(status, answer);
    return raftAdmin.changeMembers(url, names('n1'), SECOND);
  };
  const error = 'another change is under way';
  expect(await outcome(503, { error, definite: true })).toEqual({
    type: 'refused',
    error: `503 "${error}"`,
  });
  expect(await outcome(503, { error, definite: false })).toMatchObject({ type: 'unknown' });
  expect(await outcome(500, 'oops')).toEqual({ type: 'unknown', error: '500 null' });
  expect(await outcome(200, undefined)).toMatchObject({ type: 'unknown' });
});

test('where nobody listens nothing was asked for', async () => {
  const outcome = await raftAdmin.transferLeadership('http://127.0.0.1:9', nodeId('n1'), SECOND);
  expect(outcome).toMatchObject({ type: 'refused' });
});

test('a member is told who begins with it, and a spare node that it is to join', () => {
  const all = names('n1', 'n2', 'n3');
  const args = (node: string, initial: readonly string[]) =>
    makeRaftTarget().launch({
      node: nodeId(node),
      clusterId: 'c',
      dataDir: '/d',
      host: '127.0.0.1',
      clientPort: 1,
      peerPort: 2,
      peers: all.filter((id) => id !== node).map((id) => ({ id, host: '127.0.0.1', port: 3 })),
      initial: names(...initial),
      settings: {},
    }).args;
  expect(args('n1', ['n1', 'n2'])).toContain('--initial=n1,n2');
  expect(args('n3', ['n1', 'n2'])).toContain('--join');
  expect(args('n3', ['n1', 'n2']).join(' ')).not.toContain('--initial');
  const plain = args('n3', ['n1', 'n2', 'n3']).join(' ');
  expect(plain).not.toMatch(/--join|--initial/);
});
