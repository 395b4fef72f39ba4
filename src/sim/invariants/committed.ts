import type { Entry, LogPosition, NodeId } from '../../raft/core/types.ts';

/** The entries that were committed, by index, each as whoever committed it first has it. */
export class Committed {
  readonly #entries: (Entry | undefined)[] = [undefined];
  readonly #nodes: (NodeId | undefined)[] = [undefined];

  get lastIndex(): number {
    return this.#entries.length - 1;
  }

  at(index: number): Entry | undefined {
    return this.#entries[index];
  }

  /** Who committed it first. */
  by(index: number): NodeId | undefined {
    return this.#nodes[index];
  }

  /** @returns the entry that was committed at this index before, if one was */
  add(node: NodeId, entry: Entry): LogPosition | undefined {
    const before = this.#entries[entry.index];
    if (before !== undefined) return before;
    // Behind a snapshot that nobody here has made, indexes may be skipped.
    while (this.#entries.length < entry.index) {
      this.#entries.push(undefined);
      this.#nodes.push(undefined);
    }
    this.#entries[entry.index] = entry;
    this.#nodes[entry.index] = node;
    return undefined;
  }
}
