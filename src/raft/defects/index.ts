import { acknowledgeBeforeFsync } from './acknowledge-before-fsync.ts';
import { commitOldTerm } from './commit-old-term.ts';
import type { Defect } from './defect.ts';
import { forgetVote } from './forget-vote.ts';
import { readWithoutRound } from './read-without-round.ts';
import { truncateOnOldAppend } from './truncate-on-old-append.ts';
import { voteTwice } from './vote-twice.ts';

export type { Defect } from './defect.ts';

/** Every planted bug by its name. They let the suite show that it finds what it is built to find. */
export const DEFECTS: ReadonlyMap<string, Defect> = new Map(
  [
    voteTwice,
    commitOldTerm,
    acknowledgeBeforeFsync,
    readWithoutRound,
    truncateOnOldAppend,
    forgetVote,
  ].map((defect) => [defect.name, defect]),
);
