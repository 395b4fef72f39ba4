import type { Defect } from './defect.ts';

/**
 * Replaces its log behind `prev` by what the message brings, conflict or not: an AppendEntries that
 * arrives late, older and shorter, removes what was acknowledged since.
 */
export const truncateOnOldAppend: Defect = {
  name: 'truncate-on-old-append',
  source: 'Raft §5.3, Figure 2 (AppendEntries, step 3)',
  clientSees: 'an acknowledged write is gone after the next election',
  rules: { mustTruncate: () => true },
};
