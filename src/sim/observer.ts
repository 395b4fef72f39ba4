import type { Answer, Request } from '../raft/driver/requests.ts';
import type { HappeningKind } from './coverage-names.ts';
import type { Restored } from '../raft/core/core.ts';
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
  applied?(life: Life, entry: Entry): void;
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
}

/** Tells several. */
export function tellAll(observers: readonly SimObserver[]): Required<SimObserver> {
  return {
    started: (...told) => observers.forEach((one) => one.started?.(...told)),
    stopped: (...told) => observers.forEach((one) => one.stopped?.(...told)),
    stepped: (...told) => observers.forEach((one) => one.stepped?.(...told)),
    written: (...told) => observers.forEach((one) => one.written?.(...told)),
    synced: (...told) => observers.forEach((one) => one.synced?.(...told)),
    applied: (...told) => observers.forEach((one) => one.applied?.(...told)),
    submitted: (...told) => observers.forEach((one) => one.submitted?.(...told)),
    answered: (...told) => observers.forEach((one) => one.answered?.(...told)),
    happened: (...told) => observers.forEach((one) => one.happened?.(...told)),
  };
}
