import type { Defect } from './defect.ts';

/**
 * A leader serves reads at once and leads on whoever hears it: it never asks whether it is leader
 * still. (With CheckQuorum a cut-off leader steps down about when the next is elected, which hides
 * most of what comes of the first alone.)
 */
export const readWithoutRound: Defect = {
  name: 'read-without-round',
  source: 'Raft §8, thesis §6.2, §6.4; etcd 0.4.1 (jepsen.io/analyses/etcd-3.4.3)',
  clientSees: 'a read returns an older value than was acknowledged before it began',
  rules: { isReadConfirmed: () => true, mustStepDown: () => false },
};
