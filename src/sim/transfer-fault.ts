import { nodeId } from '../raft/core/types.ts';
import type { Random } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import { type Victims, victimsOf } from './victims.ts';

/** Somebody asks any node that the leadership goes to another one (thesis §3.10). Nothing ends. */
export interface TransferFault {
  readonly type: 'transfer';
  /** The first of them is to lead; nobody in particular, where it is not said. */
  readonly to?: Victims;
}

export function injectTransferFault(
  cluster: SimCluster,
  { to }: TransferFault,
  random: Random,
): void {
  const [target] = to === undefined ? [] : victimsOf(cluster, to, random);
  const request = {
    type: 'transfer',
    to: target === undefined ? undefined : nodeId(target),
  } as const;
  cluster.node(random.pick(cluster.nodes)).submit(request, () => {});
}
