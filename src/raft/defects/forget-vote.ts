import type { Defect } from './defect.ts';

/** Knows its term after a restart, but not whom it voted for in it. */
export const forgetVote: Defect = {
  name: 'forget-vote',
  source: 'Raft §5.2, Figure 2 (persistent state); camunda#5356, hazelcast PR#16643',
  clientSees: 'two leaders of one term acknowledge different writes, and one of them is lost',
  rules: { rememberedHardState: ({ term }) => ({ term, votedFor: undefined }) },
};
