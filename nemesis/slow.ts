import type { Cluster, LinkDelay } from '../src/contracts/cluster.ts';
import type { Nemesis, ResolvedFault } from '../src/contracts/nemesis.ts';
import { defined } from '../src/lib/assert.ts';
import { MILLISECOND, SECOND } from '../src/lib/duration.ts';
import { eachAlone, type FaultValue, linksIn, linksOf, nanosecondsIn } from './fault-value.ts';
import { nodeShapes } from './node-shapes.ts';

/**
 * A round trip over two slow links stays below an election timeout of one second: it hurts, and by
 * itself deposes nobody.
 */
const DELAY_MS = { min: 50, max: 200 };
/** Of a fault that comes from a file. */
const DELAY_NS_MAX = 60 * SECOND;

/**
 * Delays what crosses the links of some nodes, both ways. The jitter is half of the delay at most, so
 * that a round trip takes no less than the delay: that is how an operation is known to have felt it.
 */
export const slow: Nemesis = {
  kind: 'slow',
  requires: 'links',
  about: 'delays all that nodes send to others and are sent by them: 50 to 200 ms, with jitter',
  band: { label: 'slow', light: '#1d4ed8', dark: '#60a5fa' },
  shapes: nodeShapes({
    evidence: ['slowed'],
    deposesLeader: false,
    nodesMin: 2,
    valueOf(victims, nodes, random) {
      const delayMs = random.integer(DELAY_MS.min, DELAY_MS.max);
      const jitterMs = random.integer(Math.floor(delayMs / 10), Math.floor(delayMs / 2));
      return {
        groups: eachAlone(nodes, victims),
        delayNs: delayMs * MILLISECOND,
        jitterNs: jitterMs * MILLISECOND,
      };
    },
  }),
  inject,
  async healAll(cluster) {
    await cluster.links?.healAll();
  },
  links({ value }) {
    delayIn(value);
    return linksIn(slow.kind, value);
  },
};

async function inject(cluster: Cluster, { value }: ResolvedFault): Promise<AsyncDisposable> {
  const control = defined(cluster.links, 'a plan with slow needs control of links');
  return control.slow(linksOf(cluster, slow.kind, value), delayIn(value));
}

function delayIn(value: FaultValue): LinkDelay {
  const max = DELAY_NS_MAX;
  const delayNs = nanosecondsIn(slow.kind, value, { name: 'delayNs', min: 1, max });
  const half = Math.floor(delayNs / 2);
  return {
    delayNs,
    jitterNs: nanosecondsIn(slow.kind, value, { name: 'jitterNs', min: 0, max: half }),
  };
}
