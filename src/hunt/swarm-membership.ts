import type { Random } from '../lib/prng.ts';
import type { MembershipAim, MembershipFault } from '../sim/faults.ts';
import { chance, weighted } from './draws.ts';

/** Of the seeds. */
const SHARE = 0.4;
const NODES_MAX = 7;

/** Whether members come and go in a seed, and how many nodes start empty for it. */
export function drawSpares(random: Random, nodes: number): number | undefined {
  if (!chance(random, SHARE)) return undefined;
  const wished = weighted(random, [
    [1, 0],
    [3, 1],
    [3, 2],
    [2, 3],
  ]);
  return Math.min(wished, NODES_MAX - nodes);
}

/** In election timeouts: some changes end while they are under way. */
export const MEMBERSHIP_LASTS: { readonly min: number; readonly max: number } = {
  min: 0.5,
  max: 15,
};

export function drawMembershipFault(random: Random): MembershipFault {
  return { type: 'membership', aim: drawAim(random), isUndone: chance(random, 0.4) };
}

function drawAim(random: Random): MembershipAim {
  const of = random.pick(['leader', 'follower', 'any'] as const);
  // One, some, or as many as there are.
  const count = weighted(random, [
    [4, 1],
    [3, random.integer(2, 3)],
    [2, NODES_MAX],
  ]);
  return weighted<MembershipAim>(random, [
    [3, { type: 'add', count }],
    [3, { type: 'remove', count, of }],
    [4, { type: 'replace', count, of }],
  ]);
}
