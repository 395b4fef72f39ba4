import type { Defect } from './defect.ts';

/** A leader serves reads at once: it does not ask whether it is leader still. */
export const readWithoutRound: Defect = {
  name: 'read-without-round',
  source: 'Raft §8, thesis §6.4; etcd 0.4.1 (jepsen.io/analyses/etcd-3.4.3)',
  clientSees: 'a read returns an older value than was acknowledged before it began',
  breaks: 'linearizable-read',
  rules: { isReadConfirmed: () => true },
};
