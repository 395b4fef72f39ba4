import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { certificateFile, identity } from './testing/identities.ts';
import { NodeProcesses } from './testing/node-processes.ts';

const ENTRY = fileURLToPath(new URL('main.ts', import.meta.url));
const TOKEN = 'correct-horse-battery-staple';
const IDS = ['n1', 'n2', 'n3'];

function temporaryFile(name: string, text: string): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gong-node-'));
  onTestFinished(() => fs.rmSync(directory, { recursive: true }));
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return file;
}

async function up(more: (id: string) => readonly string[]): Promise<NodeProcesses> {
  const nodes = await NodeProcesses.start(IDS, more);
  onTestFinished(() => nodes[Symbol.asyncDispose]());
  return nodes;
}

interface Status {
  readonly role: string;
  readonly leader?: string;
}

/** Asks every node until each knows the same leader. */
async function leaderOf(nodes: NodeProcesses, headers: Record<string, string>): Promise<string> {
  for (;;) {
    const leaders = await Promise.all(
      [...nodes.nodes.values()].map(async ({ clientPort }) => {
        const response = await fetch(`http://127.0.0.1:${clientPort}/status`, { headers });
        const status = (await response.json()) as Status;
        return status.leader;
      }),
    );
    const [first] = leaders;
    if (first !== undefined && leaders.every((leader) => leader === first)) return first;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a cluster with a token serves who presents it, redirects to the leader, and says what it runs with', async () => {
  const tokenFile = temporaryFile('token', `${TOKEN}\n`);
  const configFile = temporaryFile('node.json', '{"raft.followers": "redirect"}');
  const nodes = await up(() => [`--token-file=${tokenFile}`, `--config=${configFile}`]);
  const headers = { authorization: `Bearer ${TOKEN}` };
  const leader = await leaderOf(nodes, headers);
  const urlOf = (id: string) =>
    `http://127.0.0.1:${defined(nodes.nodes.get(id), 'it was started').clientPort}`;
  const follower = defined(
    IDS.find((id) => id !== leader),
    'of three',
  );
  const put = (id: string, more: RequestInit) =>
    fetch(`${urlOf(id)}/kv/k?x=1`, { method: 'PUT', body: '{"value":"v"}', ...more });

  const unknown = await put(leader, { headers: { authorization: 'Bearer guess' } });
  expect(unknown.status).toBe(401);
  expect(await unknown.json()).toMatchObject({ definite: true });
  expect((await fetch(`${urlOf(leader)}/healthz`)).status).toBe(200);

  const redirected = await put(follower, { headers, redirect: 'manual' });
  expect(redirected.status).toBe(307);
  expect(redirected.headers.get('location')).toBe(`${urlOf(leader)}/kv/k?x=1`);
  expect(await redirected.json()).toEqual({ error: `${leader} leads`, definite: true, leader });
  expect((await put(leader, { headers })).status).toBe(200);

  const config = await (await fetch(`${urlOf(follower)}/config`, { headers })).json();
  expect(config).toMatchObject({
    id: follower,
    token: true,
    tls: false,
    settings: {
      'raft.followers': { value: 'redirect', source: `file ${configFile}, line 1` },
      'raft.electionTimeout': { value: '300..600ms', source: '--set', default: '1000..2000ms' },
    },
  });
  const metrics = await (await fetch(`${urlOf(leader)}/metrics`, { headers })).text();
  expect(metrics).toMatch(/^gong_raft_role\{role="leader"\} 1$/m);
  expect(metrics).toMatch(/^gong_raft_requests_total\{outcome="ok"\} 1$/m);
  expect(metrics).toMatch(/^gong_raft_append_seconds_count [1-9]/m);
  expect(metrics).toMatch(/^gong_raft_fsync_seconds_count [1-9]/m);
  expect(metrics).toMatch(/^process_resident_memory_bytes [1-9]/m);
  const said = [...nodes.nodes.values()].map((node) => node.output()).join('');
  expect(said + JSON.stringify(config) + metrics).not.toContain(TOKEN);
});

test('a cluster with certificates elects over TLS and serves clients that have one', async () => {
  const nodes = await NodeProcesses.start(['n1', 'n2'], (id) => [
    `--tls-cert=${certificateFile(`${id}.pem`)}`,
    `--tls-key=${certificateFile(`${id}.key`)}`,
    `--tls-ca=${certificateFile('ca.pem')}`,
  ]);
  onTestFinished(() => nodes[Symbol.asyncDispose]());
  const { clientPort } = defined(nodes.nodes.get('n1'), 'it was started');
  const ask = (options: https.RequestOptions): Promise<number | string> =>
    new Promise((resolve) => {
      const request = https.request(
        { host: '127.0.0.1', port: clientPort, agent: false, ...options },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.on('error', (error) => resolve(error.message));
      request.end(options.method === 'PUT' ? '{"value":"v"}' : undefined);
    });
  const client = identity('client');
  let status = await ask({ method: 'PUT', path: '/kv/k', ...client });
  for (; status === 503; status = await ask({ method: 'PUT', path: '/kv/k', ...client })) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(status).toBe(200);
  expect(await ask({ path: '/healthz', ca: client.ca })).not.toBe(200);
  const foreign = { ...identity('foreign-n2'), ca: client.ca };
  expect(await ask({ path: '/kv/k', ...foreign })).not.toBe(200);
});

test.each([
  [['--host=0.0.0.0'], /needs --token-file/],
  [['--tls-cert=absent.pem'], /all of --tls-cert, --tls-key and --tls-ca/],
  [['--token-file=absent'], /token file absent cannot be read/],
  [['--config=absent.json'], /settings file absent.json cannot be read/],
  [['--set=raft.fsync=maybe'], /raft.fsync=maybe is not a value/],
  [['--client-url=elsewhere'], /--client-url takes a URL/],
])('a node that is asked for %s does not start, and says why', (more, why) => {
  const directory = path.dirname(temporaryFile('x', ''));
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      ENTRY,
      '--id=n1',
      `--data-dir=${path.join(directory, 'data')}`,
      '--client-port=21001',
      '--peer-port=21002',
      ...more,
    ],
    { encoding: 'utf8' },
  );
  expect(stderr).toMatch(why);
  expect(status).toBe(64);
  expect(fs.existsSync(path.join(directory, 'data'))).toBe(false);
});
