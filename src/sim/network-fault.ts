import type { Link } from '../contracts/names.ts';
import { assertNever } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import type { MessageTrouble } from './link-trouble.ts';
import { type Victims, victimsOf } from './victims.ts';

/** Something is wrong with links, until the fault ends. */
export interface NetworkFault {
  readonly type: 'network';
  readonly links: LinkChoice;
  readonly trouble: LinkTrouble;
}

/** Which directed links. */
export type LinkChoice =
  /** What these nodes send, what they are sent, or both. */
  | { readonly of: Victims; readonly direction: 'sent' | 'received' | 'both' }
  /** So many random ones, at most all that there are. */
  | { readonly count: number };

/** What is wrong with them. */
export type LinkTrouble =
  /** Messages are lost, come twice or late, by chance. */
  | ({ readonly type: 'messages' } & MessageTrouble)
  /** Nothing crosses; what is under way is held. */
  | { readonly type: 'cut' }
  /** What crosses waits for `delayNs` ± up to `jitterNs`, which is at most as much. */
  | { readonly type: 'slow'; readonly delayNs: number; readonly jitterNs: number }
  /** Connections end, at once and every `everyNs` again, with what is on them. */
  | { readonly type: 'reset'; readonly everyNs: number };

export async function injectNetworkFault(
  cluster: SimCluster,
  { links: choice, trouble }: NetworkFault,
  random: Random,
): Promise<AsyncDisposable> {
  const links = linksOf(cluster, choice, random);
  switch (trouble.type) {
    case 'cut':
      return cluster.links.cut(links);
    case 'slow':
      return cluster.links.slow(links, trouble);
    case 'reset':
      return cluster.links.resetEvery(links, trouble.everyNs);
    case 'messages': {
      const ends = links.map((link) =>
        cluster.network.trouble(link, trouble, random.fork(`${link.from}>${link.to}`)),
      );
      return {
        [Symbol.asyncDispose]: async () => {
          for (const end of ends) end();
        },
      };
    }
    default:
      return assertNever(trouble);
  }
}

/** In the order of the nodes. */
function linksOf(cluster: SimCluster, choice: LinkChoice, random: Random): readonly Link[] {
  const { nodes } = cluster;
  const all = nodes.flatMap((from) =>
    nodes.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  if ('count' in choice) {
    const chosen = random.shuffle(all).slice(0, choice.count);
    return all.filter((link) => chosen.includes(link));
  }
  const victims = victimsOf(cluster, choice.of, random);
  const { direction } = choice;
  return all.filter(
    ({ from, to }) =>
      (direction !== 'received' && victims.includes(from)) ||
      (direction !== 'sent' && victims.includes(to)),
  );
}
