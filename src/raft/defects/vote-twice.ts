import { mayGrantVote } from '../core/rules.ts';
import type { Defect } from './defect.ts';

/** Gives its vote to whoever asks, also when it has given it to another in the same term. */
export const voteTwice: Defect = {
  name: 'vote-twice',
  source: 'Raft §5.2; akka-raft#56, canonical/raft#386',
  clientSees: 'two leaders of one term acknowledge different writes, and one of them is lost',
  rules: {
    mayGrantVote: (question) =>
      mayGrantVote({ ...question, own: { ...question.own, votedFor: undefined } }),
  },
};
