import type { Restored } from '../../raft/core/core.ts';
import type { NodeId, Role } from '../../raft/core/types.ts';
import type { Life } from '../observer.ts';
import type { Configuration } from '../../raft/core/configuration.ts';
import { DiskView } from './disk-view.ts';
import { LogView } from './log-view.ts';

/** What an observer knows of one node: of the life that it leads now, and of its disk. */
export class NodeView {
  readonly node: NodeId;
  readonly disk: DiskView;
  /** As the core has it in memory. */
  readonly log: LogView;
  life = 0;
  role: Role = 'follower';
  term = 0;
  commitIndex = 0;
  applied = 0;

  readonly #first: Configuration;

  /** @param first - the configuration that it begins with, when its disk is empty */
  constructor(node: NodeId, first: Configuration) {
    this.node = node;
    this.#first = first;
    this.disk = new DiskView(first);
    this.log = new LogView(first);
  }

  begin(life: Life, { hardState, base, configuration, entries, snapshot = base }: Restored): void {
    this.life = life.number;
    this.role = 'follower';
    this.term = hardState.term;
    this.commitIndex = snapshot.index;
    this.applied = snapshot.index;
    this.log.reset(base, entries, configuration ?? this.#first);
  }
}
