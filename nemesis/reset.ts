import type { Cluster } from '../src/contracts/cluster.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { MILLISECOND, SECOND } from '../src/lib/duration.ts';
import { eachAlone, type FaultValue, linksIn, linksOf, nanosecondsIn } from './fault-value.ts';
import { nodeShapes } from './node-shapes.ts';

const EVERY_MS = { min: 200, max: 500 };
/** Of a fault that comes from a file. */
const EVERY_NS = { min: MILLISECOND, max: 60 * SECOND };

/**
 * Ends the connections of some nodes to others hard (RST), and again and again while it is in force:
 * whatever was under way on them is lost, and the nodes have to connect anew.
 */
export const reset: Nemesis = {
  kind: 'reset',
  requires: 'links',
  about: 'ends the connections between nodes (RST), every 200 to 500 ms again',
  band: { label: 'reset', light: '#0f766e', dark: '#2dd4bf' },
  shapes: nodeShapes({
    evidence: ['connections-reset'],
    deposesLeader: false,
    nodesMin: 2,
    valueOf: (victims, nodes, random) => ({
      groups: eachAlone(nodes, victims),
      everyNs: random.integer(EVERY_MS.min, EVERY_MS.max) * MILLISECOND,
    }),
  }),
  inject,
  async healAll(cluster) {
    await cluster.links?.healAll();
  },
  links({ value }) {
    everyNsIn(value);
    return linksIn(reset.kind, value);
  },
};

async function inject(cluster: Cluster, { value }: ResolvedFault): Promise<AsyncDisposable> {
  const control = defined(cluster.links, 'a plan with reset needs control of links');
  return control.resetEvery(linksOf(cluster, reset.kind, value), everyNsIn(value));
}

function everyNsIn(value: FaultValue): number {
  return nanosecondsIn(reset.kind, value, { name: 'everyNs', ...EVERY_NS });
}
