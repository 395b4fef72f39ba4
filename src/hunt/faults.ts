import { nodeId as name, type NodeId as Name } from '../contracts/names.ts';
import type { NemesisShape, ResolvedFault } from '../contracts/nemesis.ts';
import { assertNever, defined } from '../lib/assert.ts';
import { makeRandom, type Random } from '../lib/prng.ts';
import { UserError } from '../lib/user-error.ts';
import { nemeses } from '../../nemesis/index.ts';
import type { SimCluster } from '../sim/cluster.ts';
import { injectFault, type Victims } from '../sim/faults.ts';
import type { SimObserver } from '../sim/observer.ts';
import type { Simulation } from '../sim/simulation.ts';
import { inWords } from './fault-words.ts';
import type { FaultKind, PinnedFault, ScheduledFault } from './scenario.ts';

/** Told of a fault whose victims are known, as it begins. */
export type OnInjected = (fault: ScheduledFault, resolved: ResolvedFault) => void;

interface Happen {
  readonly ended: AbortSignal;
  readonly observer: Required<SimObserver>;
  readonly onInjected: OnInjected;
}

/**
 * Lets a fault come, go on, and heal. It heals by disposal: at its end, when `ended` comes, and when
 * anything throws meanwhile.
 *
 * A fault whose victims cannot be named when it comes (no leader is known) does not happen: in the
 * simulation nothing waits for anything but time, so that a fault never moves another one.
 */
export async function letHappen(
  sim: Simulation,
  cluster: SimCluster,
  fault: ScheduledFault,
  { ended, observer, onInjected }: Happen,
): Promise<void> {
  await sim.sleep(fault.atNs, ended);
  if (ended.aborted) return;
  await using inForce = new AsyncDisposableStack();
  const tell = (resolved?: ResolvedFault): void => {
    const detail = describe(fault.what, resolved);
    observer.happened({ kind: 'fault-began', detail });
    inForce.defer(() => observer.happened({ kind: 'fault-ended', detail }));
  };
  if (fault.what.type !== 'nemesis') tell();
  const injected = await inject(cluster, fault.what, makeRandom(fault.seed), (resolved) => {
    tell(resolved);
    onInjected(fault, resolved);
  });
  inForce.use(injected);
  await sim.sleep(fault.durationNs, ended);
}

/** In a few words, for traces: `partition:leader (groups ((n1) (n2 n3)))`, `disk slow, leader`. */
export function describe(what: FaultKind, resolved?: ResolvedFault): string {
  if (what.type === 'nemesis') {
    const how = resolved === undefined ? '' : ` ${inWords(resolved.value)}`;
    return `${what.kind}:${what.shape}${how}`;
  }
  const { fault } = what;
  switch (fault.type) {
    case 'network': {
      const { links, trouble } = fault;
      const which =
        'of' in links ? `${links.direction} by ${who(links.of)}` : `${links.count} links`;
      return `network ${trouble.type}, ${which}`;
    }
    case 'clock':
      return `clock ${fault.change.type}, ${who(fault.victims)}`;
    case 'crash':
      return `crash ${fault.moment} ${fault.call} (${fault.how}), ${who(fault.victims)}`;
    case 'membership': {
      const { aim } = fault;
      if (aim.type === 'set') return `members ${aim.voters.join(' ')}`;
      const of = aim.type === 'add' ? '' : ` (${aim.of})`;
      return `members: ${aim.type} ${aim.count}${of}${fault.isUndone ? ', and back' : ''}`;
    }
    case 'young-leader':
      return `young leaders die ${fault.moment} ${fault.call} (${fault.how})`;
    case 'young-voter':
      return `young voters die ${fault.moment} ${fault.call} (${fault.how})`;
    case 'mute-leader':
      return 'nobody hears young leaders';
    case 'power-failure':
      return `power failure, ${who(fault.victims)}`;
    case 'transfer':
      return `transfer to ${fault.to === undefined ? 'another node' : who(fault.to)}`;
    case 'disk':
      return `disk ${fault.trouble.type}, ${who(fault.victims)}`;
    default:
      return assertNever(fault);
  }
}

function who(victims: Victims): string {
  return typeof victims === 'string' ? victims : victims.join(' ');
}

/** Undoes whatever faults may have left, whoever made them. */
export async function healAll(cluster: SimCluster): Promise<void> {
  await cluster.links.healAll();
  for (const node of cluster.nodes) await cluster.processes.resume(node);
  cluster.startAll();
}

async function inject(
  cluster: SimCluster,
  what: FaultKind,
  random: Random,
  onResolved: (resolved: ResolvedFault) => void,
): Promise<AsyncDisposable | undefined> {
  switch (what.type) {
    case 'nemesis': {
      const nemesis = defined(nemeses.get(what.kind), `there is a nemesis ${what.kind}`);
      const resolved =
        what.pinned === undefined ? resolve(cluster, what, random) : resolvedFault(what.pinned);
      if (resolved === undefined || !namesKnown(cluster.nodes, what.kind, resolved)) {
        return undefined;
      }
      onResolved(resolved);
      return nemesis.inject(cluster, resolved, what.shape);
    }
    case 'sim':
      return injectFault(cluster, what.fault, random);
    default:
      return assertNever(what);
  }
}

/**
 * Whether a fault's value can be read, and names nodes that there are: where nodes were left out of a
 * scenario, one that was about them does not happen any more.
 */
export function namesKnown(
  nodes: readonly string[],
  kind: string,
  resolved: ResolvedFault,
): boolean {
  try {
    const named = nemeses.get(kind)?.named?.(resolved) ?? [];
    return named.every((node) => nodes.includes(node));
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** Undefined when nobody can be named now: no leader is known, or too few vote. */
function resolve(
  cluster: SimCluster,
  what: { readonly kind: string; readonly shape: string },
  random: Random,
): ResolvedFault | undefined {
  const { nodes, configuration, membership } = cluster;
  const voters = nodes.filter((node) => configuration.voters.some((id) => id === String(node)));
  const shape = shapeOf(what);
  const { nodesMin, sparesMin = 0 } = shape;
  const { first } = membership;
  if (voters.length < nodesMin || nodes.length - first.length < sparesMin) return undefined;
  return shape.resolve({ nodes, voters, first, leader: leaderOf(cluster) }, random);
}

/** A fault that hits these, whoever leads. */
export function resolvedFault({ victims, value }: PinnedFault): ResolvedFault {
  return { victims: victims.map(name), leader: undefined, value };
}

/** @throws InvariantError when there is none: files are checked as they are read */
export function shapeOf({ kind, shape }: { kind: string; shape: string }): NemesisShape {
  const nemesis = defined(nemeses.get(kind), `there is a nemesis ${kind}`);
  const found = nemesis.shapes.find((one) => one.shape === shape);
  return defined(found, `${kind} has a shape ${shape}`);
}

function leaderOf(cluster: SimCluster): Name | undefined {
  const { leader } = cluster;
  return cluster.nodes.find((node) => String(node) === String(leader));
}
