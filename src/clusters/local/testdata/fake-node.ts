/**
 * A node for the tests of the local cluster: it answers who it is, counts its starts in its data
 * directory, and sends and receives text on the peer ports. It ends when its stdin closes.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { LaunchRequest } from '../../../contracts/target.ts';

/** The answer to `GET /status`. */
export interface FakeStatus {
  readonly node: string;
  readonly pid: number;
  /** How often a node has been started with this data directory. */
  readonly starts: number;
  /** Everything that peers sent since this start, in order of arrival. */
  readonly received: string;
  /** Connections from peers that have ended since this start. */
  readonly ended: number;
  /** Peers to which this node has a connection that it dialled. */
  readonly dialled: readonly string[];
}

const request = JSON.parse(process.argv[2] ?? '') as LaunchRequest;
const startsFile = join(request.dataDir, 'starts');
appendFileSync(startsFile, '.');
const starts = readFileSync(startsFile, 'utf8').length;
const outgoing = new Map<string, Socket>();
let received = '';
let ended = 0;

process.stdout.write(`${request.node} runs\n`);
process.stdin.resume().on('end', () => process.exit(0));
if (request.settings['crash'] === request.node) process.exit(3);
// A node that does not end when it is asked to.
if (request.settings['deaf'] === request.node) process.on('SIGTERM', () => {});

createTcpServer((socket) => {
  socket.on('data', (chunk) => (received += chunk.toString()));
  socket.on('error', () => {});
  socket.on('close', () => (ended += 1));
}).listen(request.peerPort, request.host);

createServer((http, answer) => {
  const url = new URL(http.url ?? '/', 'http://fake');
  if (url.pathname === '/send') send(url);
  const status: FakeStatus = {
    node: request.node,
    pid: process.pid,
    starts,
    received,
    ended,
    dialled: [...outgoing.keys()],
  };
  answer.end(JSON.stringify(status));
}).listen(request.clientPort, request.host);

/** `/send?to=n2&text=…`, on one connection for each peer as long as it holds. */
function send(url: URL): void {
  const to = url.searchParams.get('to') ?? '';
  let socket = outgoing.get(to);
  if (socket === undefined) {
    const peer = request.peers.find(({ id }) => id === to);
    if (peer === undefined) return;
    socket = connect(peer.port, peer.host);
    socket.on('error', () => {});
    socket.on('close', () => outgoing.delete(to));
    socket.resume();
    outgoing.set(to, socket);
  }
  socket.write(url.searchParams.get('text') ?? '');
}
