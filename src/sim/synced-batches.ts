import type { NodeId } from '../raft/core/types.ts';
import type { SimObserver } from './observer.ts';

interface Batch {
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

interface Log {
  /** How far each file is known to be written, in the order of their beginnings. */
  readonly ends: Map<string, number>;
  written: Batch | undefined;
  synced: Batch | undefined;
}

/**
 * Where the last synced batch of each node's log begins: a flip of a bit in front of it is seen, since
 * a valid batch stands behind it; in it, it cannot be told from a write that was interrupted.
 */
export class SyncedBatches implements SimObserver {
  readonly #logs = new Map<NodeId, Log>();

  /** What a node finds at its start may end anywhere behind what was synced. */
  started({ node }: { readonly node: NodeId }): void {
    const log = this.#log(node);
    log.written = undefined;
    if (log.synced !== undefined) log.ends.set(log.synced.file, log.synced.end);
  }

  written({ node }: { readonly node: NodeId }, file: string, end: number): void {
    const log = this.#log(node);
    log.written = { file, start: log.ends.get(file) ?? 0, end };
    log.ends.set(file, end);
  }

  synced(node: NodeId, file: string, bytes: number): void {
    const log = this.#log(node);
    const { written } = log;
    if (written?.file === file && bytes >= written.end) log.synced = written;
  }

  /** The bytes in front of the last synced batch: the first so many of each of these files, none empty. */
  before(node: NodeId): readonly { readonly file: string; readonly bytes: number }[] {
    const { ends, synced } = this.#log(node);
    const before = [];
    for (const [file, end] of ends) {
      const isLast = file === synced?.file;
      before.push({ file, bytes: isLast ? synced.start : end });
      if (isLast) return before.filter(({ bytes }) => bytes > 0);
    }
    return [];
  }

  #log(node: NodeId): Log {
    const known = this.#logs.get(node);
    if (known !== undefined) return known;
    const log: Log = { ends: new Map(), written: undefined, synced: undefined };
    this.#logs.set(node, log);
    return log;
  }
}
