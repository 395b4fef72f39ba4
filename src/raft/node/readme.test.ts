import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { TUNABLES } from './config.ts';
import { NodeMetrics } from './metrics.ts';
import { ROUTES } from './routes/index.ts';

const README = fs.readFileSync(path.join(import.meta.dirname, 'README.md'), 'utf8');

/** Cells of the table rows that begin with that. */
function rows(start: RegExp): string[][] {
  return README.split('\n')
    .filter((line) => start.test(line))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

test('the table of settings in the README is that of the node', () => {
  const expected = TUNABLES.map(({ name, fallback, form, meaning }) => [
    `\`${name}\``,
    `\`${fallback}\``,
    form,
    meaning,
  ]);
  expect(rows(/^\| `raft\./)).toEqual(expected);
});

test('every route of the API stands in the README', () => {
  const told = rows(/^\| `(GET|POST)/).join('\n');
  for (const name of [...ROUTES.keys(), 'cluster/members', 'status', 'config', 'metrics']) {
    expect(told).toContain(` /${name}`);
  }
});

test('every metric of the node stands in the README, and no other', async () => {
  const metrics = new NodeMetrics();
  const never = (): never => {
    throw new Error('nobody has asked yet');
  };
  metrics.read({
    status: never,
    peers: { connections: { open: 0, closed: closedNone }, queuedBytes: new Map() },
    clients: { counts: { malformed: 0, unauthorized: 0, overloaded: 0, dropped: 0 }, pending: 0 },
  });
  const names = [...README.matchAll(/`(gong_raft_[a-z_]+)/g)].map(([, name]) => name);
  expect(new Set(names)).toEqual(new Set(metrics.names));
});

const closedNone = {
  malformed: 0,
  foreign: 0,
  unauthorized: 0,
  'handshake-timeout': 0,
  crowded: 0,
  contradiction: 0,
};
