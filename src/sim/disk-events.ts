import { assertNever } from '../lib/assert.ts';

/** What a node can ask of its disk. */
export type DiskOperation =
  'list' | 'read' | 'append' | 'allocate' | 'sync' | 'rename' | 'remove' | 'sync-directory';

/**
 * What is left of an unsynced write: nothing, its beginning, all of it, or all but some sectors,
 * which then hold what was there before (zeros, where a file was prepared and behind its end).
 */
export type TornShape = 'none' | 'prefix' | 'whole' | 'holes';

/** A change of the directory that was not synced, and what a power failure made of it. */
export interface NameFate {
  readonly change: 'create' | 'rename' | 'remove';
  /** The name that appeared or went away. */
  readonly name: string;
  readonly survived: boolean;
}

/** What became of one unsynced append, or of zeros. */
export interface WriteFate {
  readonly name: string;
  /** Bytes that were written. */
  readonly bytes: number;
  readonly shape: TornShape;
}

/** What a power failure did; empty lists when everything was synced. */
export interface TornReport {
  readonly writes: readonly WriteFate[];
  readonly names: readonly NameFate[];
}

/**
 * What happens on a disk, in order. `call` comes before the call has any effect: an observer that
 * detaches the caller's handle in it has killed the process at exactly this call. `synced` comes
 * before the caller hears of it.
 */
export type DiskEvent =
  | { readonly type: 'call'; readonly operation: DiskOperation; readonly name: string }
  /** `bytes`: how many from the beginning of the file survive any crash. */
  | { readonly type: 'synced'; readonly name: string; readonly bytes: number }
  | { readonly type: 'directory-synced' }
  | {
      readonly type: 'failed';
      readonly operation: DiskOperation;
      readonly name: string;
      readonly code: 'EIO' | 'ENOSPC';
    }
  /** After a power failure, or a sync that failed. */
  | { readonly type: 'write-fate'; readonly fate: WriteFate }
  | { readonly type: 'name-fate'; readonly fate: NameFate }
  /** The process died and bytes that were never synced stay in the page cache. */
  | { readonly type: 'cache-kept'; readonly name: string; readonly bytes: number }
  /** A read was answered with bytes that a failed sync dropped: they are in the cache only. */
  | { readonly type: 'ghost-read'; readonly name: string }
  /** The cache forgot bytes that a failed sync dropped: reads show the platter again. */
  | { readonly type: 'evicted'; readonly name: string }
  | { readonly type: 'flipped'; readonly name: string; readonly at: number };

/** Sees everything; for invariants, coverage and traces. */
export type DiskObserver = (event: DiskEvent) => void;

/** What of a disk's behaviour must have occurred somewhere in a large search. */
export const DISK_COUNTERS = [
  'torn-none',
  'torn-prefix',
  'torn-whole',
  'torn-holes',
  'name-kept',
  'name-lost',
  'cache-kept',
  'ghost-read',
  'cache-evicted',
  'sync-failed',
  'directory-sync-failed',
  'read-failed',
  'disk-full',
  'bit-flipped',
  'allocation-failed',
] as const;

export type DiskCounter = (typeof DISK_COUNTERS)[number];

/** The counter that an event raises, if any. */
export function diskCounterOf(event: DiskEvent): DiskCounter | undefined {
  switch (event.type) {
    case 'write-fate':
      return `torn-${event.fate.shape}`;
    case 'name-fate':
      return event.fate.survived ? 'name-kept' : 'name-lost';
    case 'cache-kept':
      return 'cache-kept';
    case 'ghost-read':
      return 'ghost-read';
    case 'evicted':
      return 'cache-evicted';
    case 'failed':
      return failureCounter(event.operation);
    case 'flipped':
      return 'bit-flipped';
    case 'call':
    case 'synced':
    case 'directory-synced':
      return undefined;
    default:
      return assertNever(event);
  }
}

function failureCounter(operation: DiskOperation): DiskCounter | undefined {
  switch (operation) {
    case 'sync':
      return 'sync-failed';
    case 'sync-directory':
      return 'directory-sync-failed';
    case 'read':
      return 'read-failed';
    case 'append':
      return 'disk-full';
    case 'allocate':
      return 'allocation-failed';
    case 'list':
    case 'rename':
    case 'remove':
      return undefined;
    default:
      return assertNever(operation);
  }
}

/** What a trace says of an event, beside its counter's name. */
export function diskEventDetail(event: DiskEvent): string {
  switch (event.type) {
    case 'write-fate':
      return `${event.fate.name}, ${event.fate.bytes} bytes`;
    case 'name-fate':
      return `${event.fate.change} ${event.fate.name}`;
    case 'cache-kept':
      return `${event.name}, ${event.bytes} bytes`;
    case 'flipped':
      return `${event.name} at byte ${event.at}`;
    case 'failed':
      return `${event.operation} ${event.name}`.trimEnd();
    case 'ghost-read':
    case 'evicted':
    case 'call':
    case 'synced':
      return event.name;
    case 'directory-synced':
      return '';
    default:
      return assertNever(event);
  }
}
