import { ENDPOINTS_CAPABILITIES } from '../clusters/endpoints/endpoints-cluster.ts';
import type { Capability } from '../contracts/cluster.ts';

/** A kind of cluster that this Gong can run against. */
export interface ClusterKind {
  /** One line for `gong nemeses`. */
  readonly about: string;
  /** What it lets a nemesis do. */
  readonly capabilities: ReadonlySet<Capability>;
}

/** Processes on this machine. */
export const LOCAL: ClusterKind = {
  about:
    'processes that Gong starts on this machine, links through proxies (--cluster local); membership ' +
    'and leadership of targets that say how',
  capabilities: new Set<Capability>(['processes', 'links', 'hooks', 'membership', 'leadership']),
};

/** What a cluster can be asked for only where its target says how. */
export const STEERING: ReadonlySet<Capability> = new Set<Capability>(['membership', 'leadership']);

/** Whatever runs already. */
export const ENDPOINTS: ClusterKind = {
  about: 'a cluster that runs already (--endpoints URL,…)',
  capabilities: new Set(ENDPOINTS_CAPABILITIES),
};

/** Nodes in simulated time: a verb of its own, since only the reference node runs there. */
export const SIM: ClusterKind = {
  about: 'the reference node in simulated time (gong sim)',
  capabilities: new Set<Capability>(['processes', 'links', 'membership', 'leadership']),
};

/** Every kind by its name. */
export const CLUSTERS: ReadonlyMap<string, ClusterKind> = new Map([
  ['local', LOCAL],
  ['endpoints', ENDPOINTS],
  ['sim', SIM],
]);
