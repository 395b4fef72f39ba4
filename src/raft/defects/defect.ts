import type { Rules } from '../core/rules.ts';
import type { Disk } from '../driver/ports.ts';

/** What breaks first, by the names of Raft's Figure 3 and of what clients are promised. */
export type BrokenInvariant =
  | 'election-safety'
  | 'leader-completeness'
  | 'state-machine-safety'
  | 'acknowledged-on-majority'
  | 'linearizable-read';

/** A bug planted on purpose: one rule of Raft, or one port, replaced. */
export interface Defect {
  /** Kebab-case; the name it is asked for by. */
  readonly name: string;
  /** The section whose rule is broken, and systems that had the bug. */
  readonly source: string;
  /** What can come of it for clients, one sentence. */
  readonly clientSees: string;
  /** The invariant that one expects to be the first to break. */
  readonly breaks: BrokenInvariant;
  /** In place of the rules of the same names; everything else is the paper's. */
  readonly rules?: Partial<Rules>;
  /** In place of the disk of each node. */
  readonly disk?: (disk: Disk) => Disk;
}
