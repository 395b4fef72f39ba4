import http from 'node:http';
import { parseArgs } from 'node:util';
import { UserError } from '../../lib/user-error.ts';
import { makeRandom } from '../../lib/prng.ts';
import { makeConfiguration } from '../core/configuration.ts';
import { PAPER_RULES, type Rules } from '../core/rules.ts';
import { nodeId } from '../core/types.ts';
import { Driver } from '../driver/driver.ts';
import type { Disk } from '../driver/ports.ts';
import { WalDamage } from '../driver/wal.ts';
import { parseTunables } from './config.ts';
import { openDirectory } from './files.ts';
import { makeHttpServer } from './http.ts';
import { makeScheduler } from './scheduler.ts';
import { type PeerAddress, Transport } from './transport.ts';

/** How a node ends when it cannot go on. 1 is never used: it is what Node gives by accident. */
export const NODE_EXIT = {
  ok: 0,
  usage: 64,
  damage: 65,
  bug: 70,
  disk: 74,
  portInUse: 75,
} as const;

/** What an entry may replace: defects do, the production entry does not. */
export interface NodeParts {
  readonly rules: Rules;
  readonly openDisk: (directory: string) => Disk;
}

export const PRODUCTION: NodeParts = { rules: PAPER_RULES, openDisk: openDirectory };

const USAGE = `gong raft node
  --id n1 --cluster-id NAME --data-dir DIR --host 127.0.0.1 --client-port N --peer-port N
  --peer ID=HOST:PORT (one for each other node)   --set raft.NAME=VALUE (any tunable)
  --stop-with-stdin (end when standard input closes)`;

/** Prints what a person can act on, and ends the process. */
function quit(code: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}

interface Arguments {
  readonly id: string;
  readonly clusterId: string;
  readonly dataDir: string;
  readonly host: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly peers: readonly PeerAddress[];
  readonly settings: Readonly<Record<string, string>>;
  readonly stopWithStdin: boolean;
}

function parseArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      id: { type: 'string' },
      'cluster-id': { type: 'string', default: 'gong' },
      'data-dir': { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      'client-port': { type: 'string' },
      'peer-port': { type: 'string' },
      peer: { type: 'string', multiple: true, default: [] },
      set: { type: 'string', multiple: true, default: [] },
      'stop-with-stdin': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(NODE_EXIT.ok);
  }
  const { id } = values;
  const dataDir = values['data-dir'];
  if (id === undefined || dataDir === undefined) throw new Error('--id and --data-dir are needed');
  return {
    id,
    clusterId: values['cluster-id'],
    dataDir,
    host: values.host,
    clientPort: parsePort('--client-port', values['client-port']),
    peerPort: parsePort('--peer-port', values['peer-port']),
    peers: values.peer.map(parsePeer),
    settings: Object.fromEntries(values.set.map(parseSetting)),
    stopWithStdin: values['stop-with-stdin'],
  };
}

function parsePort(name: string, text: string | undefined): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`${name} takes a port`);
  return port;
}

function parsePeer(text: string): PeerAddress {
  const match = /^([^=]+)=(.+):(\d+)$/.exec(text);
  if (match === null) throw new Error(`--peer takes ID=HOST:PORT, not ${text}`);
  return {
    id: nodeId(match[1] ?? ''),
    host: match[2] ?? '',
    port: parsePort('--peer', match[3]),
  };
}

function parseSetting(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--set takes NAME=VALUE, not ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Runs a node until a signal, a fatal error, or (if asked) the end of standard input. */
export async function startNode(argv: readonly string[], parts: NodeParts): Promise<void> {
  let given: Arguments;
  let tunables;
  try {
    given = parseArguments(argv);
    tunables = parseTunables(given.settings);
  } catch (error) {
    const why = error instanceof UserError ? `${error.message}: ${error.why}` : String(error);
    return quit(NODE_EXIT.usage, `${why}\n${USAGE}`);
  }
  const log = (line: string): void => {
    process.stdout.write(`${new Date().toISOString()} ${given.id} ${line}\n`);
  };
  const id = nodeId(given.id);
  let driver: Driver | undefined;
  // Listening comes before the data is touched: a second process on this directory stops here.
  const transport = await Transport.listen({
    clusterId: given.clusterId,
    id,
    host: given.host,
    port: given.peerPort,
    peers: given.peers,
    onMessage: (from, bytes) => driver?.receive(from, bytes),
    onDisconnect: (peer) => driver?.disconnected(peer),
    log,
  }).catch((error: unknown) =>
    quit(NODE_EXIT.portInUse, `peer port ${given.peerPort}: ${String(error)}`),
  );

  try {
    const started = await Driver.start({
      config: {
        id,
        configuration: makeConfiguration([id, ...given.peers.map((peer) => peer.id)]),
        electionTimeout: tunables.electionTimeout,
        heartbeatIntervalNs: tunables.heartbeatIntervalNs,
        maxEntriesPerAppend: tunables.maxEntriesPerAppend,
        maxBytesPerAppend: 1024 * 1024,
        maxInflightAppends: tunables.maxInflightAppends,
        preVote: tunables.preVote,
        checkQuorum: tunables.checkQuorum,
        leaseDriftPpm: tunables.leaseDriftPpm,
      },
      clusterId: given.clusterId,
      fsync: tunables.fsync,
      fsyncIntervalNs: tunables.fsyncIntervalNs,
      requestTimeoutNs: tunables.requestTimeoutNs,
      rules: parts.rules,
      // Election timeouts must differ between nodes and between their lives.
      random: makeRandom(`${given.id}/${process.pid}/${Date.now()}`),
      disk: parts.openDisk(given.dataDir),
      network: transport,
      scheduler: makeScheduler(),
      onFatal: (error) => {
        const isBug = error instanceof Error && error.name === 'InvariantError';
        quit(isBug ? NODE_EXIT.bug : NODE_EXIT.disk, `stopped: ${describe(error)}`);
      },
    });
    driver = started.driver;
    if (started.tornBytes > 0)
      log(`left ${started.tornBytes} bytes of an interrupted write behind`);
  } catch (error) {
    if (!(error instanceof WalDamage)) return quit(NODE_EXIT.disk, describe(error));
    return quit(NODE_EXIT.damage, `refuses to start on ${given.dataDir}: ${error.message}`);
  }
  transport.connect();
  await listen(makeHttpServer(driver, { readMode: tunables.readMode }), given);
  log(`serves clients on ${given.host}:${given.clientPort}, pid ${process.pid}`);

  const stop = (): void => {
    driver.stop();
    process.exit(NODE_EXIT.ok);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (given.stopWithStdin) {
    process.stdin.on('close', stop);
    process.stdin.resume();
  }
}

async function listen(server: http.Server, given: Arguments): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', (error) =>
    quit(NODE_EXIT.portInUse, `client port ${given.clientPort}: ${error.message}`),
  );
  server.listen(given.clientPort, given.host, () => listening.resolve());
  await listening.promise;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
