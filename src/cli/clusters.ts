import { ENDPOINTS_CAPABILITIES } from '../clusters/endpoints/endpoints-cluster.ts';
import type { Capability } from '../contracts/cluster.ts';
import { defined } from '../lib/assert.ts';

/** A kind of cluster that this Gong can run against. */
export interface ClusterKind {
  /** One line for `gong nemeses`. */
  readonly about: string;
  /** What it lets a nemesis do. */
  readonly capabilities: ReadonlySet<Capability>;
}

/** Every kind by its name. */
export const CLUSTERS: ReadonlyMap<string, ClusterKind> = new Map([
  [
    'local',
    {
      about: 'processes on this machine, links through proxies (--cluster local)',
      capabilities: new Set<Capability>(['processes', 'links', 'hooks']),
    },
  ],
  [
    'endpoints',
    {
      about: 'a cluster that runs already (--endpoints URL,…)',
      capabilities: new Set(ENDPOINTS_CAPABILITIES),
    },
  ],
]);

/** @param cluster - one of `CLUSTERS` */
export function capabilitiesOf(cluster: string): ReadonlySet<Capability> {
  return defined(CLUSTERS.get(cluster), `there is a cluster ${cluster}`).capabilities;
}
