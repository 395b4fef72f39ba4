import type { Entry, LogPosition, NodeId } from '../../raft/core/types.ts';

/** An entry that somebody has appended. */
export interface KnownEntry {
  readonly entry: Entry;
  /** Of the entry before it. */
  readonly previousTerm: number;
  /** Who appended it first, as far as was seen. */
  readonly node: NodeId;
  /** Another term's entry of the same index. */
  readonly next: KnownEntry | undefined;
}

/**
 * Every entry that anybody ever appended, by index and term. Where each has one content and one
 * predecessor the logs are branches of one tree, and a position names a whole log up to it: that is
 * the log matching property, by induction (§5.3).
 */
export class EntryTree {
  #known: (KnownEntry | undefined)[] = [];

  at({ index, term }: LogPosition): KnownEntry | undefined {
    let known = this.#known[index];
    while (known !== undefined && known.entry.term !== term) known = known.next;
    return known;
  }

  /** @returns what was known of this position before, if anything */
  learn(node: NodeId, entry: Entry, previousTerm: number): KnownEntry | undefined {
    const known = this.at(entry);
    if (known === undefined) {
      this.#known[entry.index] = { entry, previousTerm, node, next: this.#known[entry.index] };
    }
    return known;
  }

  /** Forgets what this node appended first in later terms: nobody has any of it any more. */
  forget(node: NodeId, aboveTerm: number): void {
    const kept = (known: KnownEntry | undefined): KnownEntry | undefined => {
      if (known === undefined) return undefined;
      const next = kept(known.next);
      if (known.node === node && known.entry.term > aboveTerm) return next;
      return next === known.next ? known : { ...known, next };
    };
    this.#known = this.#known.map(kept);
  }

  /** True when a log that ends in `last` holds an entry of this position. */
  leadsTo(last: LogPosition, position: LogPosition): boolean {
    let { index, term }: { index: number; term: number } = last;
    while (index > position.index) {
      let known = this.#known[index];
      while (known !== undefined && known.entry.term !== term) known = known.next;
      // Compacted, or never seen: what lies before cannot be told.
      if (known === undefined) return true;
      term = known.previousTerm;
      index -= 1;
    }
    return index === position.index && term === position.term;
  }
}
