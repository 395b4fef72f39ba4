import type { Cluster } from '../src/contracts/cluster.ts';
import type { Nemesis, NemesisShape, ResolvedFault } from '../src/contracts/nemesis.ts';
import { assert, defined } from '../src/lib/assert.ts';

const SEED_MAX = 2 ** 31 - 1;

/**
 * Whatever the user's own script breaks: `exec:./cut.sh` calls `./cut.sh start SEED`, and later `./cut.sh
 * heal`. The shape is the script's path, as it was written. Whom it hits is the script's own business, so
 * there are no victims whose operations could show that it bit: its success and its output are the evidence.
 */
export const exec: Nemesis = {
  kind: 'exec',
  requires: 'hooks',
  about: 'your own script, as in exec:./cut.sh: it is called with "start SEED" and with "heal"',
  band: { label: 'script', light: '#7d4f96', dark: '#c9a0dc' },
  shapes: [],
  shapeNamed,
  inject,
  healAll: async (cluster) => cluster.hooks?.healAll(),
  check: (fault) => void seedIn(fault),
};

function shapeNamed(script: string): NemesisShape {
  return {
    shape: script,
    about: 'what the script does',
    hitsLeader: false,
    nodesMin: 1,
    evidence: ['hook-output'],
    resolve: (_view, random) => ({
      victims: [],
      leader: undefined,
      value: { seed: String(random.integer(1, SEED_MAX)) },
    }),
  };
}

async function inject(
  cluster: Cluster,
  fault: ResolvedFault,
  script: string,
): Promise<AsyncDisposable> {
  const hooks = defined(cluster.hooks, 'a plan with exec needs hooks');
  return hooks.start(script, seedIn(fault));
}

function seedIn({ value }: ResolvedFault): string {
  const seed =
    typeof value === 'object' && value !== null && 'seed' in value ? value['seed'] : undefined;
  assert(typeof seed === 'string', 'a fault by script has a seed, as in {"seed":"7"}');
  return seed;
}
