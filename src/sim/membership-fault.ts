import type { NodeId as Name } from '../contracts/names.ts';
import { assertNever } from '../lib/assert.ts';
import { MILLISECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import { nodeId } from '../raft/core/types.ts';
import type { SimCluster } from './cluster.ts';

/** Who leaves: whoever leads when it comes and others, only others, or any. */
export type Leavers = 'leader' | 'follower' | 'any';

/** Other members, from those that vote when it comes; as many as there are. */
export type MembershipAim =
  | { readonly type: 'add'; readonly count: number }
  | { readonly type: 'remove'; readonly count: number; readonly of: Leavers }
  /** As many join as leave. */
  | { readonly type: 'replace'; readonly count: number; readonly of: Leavers }
  /** These, whoever votes now. */
  | { readonly type: 'set'; readonly voters: readonly string[] };

/**
 * Somebody asks for other members, again and again until a node says that it is done, or the fault
 * ends. What was asked for goes on all the same.
 */
export interface MembershipFault {
  readonly type: 'membership';
  readonly aim: MembershipAim;
  /** At the end somebody asks for those who voted before. */
  readonly isUndone: boolean;
}

/** Between two attempts. */
const RETRY_NS = { minNs: 20 * MILLISECOND, maxNs: 400 * MILLISECOND };
/** In the end the cluster is well: whoever undoes a change has to give up at some time all the same. */
const ATTEMPTS_MAX = 200;

export function injectMembershipFault(
  cluster: SimCluster,
  { aim, isUndone }: MembershipFault,
  random: Random,
): AsyncDisposable {
  const before = votersOf(cluster);
  const voters = aimed(cluster, aim, random.fork('aim'));
  let isOver = false;
  if (voters !== undefined) void ask(cluster, voters, random.fork('ask'), () => isOver);
  return {
    [Symbol.asyncDispose]: async () => {
      isOver = true;
      const isBack = isUndone && voters !== undefined && isBearable(cluster, before);
      if (isBack) void ask(cluster, before, random.fork('undo'), () => false);
    },
  };
}

function votersOf({ nodes, configuration }: SimCluster): readonly Name[] {
  return nodes.filter((node) => configuration.voters.includes(nodeId(node)));
}

/** Of damaged disks nothing can be promised: they stay a minority. */
export function isBearable({ damaged }: SimCluster, voters: readonly Name[]): boolean {
  const lost = voters.filter((voter) => damaged.has(nodeId(voter))).length;
  return voters.length > 0 && 2 * lost < voters.length;
}

/** @returns undefined when nothing would change, or a majority would be lost */
function aimed(
  cluster: SimCluster,
  aim: MembershipAim,
  random: Random,
): readonly Name[] | undefined {
  const { nodes, damaged } = cluster;
  const current = votersOf(cluster);
  const others = random.shuffle(
    nodes.filter((node) => !current.includes(node) && !damaged.has(nodeId(node))),
  );
  const target = (): readonly string[] => {
    switch (aim.type) {
      case 'add':
        return [...current, ...others.slice(0, aim.count)];
      case 'remove': {
        const leaving = leaversOf(cluster, current, aim, random).slice(0, current.length - 1);
        return current.filter((node) => !leaving.includes(node));
      }
      case 'replace': {
        const leaving = leaversOf(cluster, current, aim, random).slice(0, others.length);
        const joining = others.slice(0, leaving.length);
        return [...current.filter((node) => !leaving.includes(node)), ...joining];
      }
      case 'set':
        return aim.voters;
      default:
        return assertNever(aim);
    }
  };
  const wished = target();
  const voters = nodes.filter((node) => wished.includes(node));
  const isSame = voters.length === current.length && voters.every((one) => current.includes(one));
  return isSame || !isBearable(cluster, voters) ? undefined : voters;
}

function leaversOf(
  { leader }: SimCluster,
  current: readonly Name[],
  { count, of }: { readonly count: number; readonly of: Leavers },
  random: Random,
): readonly Name[] {
  const shuffled = random.shuffle(current);
  const isLeader = (node: Name): boolean => String(node) === leader;
  const followers = shuffled.filter((node) => !isLeader(node));
  switch (of) {
    case 'leader':
      return [...shuffled.filter(isLeader), ...followers].slice(0, count);
    case 'follower':
      return followers.slice(0, count);
    case 'any':
      return shuffled.slice(0, count);
    default:
      return assertNever(of);
  }
}

async function ask(
  cluster: SimCluster,
  voters: readonly Name[],
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  const { requestTimeoutNs } = cluster.profile.node;
  for (let attempt = 0; attempt < ATTEMPTS_MAX && !isOver(); attempt++) {
    const via = random.pick(cluster.nodes);
    const deadlineNs = random.integer(requestTimeoutNs, 8 * requestTimeoutNs);
    const reply = await cluster.changeMembers(via, voters, { deadlineNs, random });
    if (reply.type === 'ok') return;
    await cluster.sleep(random.integer(RETRY_NS.minNs, RETRY_NS.maxNs));
  }
}
