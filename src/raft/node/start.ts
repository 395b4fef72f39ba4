import http from 'node:http';
import { parseArgs } from 'node:util';
import { UserError } from '../../lib/user-error.ts';
import { makeRandom } from '../../lib/prng.ts';
import { type Configuration, makeConfiguration, NO_CONFIGURATION } from '../core/configuration.ts';
import { PAPER_RULES, type Rules } from '../core/rules.ts';
import { type NodeId, nodeId } from '../core/types.ts';
import { Driver } from '../driver/driver.ts';
import type { Disk } from '../driver/ports.ts';
import { WalDamage } from '../driver/wal.ts';
import { openDirectory } from './files.ts';
import { ClientServer } from './client-server.ts';
import { makeApi } from './http.ts';
import { NodeMetrics } from './metrics.ts';
import { parseAddress } from './peer-address.ts';
import { makeScheduler } from './scheduler.ts';
import { readSecurity, type Security } from './security.ts';
import { describeSettings, gatherSettings, type Settings, settingsHelp } from './settings.ts';
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
  --peer ID=HOST:PORT (one for each other node: where it is, whatever others say)
  --initial n1,n2,n3 (who votes at the first start of the cluster; by default this node and all peers)
  --join (this node starts empty, and waits until a cluster takes it in: POST /cluster/members there)
      both count at the first start only: from then on the node's data says who the members are
  --client-url URL (where clients reach this node, if not at HOST:CLIENT-PORT)
  --token-file FILE (peers and clients must present what it holds)
  --tls-cert FILE --tls-key FILE --tls-ca FILE (peers and clients must have a certificate of that
      authority; a node's names its id as a DNS name)
  --insecure (listen beyond this machine without a token and without TLS)
  --set raft.NAME=VALUE (any setting; wins)   --config FILE (JSON of settings)
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
  /** What the node begins with, when its directory is empty. */
  readonly initial: Configuration;
  readonly settings: Settings;
  readonly stopWithStdin: boolean;
  readonly security: Security;
  readonly clientUrl: string;
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
      initial: { type: 'string' },
      join: { type: 'boolean', default: false },
      set: { type: 'string', multiple: true, default: [] },
      config: { type: 'string' },
      'client-url': { type: 'string' },
      'token-file': { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      'tls-ca': { type: 'string' },
      insecure: { type: 'boolean', default: false },
      'stop-with-stdin': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n\nsettings, with their defaults:\n${settingsHelp()}\n`);
    process.exit(NODE_EXIT.ok);
  }
  const { id } = values;
  const dataDir = values['data-dir'];
  if (id === undefined || dataDir === undefined) throw new Error('--id and --data-dir are needed');
  const security = readSecurity({
    host: values.host,
    tokenFile: values['token-file'],
    tlsCert: values['tls-cert'],
    tlsKey: values['tls-key'],
    tlsCa: values['tls-ca'],
    insecure: values.insecure,
  });
  const peers = values.peer.map(parsePeer);
  const scheme = security.tls === undefined ? 'http' : 'https';
  const clientPort = parsePort('--client-port', values['client-port']);
  const host = values.host.includes(':') ? `[${values.host}]` : values.host;
  return {
    id,
    security,
    clientUrl: parseUrl(values['client-url'] ?? `${scheme}://${host}:${clientPort}`),
    clusterId: values['cluster-id'],
    dataDir,
    host: values.host,
    clientPort,
    peerPort: parsePort('--peer-port', values['peer-port']),
    peers,
    initial: parseInitial(nodeId(id), peers, values),
    settings: gatherSettings({
      file: values.config,
      environment: process.env,
      flags: values.set.map(parseSetting),
    }),
    stopWithStdin: values['stop-with-stdin'],
  };
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new Error(`--client-url takes a URL such as http://10.0.0.1:7001, not ${text}`);
  }
  return url.origin;
}

function parsePort(name: string, text: string | undefined): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`${name} takes a port`);
  return port;
}

function parsePeer(text: string): PeerAddress {
  const at = text.indexOf('=');
  const address = parseAddress(text.slice(at + 1));
  if (at < 1 || address === undefined) throw new Error(`--peer takes ID=HOST:PORT, not ${text}`);
  return { id: nodeId(text.slice(0, at)), ...address };
}

/** Who votes at the very first start; nobody, where the node is to join. */
function parseInitial(
  id: NodeId,
  peers: readonly PeerAddress[],
  given: { readonly initial?: string | undefined; readonly join: boolean },
): Configuration {
  if (given.join) {
    if (given.initial !== undefined) throw new Error('--join and --initial exclude each other');
    return NO_CONFIGURATION;
  }
  const known = [id, ...peers.map((peer) => peer.id)];
  if (given.initial === undefined) return makeConfiguration(known);
  const names = given.initial.split(',').map(nodeId);
  const stranger = names.find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`--initial names ${stranger}: no --peer says where`);
  if (!names.includes(id)) throw new Error(`${id} is not among --initial: it joins with --join`);
  if (new Set(names).size < names.length) throw new Error('--initial names a node twice');
  return makeConfiguration(names);
}

function parseSetting(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new Error(`--set takes NAME=VALUE, not ${text}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Runs a node until a signal, a fatal error, or (if asked) the end of standard input. */
export async function startNode(argv: readonly string[], parts: NodeParts): Promise<void> {
  let given: Arguments;
  try {
    given = parseArguments(argv);
  } catch (error) {
    const why = error instanceof UserError ? `${error.message}: ${error.why}` : String(error);
    return quit(NODE_EXIT.usage, `${why}\n${USAGE}`);
  }
  const { tunables } = given.settings;
  const log = (line: string): void => {
    process.stdout.write(`${new Date().toISOString()} ${given.id} ${line}\n`);
  };
  const id = nodeId(given.id);
  let driver: Driver | undefined;
  const metrics = new NodeMetrics();
  // Listening comes before the data is touched: a second process on this directory stops here.
  const transport = await Transport.listen({
    clusterId: given.clusterId,
    id,
    host: given.host,
    port: given.peerPort,
    peers: given.peers,
    clientUrl: given.clientUrl,
    ...given.security,
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
        configuration: given.initial,
        electionTimeout: tunables.electionTimeout,
        heartbeatIntervalNs: tunables.heartbeatIntervalNs,
        maxEntriesPerAppend: tunables.maxEntriesPerAppend,
        maxBytesPerAppend: tunables.maxBytesPerAppend,
        maxInflightAppends: tunables.maxInflightAppends,
        preVote: tunables.preVote,
        checkQuorum: tunables.checkQuorum,
        leaseDriftPpm: tunables.leaseDriftPpm,
        catchUpTimeoutNs: Math.ceil(tunables.changeTimeoutNs / 2),
      },
      clusterId: given.clusterId,
      fsync: tunables.fsync,
      fsyncIntervalNs: tunables.fsyncIntervalNs,
      requestTimeoutNs: tunables.requestTimeoutNs,
      changeTimeoutNs: tunables.changeTimeoutNs,
      batchDelayNs: tunables.batchDelayNs,
      followers: tunables.followers,
      snapshots: {
        threshold: tunables.snapshotThreshold,
        trailing: tunables.snapshotTrailing,
      },
      cpuNs: threadCpuNs,
      onRejected: ({ from, reason }) => transport.closeFrom(from, 'contradiction', reason),
      onConfiguration: (configuration) => transport.follow(configuration),
      observer: metrics.observer,
      rules: parts.rules,
      // Election timeouts must differ between nodes and between their lives.
      random: makeRandom(`${given.id}/${process.pid}/${Date.now()}`),
      disk: metrics.timed(parts.openDisk(given.dataDir)),
      network: transport,
      scheduler: makeScheduler(),
      onFatal: (error) => {
        const isBug = error instanceof Error && error.name === 'InvariantError';
        quit(isBug ? NODE_EXIT.bug : NODE_EXIT.disk, `stopped: ${describe(error)}`);
      },
    });
    driver = started.driver;
    for (const damage of started.damages) {
      log(`a damaged snapshot is not used, an older state and the log are: ${damage}`);
    }
    for (const { file, at, bytes } of started.torn) {
      log(`left ${bytes} bytes of an interrupted write behind, in ${file} from byte ${at}`);
    }
  } catch (error) {
    if (!(error instanceof WalDamage)) return quit(NODE_EXIT.disk, describe(error));
    return quit(NODE_EXIT.damage, `refuses to start on ${given.dataDir}: ${error.message}`);
  }
  transport.connect();
  await listen(serveClients(driver, transport, metrics, given).server, given);
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

function serveClients(
  driver: Driver,
  transport: Transport,
  metrics: NodeMetrics,
  given: Arguments,
): ClientServer {
  const { tunables } = given.settings;
  const api = makeApi(driver, {
    readMode: tunables.readMode,
    limits: tunables,
    sessionExpiryMs: Math.round(tunables.sessionExpiryNs / 1_000_000),
    status: () => ({
      ...driver.status(),
      pid: process.pid,
      peers: transport.connections,
      clients: { ...clients.counts, pending: clients.pending },
    }),
    config: () => ({
      id: given.id,
      clusterId: given.clusterId,
      clientUrl: given.clientUrl,
      token: given.security.token !== undefined,
      tls: given.security.tls !== undefined,
      settings: describeSettings(given.settings),
    }),
    metrics: () => metrics.scrape(),
    clientUrlOf: (node) => (node === given.id ? given.clientUrl : transport.clientUrlOf(node)),
  });
  const clients = new ClientServer({ ...given.security, ...tunables }, api);
  metrics.read({ status: () => driver.status(), peers: transport, clients });
  return clients;
}

async function listen(server: http.Server, given: Arguments): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', (error) =>
    quit(NODE_EXIT.portInUse, `client port ${given.clientPort}: ${error.message}`),
  );
  server.listen(given.clientPort, given.host, () => listening.resolve());
  await listening.promise;
}

/** User and system time of the thread that runs the event loop. */
function threadCpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return 1000 * (user + system);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
