import { steeringOf } from '../clusters/steering.ts';
import type { Capability } from '../contracts/cluster.ts';
import type { Nemesis } from '../contracts/nemesis.ts';
import type { ConsistencyPromise, Target } from '../contracts/target.ts';
import type { Workload } from '../contracts/workload.ts';
import type { UserError } from '../lib/user-error.ts';
import { isTargetFile, loadTargetFile } from '../targets/file/load.ts';
import { withKeyPrefix } from '../targets/key-prefix.ts';
import { makeRaftTarget } from '../targets/raft/index.ts';
import { type ClusterKind, ENDPOINTS, LOCAL, STEERING } from './clusters.ts';
import { usageError } from './failure-message.ts';
import { durationFlag, integerFlag, oneOf } from './flag-values.ts';

/** The options of `gong run` that say what is tested, and where it runs. */
export interface SystemFlags {
  readonly target: string;
  readonly cluster: string;
  readonly endpoints?: string;
  readonly nodes?: string;
  readonly readMode?: string;
  readonly set: readonly string[];
  readonly basePort?: string;
  readonly hookTimeout: string;
}

/** A system under test that can be brought up, or reached. */
export interface System {
  readonly target: Target;
  readonly nodes: number;
  /** Where the nodes of a cluster that runs already are reached; undefined for one that Gong starts. */
  readonly endpoints: readonly string[] | undefined;
  readonly capabilities: ReadonlySet<Capability>;
  readonly readMode: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly promise: ConsistencyPromise;
  /** Before every key as the store sees it. */
  readonly keyPrefix: string | undefined;
  readonly hookTimeoutNs: number;
  /** What the code of a target file let escape so far. */
  readonly escaped: () => UserError | undefined;
}

const TARGETS: ReadonlyMap<string, () => Target> = new Map([['raft', () => makeRaftTarget()]]);
/** What `--cluster` may say: what Gong starts itself. */
const STARTED = ['local'];
const NODES_DEFAULT = '5';
const NODES_MAX = 15;

/**
 * Finds the target, loads it when it is a file, and checks that it, the cluster and the workload fit.
 *
 * @throws UserError (`usage`)
 */
export async function readSystem(flags: SystemFlags, workload: Workload): Promise<System> {
  oneOf('--cluster', flags.cluster, STARTED);
  const endpoints = readEndpoints(flags);
  const hookTimeoutNs = durationFlag('--hook-timeout', flags.hookTimeout);
  const { target, escaped, isFile } = await findTarget(flags.target);
  if (endpoints === undefined) requireLaunch(flags, target, isFile);
  const readMode = flags.readMode ?? target.readModes[0] ?? '';
  oneOf('--read-mode', readMode, target.readModes);
  const settings = target.resolveSettings(settingsOf(flags.set));
  const promise = target.promises({ readMode, settings });
  requireFit(target, promise, workload);
  // A store that Gong did not start from nothing may know keys of an earlier run.
  const keyPrefix =
    isFile || endpoints !== undefined ? `gong-${Date.now().toString(36)}-` : undefined;
  return {
    target: keyPrefix === undefined ? target : withKeyPrefix(target, keyPrefix),
    nodes: endpoints?.length ?? integerFlag('--nodes', flags.nodes ?? NODES_DEFAULT, NODES_BOUNDS),
    endpoints,
    capabilities: capabilitiesOf(endpoints === undefined ? LOCAL : ENDPOINTS, target),
    readMode,
    settings,
    promise,
    keyPrefix,
    hookTimeoutNs,
    escaped,
  };
}

/** What the cluster can do, and of what it can be asked for that of which the target says how. */
function capabilitiesOf({ capabilities }: ClusterKind, target: Target): ReadonlySet<Capability> {
  const known = steeringOf(target);
  return new Set([...capabilities].filter((one) => !STEERING.has(one) || known.includes(one)));
}

const NODES_BOUNDS = { min: 1, max: NODES_MAX };

async function findTarget(word: string): Promise<{
  readonly target: Target;
  readonly escaped: () => UserError | undefined;
  readonly isFile: boolean;
}> {
  if (isTargetFile(word)) {
    const { target, code } = await loadTargetFile(word);
    return { target, escaped: () => code.escaped, isFile: true };
  }
  const make = TARGETS.get(word);
  if (make !== undefined) return { target: make(), escaped: () => undefined, isFile: false };
  throw usageError({
    code: 'GONG-E063',
    what: `--target ${word} is not known`,
    why: `Gong comes with ${[...TARGETS.keys()].join(', ')}; a file of your own is named by its path`,
    fix: `pass --target raft, or a path such as --target ./${word}.ts`,
  });
}

/** `URL,URL,…`; undefined when the option is absent. */
function readEndpoints(flags: SystemFlags): readonly string[] | undefined {
  if (flags.endpoints === undefined) return undefined;
  const urls = flags.endpoints.split(',').map((url) => url.trim());
  const bad = urls.find((url) => !/^[a-z][a-z0-9+.-]*:\/\/[^/\s]/i.test(url) || !URL.canParse(url));
  const refuse = (what: string, why: string, fix: string): Error =>
    usageError({ code: 'GONG-E149', what, why, fix });
  if (bad !== undefined) {
    throw refuse(
      `--endpoints: ${JSON.stringify(bad)} is no URL`,
      'it takes the URLs of the nodes, parted by commas, each with its scheme',
      'for example --endpoints http://10.0.0.1:8080,http://10.0.0.2:8080',
    );
  }
  const isSecret = urls.some((url) => {
    const { username, password } = new URL(url);
    return username !== '' || password !== '';
  });
  if (isSecret) {
    throw refuse(
      '--endpoints holds a user name or a password',
      'it would stand in the run directory, which is there to be shown to others',
      'have the target file read it from the environment and send it',
    );
  }
  const normal = urls.map((url) => new URL(url).href.replace(/\/+$/, ''));
  const twice = urls.find((_, i) => normal.indexOf(normal[i] ?? '') !== i);
  if (twice !== undefined) {
    throw refuse(
      `--endpoints names ${twice} twice`,
      'each URL is a node of its own',
      'name each node once',
    );
  }
  if (urls.length > NODES_MAX) {
    throw refuse(
      `--endpoints names ${urls.length} nodes`,
      `a run has ${NODES_MAX} at most`,
      'name fewer of them',
    );
  }
  if (flags.nodes !== undefined && flags.nodes !== String(urls.length)) {
    throw refuse(
      `--nodes ${flags.nodes} does not fit --endpoints, which names ${urls.length}`,
      'the nodes are those that --endpoints names',
      'leave --nodes out',
    );
  }
  if (flags.basePort !== undefined) {
    throw refuse(
      '--base-port does not fit --endpoints',
      'Gong starts no node of a cluster that runs already',
      'leave --base-port out',
    );
  }
  // Without a slash at the end, so that a path can follow.
  return urls.map((url) => url.replace(/\/+$/, ''));
}

function requireLaunch(flags: SystemFlags, target: Target, isFile: boolean): void {
  if (target.launch === undefined) {
    throw usageError({
      code: 'GONG-E149',
      what: `Gong cannot start ${target.name}`,
      why: 'its target has no launch',
      fix: 'say where it runs: --endpoints URL,…; or add launch to the target',
    });
  }
  if (!isFile || flags.nodes !== undefined) return;
  throw usageError({
    code: 'GONG-E149',
    what: `--target ${flags.target} needs --nodes`,
    why: 'nodes that do not know each other would be taken for one store, and found to be broken',
    fix: 'pass --nodes 1 for a store of one process, or as many as replicate each other',
  });
}

function settingsOf(pairs: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** GONG-E147: a workload that the target's clients cannot do, or whose model does not describe it. */
function requireFit(target: Target, { models }: ConsistencyPromise, workload: Workload): void {
  const missing = workload.functions.filter((f) => !target.functions.includes(f));
  if (missing.length > 0) {
    throw usageError({
      code: 'GONG-E147',
      what: `${target.name} cannot do --workload ${workload.name}`,
      why: `the workload needs ${missing.join(', ')}, its clients know ${target.functions.join(', ')}`,
      fix: `add ${missing.join(', ')} to the target, or choose a workload without`,
    });
  }
  if (workload.inSessions === true && target.hasSessions !== true) {
    throw usageError({
      code: 'GONG-E147',
      what: `${target.name} cannot do --workload ${workload.name}`,
      why: 'its clients would have to hold sessions, which this target does not say that they can',
      fix: 'choose a workload without sessions',
    });
  }
  if (models === undefined || models.includes(workload.model)) return;
  throw usageError({
    code: 'GONG-E147',
    what: `${target.name} is not to be judged by --workload ${workload.name}`,
    why: `that is judged by the model ${workload.model}; its promise is for ${models.join(', ')}`,
    fix: 'choose a workload of one of these models, or another --read-mode or --set',
  });
}

/**
 * The nemeses that make sense for this target: without a leader, no shape that hits it.
 *
 * @param words - of `--nemesis`
 * @throws UserError (`usage`, GONG-E154) when a word asks for the leader of a target that has none
 */
export function fittingNemeses(
  target: Target,
  nemeses: ReadonlyMap<string, Nemesis>,
  words: string,
): ReadonlyMap<string, Nemesis> {
  if (target.hasLeader === true) return nemeses;
  for (const word of words.split(',').map((one) => one.trim())) {
    const [kind = '', shape] = word.split(':');
    const named = nemeses.get(kind)?.shapes.find((one) => one.shape === shape);
    if (named?.hitsLeader !== true) continue;
    throw usageError({
      code: 'GONG-E154',
      what: `--nemesis ${word} needs a leader, and ${target.name} does not say that it has one`,
      why: 'its target has no hasLeader: true, and so nobody knows whom to hit',
      fix: `choose another shape of ${kind}, or have the target's probe tell role and term`,
    });
  }
  return new Map(
    [...nemeses].map(([kind, nemesis]) => [
      kind,
      { ...nemesis, shapes: nemesis.shapes.filter(({ hitsLeader }) => !hitsLeader) },
    ]),
  );
}

/** What a setting allows, for people; undefined when the promise is the strongest one. */
export function describePromise({
  promise,
  readMode,
}: Pick<System, 'promise' | 'readMode'>): string | undefined {
  if (promise.consistency === 'linearizable') return undefined;
  return (
    `with reads ${readMode} this target promises less than linearizability: ${promise.note}; ` +
    'a violation is what that allows'
  );
}
