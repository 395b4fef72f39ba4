import type { Defect } from './defect.ts';

/** Followers acknowledge, and a leader counts itself for, what was handed to the disk only. */
export const acknowledgeBeforeFsync: Defect = {
  name: 'acknowledge-before-fsync',
  source: 'Raft §5.3, Figure 2; etcd#14370, NATS 2.12.1 (jepsen.io/analyses/nats-2.12.1)',
  clientSees: 'an acknowledged write is gone after a power failure',
  rules: {
    acknowledgedIndex: ({ verified }) => verified,
    leaderMatchIndex: ({ lastIndex }) => lastIndex,
  },
};
