import { fileURLToPath } from 'node:url';
import type {
  ConsistencyPromise,
  LaunchRequest,
  LaunchSpec,
  NodeStatus,
  Role,
  Target,
} from '../../contracts/target.ts';
import { parseTunables, resolveSettings, RUNTIME_FLAGS } from '../../raft/node/config.ts';
import { FUNCTIONS_KNOWN, MODELS_KNOWN } from '../../raft/client/calls.ts';
import { connectTo } from './client.ts';
import { raftAdmin } from './admin.ts';
import { exchange, openConnection } from '../http/exchange.ts';

const PRODUCTION_ENTRY = fileURLToPath(new URL('../../raft/node/main.ts', import.meta.url));

/** It can be launched, and says everything of itself. */
export interface RaftTarget extends Target {
  launch(request: LaunchRequest): LaunchSpec;
  probe(url: string, timeoutNs: number): Promise<NodeStatus | undefined>;
}

/**
 * The reference Raft node as a target.
 *
 * @param entry - the program to start; the production node unless a defect is asked for
 */
export function makeRaftTarget(entry: string = PRODUCTION_ENTRY): RaftTarget {
  return {
    name: 'raft',
    readModes: ['linearizable', 'lease', 'stale'],
    functions: FUNCTIONS_KNOWN,
    hasLeader: true,
    hasSessions: true,
    promises: ({ readMode }) => promises(readMode),
    launch: (request) => launch(entry, request),
    resolveSettings,
    electionTimeoutNsMax: (settings) => parseTunables(settings).electionTimeout.maxNs,
    probe,
    admin: raftAdmin,
    connect: connectTo,
  };
}

function launch(entry: string, request: LaunchRequest): LaunchSpec {
  return {
    command: process.execPath,
    args: [
      ...RUNTIME_FLAGS,
      entry,
      `--id=${request.node}`,
      `--cluster-id=${request.clusterId}`,
      `--data-dir=${request.dataDir}`,
      `--host=${request.host}`,
      `--client-port=${request.clientPort}`,
      `--peer-port=${request.peerPort}`,
      '--stop-with-stdin',
      ...request.peers.map(({ id, host, port }) => `--peer=${id}=${host}:${port}`),
      ...joining(request),
      ...Object.entries(request.settings).map(([name, value]) => `--set=${name}=${value}`),
    ],
    env: {},
  };
}

/** By default a node begins with all that it knows. */
function joining({ node, peers, initial }: LaunchRequest): readonly string[] {
  if (initial.length === peers.length + 1) return [];
  return [initial.includes(node) ? `--initial=${initial.join(',')}` : '--join'];
}

function promises(readMode: string): ConsistencyPromise {
  // `lease` as well, while no clock is more wrong than raft.leaseDrift says.
  if (readMode !== 'stale') return { consistency: 'linearizable', models: MODELS_KNOWN };
  return {
    consistency: 'weaker',
    models: MODELS_KNOWN,
    note: 'a node answers reads from what it has, however old that is',
  };
}

const ROLES: readonly Role[] = ['leader', 'follower', 'candidate', 'pre-candidate'];

async function probe(url: string, timeoutNs: number): Promise<NodeStatus | undefined> {
  const connection = openConnection(url);
  try {
    const result = await exchange(connection, { method: 'GET', path: '/status' }, timeoutNs);
    return result.type === 'answer' && result.status === 200 ? parseStatus(result.body) : undefined;
  } finally {
    await connection.destroy();
  }
}

function parseStatus(body: string): NodeStatus | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const status: Record<string, unknown> = { ...parsed };
  const { id, leader, pid, term, commitIndex, lastApplied } = status;
  const role = ROLES.find((known) => known === status['role']);
  if (role === undefined || typeof id !== 'string' || typeof term !== 'number') return undefined;
  if (typeof commitIndex !== 'number' || typeof lastApplied !== 'number') return undefined;
  return {
    id,
    role,
    term,
    leader: typeof leader === 'string' ? leader : undefined,
    commitIndex,
    lastApplied,
    pid: typeof pid === 'number' ? pid : undefined,
  };
}
