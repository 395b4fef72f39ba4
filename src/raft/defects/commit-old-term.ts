import { quorumIndex } from '../core/configuration.ts';
import { logIndex } from '../core/types.ts';
import type { Defect } from './defect.ts';

/** Commits whatever stands on a majority, also an entry of an older term. */
export const commitOldTerm: Defect = {
  name: 'commit-old-term',
  source: 'Raft §5.4.2, Figure 8; logcabin#44, async-raft#108, canonical/raft#220',
  clientSees: 'an acknowledged write is gone after the next election',
  rules: {
    leaderCommitIndex: ({ configuration, matchIndex, commitIndex }) =>
      logIndex(Math.max(commitIndex, quorumIndex(configuration, matchIndex))),
  },
};
