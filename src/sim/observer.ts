import type { Answer, Request } from '../raft/driver/requests.ts';
import type { HappeningKind } from './coverage-names.ts';
import type { Restored } from '../raft/core/core.ts';
import type { Applied } from '../raft/kv/state-machine.ts';
import type { SnapshotEvent } from '../raft/driver/ports.ts';
import type { WalRecords } from '../raft/driver/wal.ts';
import type { Entry, Input, NodeId, Ready } from '../raft/core/types.ts';

/** Which life of which node: a node that starts again is another one with the same disk. */
export interface Life {
  readonly node: NodeId;
  /** From 1. */
  readonly number: number;
}

/** Why a node went down. */
export type Stop =
  /** The process ended; the page cache stays. */
  | { readonly type: 'killed' }
  /** What was not synced is lost, or torn. */
  | { readonly type: 'power-failure' }
  /** It gave up by itself: its disk failed, or it found its own state broken. */
  | { readonly type: 'failed'; readonly error: unknown }
  /** It refused to start on what its disk holds. */
  | { readonly type: 'refused'; readonly error: unknown };

/**
 * Told of everything that happens in a simulated cluster, as it happens and before anything that
 * follows from it. Invariants, coverage and traces are observers: they look, and touch nothing.
 */
export interface SimObserver {
  /** A node has read its disk and takes part from now on. */
  started?(life: Life, restored: Restored, tornBytes: number): void;
  stopped?(life: Life, stop: Stop): void;
  /** One step of the core: what it was given, and what it said. */
  stepped?(life: Life, inputs: readonly Input[], ready: Ready): void;
  /** Records were written to a file that ends at `end` bytes now; durable when the disk has synced it so far. */
  written?(life: Life, file: string, end: number, records: readonly WalRecords[]): void;
  /** The first `bytes` of a file of this node are on its disk. */
  synced?(node: NodeId, file: string, bytes: number): void;
  /** @param applied - what a command did; undefined for entries that are no command */
  applied?(life: Life, entry: Entry, applied: Applied | undefined): void;
  /** What became of a snapshot of this node. */
  snapshot?(life: Life, event: SnapshotEvent): void;
  /** A client's request reached a node. */
  submitted?(life: Life, request: number, what: Request): void;
  /** The node answered it: from now on a client may know. */
  answered?(life: Life, request: number, answer: Answer): void;
  /** Something that faults or chance did: `message lost`, `clock jumped`, …, for coverage and traces. */
  happened?(what: Happening): void;
}

/** Something that is not a step of a node. */
export interface Happening {
  /** Names a counter of `COVERAGE`: `message-lost`, `clock-jumped`, … */
  readonly kind: HappeningKind;
  /** Where, when it is at a node. */
  readonly node?: NodeId;
  /** For a trace, one line, without what `kind` and `node` say. */
  readonly detail?: string;
  /** The bytes of the message that it is about; for whoever wants to know what it said. */
  readonly message?: Uint8Array;
}

/** Tells several. Each by name and argument: these are called at every event. */
export function tellAll(observers: readonly SimObserver[]): Required<SimObserver> {
  return {
    started(life, restored, tornBytes) {
      for (const one of observers) one.started?.(life, restored, tornBytes);
    },
    stopped(life, stop) {
      for (const one of observers) one.stopped?.(life, stop);
    },
    stepped(life, inputs, ready) {
      for (const one of observers) one.stepped?.(life, inputs, ready);
    },
    written(life, file, end, records) {
      for (const one of observers) one.written?.(life, file, end, records);
    },
    synced(node, file, bytes) {
      for (const one of observers) one.synced?.(node, file, bytes);
    },
    applied(life, entry, applied) {
      for (const one of observers) one.applied?.(life, entry, applied);
    },
    snapshot(life, event) {
      for (const one of observers) one.snapshot?.(life, event);
    },
    submitted(life, request, what) {
      for (const one of observers) one.submitted?.(life, request, what);
    },
    answered(life, request, answer) {
      for (const one of observers) one.answered?.(life, request, answer);
    },
    happened(what) {
      for (const one of observers) one.happened?.(what);
    },
  };
}
