import { assertNever } from '../lib/assert.ts';
import type { Input, Ready } from '../raft/core/types.ts';
import type { SnapshotEvent } from '../raft/driver/ports.ts';
import type { Counts } from './coverage.ts';

/** What coverage remembers of a node's snapshots while they are under way. */
export interface SeenSnapshots {
  isTaking: boolean;
  /** A chunk came, and the snapshot is neither given up nor installed, its log on the disk. */
  receiving: 'nothing' | 'chunks' | 'whole';
  /** The write that makes the log durable which begins behind an installed snapshot. */
  installing: number;
}

export function countSnapshot(counts: Counts, seen: SeenSnapshots, event: SnapshotEvent): void {
  switch (event.type) {
    case 'restored':
      if (event.last !== undefined) counts['snapshot-restored'] += 1;
      if (event.damages.length > 0) counts['snapshot-damaged-fell-back'] += 1;
      if (event.isLogReplaced) counts['snapshot-replaced-log-at-start'] += 1;
      return;
    case 'begun':
      seen.isTaking = true;
      return;
    case 'taken':
      seen.isTaking = false;
      counts['snapshot-taken'] += 1;
      return;
    case 'abandoned':
      if (event.was === 'taken') seen.isTaking = false;
      else seen.receiving = 'nothing';
      counts['snapshot-abandoned'] += 1;
      return;
    case 'sent':
      counts[event.offset === 0 ? 'snapshot-sent' : 'snapshot-resumed'] += 1;
      return;
    case 'damaged':
      seen.receiving = 'nothing';
      counts['snapshot-damaged-on-the-way'] += 1;
      return;
    case 'received':
      seen.receiving = 'whole';
      counts['snapshot-received'] += 1;
      return;
    case 'installed':
      counts['snapshot-installed'] += 1;
      return;
    case 'segment-removed':
      counts['segment-removed'] += 1;
      return;
    default:
      assertNever(event);
  }
}

export function countSnapshotStep(
  counts: Counts,
  seen: SeenSnapshots,
  inputs: readonly Input[],
  ready: Ready,
): void {
  if (ready.logChange?.type === 'compacted') counts['log-compacted'] += 1;
  if (ready.chunks.length > 0 && seen.receiving === 'nothing') seen.receiving = 'chunks';
  if (ready.installed !== undefined) seen.installing = ready.write ?? Infinity;
  for (const input of inputs) {
    if (input.type === 'synced' && input.write >= seen.installing) {
      seen.installing = Infinity;
      seen.receiving = 'nothing';
    }
    if (input.type !== 'message' || input.message.type !== 'install-snapshot') continue;
    const { term, last } = input.message;
    if (term === ready.term && last.index <= ready.commitIndex && ready.installed === undefined) {
      counts['snapshot-older-ignored'] += 1;
    }
  }
}

/** The node went down. */
export function countSnapshotStop(counts: Counts, seen: SeenSnapshots): void {
  if (seen.isTaking) counts['crash-while-snapshotting'] += 1;
  if (seen.receiving === 'chunks') counts['crash-while-receiving'] += 1;
  if (seen.receiving === 'whole') counts['crash-while-installing'] += 1;
  seen.isTaking = false;
  seen.receiving = 'nothing';
  seen.installing = Infinity;
}
