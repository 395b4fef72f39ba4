import type { Restored } from '../core/core.ts';
import type { Entry, Input, LogPosition, NodeId, Ready } from '../core/types.ts';
import type { Applied, StateMachine } from '../kv/state-machine.ts';
import type { WalRecords } from './wal.ts';

/**
 * Bytes in named files of one directory. What was appended is durable only after `sync` of that
 * file, and a file's name only after `syncDirectory`. A rejected `sync` is final: the caller stops.
 */
export interface Disk {
  list(): Promise<readonly string[]>;
  read(name: string): Promise<Uint8Array>;
  /** At most `length` bytes from `offset` on; fewer only where the file ends. */
  readAt(name: string, offset: number, length: number): Promise<Uint8Array>;
  /**
   * Behind what was appended or was there before; takes the place of zeros that `allocate` put there.
   * Creates the file when it is absent. Throws when it cannot.
   *
   * @param bytes - never change any more: the port may keep them, and does not write into them
   */
  append(name: string, bytes: Uint8Array): void;
  /**
   * Makes a file longer by zeros, which are durable (but for its name) when this resolves. Creates the
   * file when it is absent.
   */
  allocate(name: string, bytes: number): Promise<void>;
  sync(name: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  syncDirectory(): Promise<void>;
}

/**
 * Unreliable, like a network: a message arrives late, out of order, or not at all. Raft's own messages
 * may also arrive twice; a forwarded request must not (the bytes of a connection come once).
 */
export interface Network {
  /**
   * @param bytes - never change any more: the port may keep them until they have left, and does not
   *   write into them
   * @returns false when it certainly was not sent
   */
  send(to: NodeId, bytes: Uint8Array): boolean;
  /** What was sent so far leaves now; without this call, or where there is none, a little later. */
  flush?(): void;
  /** Whether it knows where this node is; where it does not say, it knows all. */
  knows?(node: NodeId): boolean;
}

/** Timers and turns of the event loop. */
export interface Scheduler {
  /** Monotonic nanoseconds, any origin. */
  now(): number;
  /** Calls `run` once at `atNs` or later; a new call replaces the timer that was set before. */
  wakeAt(atNs: number, run: () => void): void;
  /**
   * Calls `run` once after what has arrived in this turn was handed over.
   *
   * @param waiting - requests that `run` will find; it may be put off a little while they grow in number
   */
  soon(run: () => void, waiting: () => number): void;
}

/** What happens to snapshots of a node. */
export type SnapshotEvent =
  /** At its start its state machine was built from this one; undefined: from none. */
  | {
      readonly type: 'restored';
      readonly last: LogPosition | undefined;
      readonly machine: StateMachine;
      /** Newer ones that were damaged, and where. */
      readonly damages: readonly string[];
      /** The log did not hold its last entry, and begins behind it now. */
      readonly isLogReplaced: boolean;
    }
  /** The state was frozen. */
  | { readonly type: 'begun'; readonly last: LogPosition; readonly machine: StateMachine }
  /** It is whole and durable. */
  | { readonly type: 'taken'; readonly last: LogPosition; readonly bytes: number }
  /** It was not taken, or not received, to its end. */
  | {
      readonly type: 'abandoned';
      readonly was: 'taken' | 'received';
      readonly last: LogPosition;
      readonly why: string;
    }
  /** Its first piece goes to a follower, or a later one to a follower that has those before it. */
  | {
      readonly type: 'sent';
      readonly last: LogPosition;
      readonly to: NodeId;
      readonly offset: number;
    }
  /** What came of it is no snapshot. */
  | { readonly type: 'damaged'; readonly last: LogPosition; readonly why: string }
  /** All of it came, and is durable. */
  | { readonly type: 'received'; readonly last: LogPosition }
  /** Its state took the place of what there was. */
  | { readonly type: 'installed'; readonly last: LogPosition; readonly machine: StateMachine }
  /** A segment of the log was removed: a snapshot holds what it held. */
  | { readonly type: 'segment-removed'; readonly name: string };

/** Looks at what a driver does, as it does it; touches nothing. For simulations and tests. */
export interface DriverObserver {
  /** What was found on the disk, before the first step. */
  restored(restored: Restored, tornBytes: number): void;
  /** One step of the core, before anything is done about it. */
  stepped(inputs: readonly Input[], ready: Ready): void;
  /** These records stand in the first `end` bytes of a file now, together, and are not synced yet. */
  written(file: string, end: number, records: readonly WalRecords[]): void;
  /** What became of a snapshot. */
  snapshot(event: SnapshotEvent): void;
  /** @param applied - what a command did */
  applied(entry: Entry, applied: Applied | undefined): void;
}
