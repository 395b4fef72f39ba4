import type {
  InstallSnapshot,
  LogPosition,
  NodeId,
  SnapshotNeed,
  SnapshotResponse,
  Term,
} from '../core/types.ts';
import type { Disk } from './ports.ts';
import type { StoredSnapshot } from './snapshot-files.ts';

const CHUNK_BYTES = 64 * 1024;
/** On the way to one follower at a time: what it acknowledges makes room for more. */
const WINDOW_BYTES = 256 * 1024;

export interface SendingParts {
  readonly disk: Disk;
  readonly chunkBytes: number | undefined;
  readonly windowBytes: number | undefined;
  /** A follower that has said nothing for so long is sent again what it has not acknowledged. */
  readonly retryNs: number;
  readonly now: () => number;
  /** @returns false when it certainly was not sent */
  readonly send: (to: NodeId, chunk: InstallSnapshot) => boolean;
  /** The first piece of a snapshot goes out, or a later one to a follower that has those before it. */
  readonly onBegun: (to: NodeId, last: LogPosition, offset: number) => void;
  /** A follower found it damaged, or it cannot be read: it must not be sent any more. */
  readonly onUnusable: (snapshot: StoredSnapshot) => void;
}

interface Transfer {
  readonly to: NodeId;
  readonly snapshot: StoredSnapshot;
  /** The follower has everything before this byte, as far as is known. */
  acknowledged: number;
  /** Everything before this byte was sent. */
  sent: number;
  /** It has said how much of this snapshot it has. */
  isAnswered: boolean;
  isReading: boolean;
  /** It has not been answered at all. */
  isNew: boolean;
  /** What was on the way may be lost. */
  isInterrupted: boolean;
  retryAtNs: number;
}

/**
 * Sends snapshots to followers whose next entries are compacted away: from the file, a few chunks at a
 * time, so that neither memory nor what else is sent suffers, and from where the follower is. Raft §7.
 */
export class SnapshotSending {
  readonly #parts: SendingParts;
  readonly #transfers = new Map<NodeId, Transfer>();
  /** As of the last step: what a chunk carries. */
  #term: Term | undefined;

  constructor(parts: SendingParts) {
    this.#parts = parts;
  }

  /**
   * What a step said: who needs a snapshot now, if this node leads.
   *
   * @param newest - undefined while there is none that may be sent
   */
  update(needs: readonly SnapshotNeed[], term: Term, newest: StoredSnapshot | undefined): void {
    this.#term = term;
    if (needs.length === 0 && this.#transfers.size === 0) return;
    for (const [to, { snapshot }] of this.#transfers) {
      const need = needs.find((one) => one.to === to);
      // A transfer goes on though the snapshot was replaced: only so does a slow one ever end.
      if (need === undefined || need.matchIndex >= snapshot.last.index) this.#transfers.delete(to);
    }
    if (newest === undefined) return;
    for (const { to, matchIndex } of needs) {
      if (this.#transfers.has(to) || matchIndex >= newest.last.index) continue;
      const transfer: Transfer = {
        to,
        snapshot: newest,
        acknowledged: 0,
        sent: 0,
        isAnswered: false,
        isReading: false,
        isNew: true,
        isInterrupted: false,
        retryAtNs: this.#parts.now() + this.#parts.retryNs,
      };
      this.#transfers.set(to, transfer);
      this.#pump(transfer);
    }
  }

  /** An answer in the current term. */
  onResponse(from: NodeId, { last, nextOffset, isDamaged }: SnapshotResponse): void {
    const transfer = this.#transfers.get(from);
    if (transfer === undefined || !isSame(transfer.snapshot.last, last)) return;
    transfer.retryAtNs = this.#parts.now() + this.#parts.retryNs;
    if (isDamaged) {
      this.#transfers.delete(from);
      return this.#parts.onUnusable(transfer.snapshot);
    }
    const next = Math.min(nextOffset, transfer.snapshot.bytes);
    if (!transfer.isAnswered) {
      // Where it goes on: behind what it kept of an earlier attempt, or again where it lost it.
      if (next > 0 && (transfer.isInterrupted || next > transfer.sent)) {
        this.#parts.onBegun(from, last, next);
      }
      transfer.isInterrupted = false;
      transfer.isNew = false;
      transfer.isAnswered = true;
      transfer.acknowledged = next;
      transfer.sent = next;
    } else if (next < transfer.acknowledged) {
      // An answer that comes late; or the follower lost what it had, and will say so again.
      return this.#ask(transfer);
    } else {
      transfer.acknowledged = next;
      if (next > transfer.sent) transfer.sent = next;
    }
    this.#pump(transfer);
  }

  /** What was on the way may be lost. */
  onDisconnected(peer: NodeId): void {
    const transfer = this.#transfers.get(peer);
    if (transfer !== undefined) this.#ask(transfer);
  }

  tick(): void {
    const now = this.#parts.now();
    for (const transfer of this.#transfers.values()) {
      if (now >= transfer.retryAtNs) this.#ask(transfer);
    }
  }

  get isBusy(): boolean {
    return this.#transfers.size > 0;
  }

  /** When `tick` is due; Infinity when nothing is sent. */
  get deadlineNs(): number {
    let deadline = Infinity;
    for (const { retryAtNs } of this.#transfers.values()) {
      if (retryAtNs < deadline) deadline = retryAtNs;
    }
    return deadline;
  }

  /** Of those that are being sent. */
  isInUse(name: string): boolean {
    for (const { snapshot } of this.#transfers.values()) if (snapshot.name === name) return true;
    return false;
  }

  /** Where the log should go on being kept: behind it a follower will go on. */
  get oldestIndex(): number {
    let oldest = Infinity;
    for (const { snapshot } of this.#transfers.values()) {
      if (snapshot.last.index < oldest) oldest = snapshot.last.index;
    }
    return oldest;
  }

  /** Sends one chunk again: the answer says how far the follower is. */
  #ask(transfer: Transfer): void {
    const { bytes } = transfer.snapshot;
    transfer.isAnswered = false;
    transfer.isInterrupted = true;
    // Something must be sent, also where all of it arrived and nothing was heard since.
    transfer.sent = Math.min(transfer.acknowledged, bytes - 1);
    transfer.retryAtNs = this.#parts.now() + this.#parts.retryNs;
    this.#pump(transfer);
  }

  #pump(transfer: Transfer): void {
    const { chunkBytes = CHUNK_BYTES, windowBytes = WINDOW_BYTES } = this.#parts;
    const { snapshot, sent, acknowledged, isAnswered } = transfer;
    if (transfer.isReading || sent >= snapshot.bytes) return;
    const isFirst = sent <= acknowledged;
    // Until it is known where the follower is, one chunk is enough to ask.
    if (!isFirst && (!isAnswered || sent - acknowledged >= windowBytes)) return;
    transfer.isReading = true;
    this.#parts.disk
      .readAt(snapshot.name, sent, chunkBytes)
      .then((data) => this.#onRead(transfer, sent, data))
      .catch(() => this.#giveUp(transfer));
  }

  #onRead(transfer: Transfer, offset: number, data: Uint8Array): void {
    transfer.isReading = false;
    const { to, snapshot, sent } = transfer;
    if (this.#transfers.get(to) !== transfer || this.#term === undefined) return;
    // It was found out meanwhile where the follower is.
    if (sent !== offset) return this.#pump(transfer);
    const { last, configuration, bytes } = snapshot;
    if (data.length === 0) return this.#giveUp(transfer);
    if (offset === 0 && transfer.isNew) this.#parts.onBegun(to, last, 0);
    const end = offset + data.length;
    const isSent = this.#parts.send(to, {
      type: 'install-snapshot',
      term: this.#term,
      last,
      configuration,
      offset,
      data,
      done: end >= bytes,
    });
    // The connection takes no more: later.
    if (!isSent) return;
    transfer.sent = end;
    this.#pump(transfer);
  }

  /** It cannot be read, or is shorter than it was. */
  #giveUp(transfer: Transfer): void {
    transfer.isReading = false;
    if (this.#transfers.get(transfer.to) === transfer) this.#transfers.delete(transfer.to);
    this.#parts.onUnusable(transfer.snapshot);
  }
}

function isSame(a: LogPosition, b: LogPosition): boolean {
  return a.index === b.index && a.term === b.term;
}
