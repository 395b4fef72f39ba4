import type { Rules } from '../core/rules.ts';
import type { Disk } from '../driver/ports.ts';

/** A bug planted on purpose: one rule of Raft, or one port, replaced. */
export interface Defect {
  /** Kebab-case; the name it is asked for by. */
  readonly name: string;
  /** The section whose rule is broken, and systems that had the bug. */
  readonly source: string;
  /** What can come of it for clients, one sentence. */
  readonly clientSees: string;
  /** In place of the rules of the same names; everything else is the paper's. */
  readonly rules?: Partial<Rules>;
  /** In place of the disk of each node. */
  readonly disk?: (disk: Disk) => Disk;
}
