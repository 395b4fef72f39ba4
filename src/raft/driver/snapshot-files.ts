import type { Restored } from '../core/core.ts';
import type { Configuration } from '../core/configuration.ts';
import type { LogPosition } from '../core/types.ts';
import { assert } from '../../lib/assert.ts';
import { DecodeError } from '../../lib/bytes.ts';
import { StateMachine } from '../kv/state-machine.ts';
import type { Disk } from './ports.ts';
import {
  isPart,
  partName,
  positionOf,
  SnapshotDamage,
  type SnapshotHead,
  SnapshotReader,
} from './snapshot-format.ts';
import { SnapshotPart } from './snapshot-part.ts';
import { WalDamage } from './wal-segments.ts';

/** The file of a snapshot. */
export interface SnapshotFile {
  readonly name: string;
  /** The last position that it holds. */
  readonly last: LogPosition;
  readonly isDamaged?: true;
}

/** A snapshot that is whole and durable. */
export interface StoredSnapshot extends SnapshotFile {
  /** In force there. */
  readonly configuration: Configuration;
  readonly bytes: number;
}

/** What a node begins with. */
export interface FoundState {
  readonly machine: StateMachine;
  /** The snapshot that `machine` was built from; undefined when there is none. */
  readonly snapshot: StoredSnapshot | undefined;
  /** Where the log goes on. */
  readonly restored: Restored;
  /** The log does not hold the snapshot's last entry: it begins behind the snapshot now. */
  readonly isLogReplaced: boolean;
  /** Snapshots beside that one; older ones, and damaged ones. */
  readonly others: readonly SnapshotFile[];
  /** Files of snapshots that were never whole. */
  readonly leftovers: readonly string[];
  /** What was found damaged, and where, though something older could take its place. */
  readonly damages: readonly string[];
}

const READ_BYTES = 256 * 1024;

/**
 * Finds the newest snapshot that is whole, and joins it with what the log holds. Changes nothing.
 *
 * SAFETY (Raft §7): where a snapshot is damaged, the one before it serves as well if the log reaches
 * back to it: every entry behind it is applied again. Otherwise the node refuses to start.
 *
 * @param stored - what the write-ahead log holds, and all files of the directory
 * @throws WalDamage when what is in front of the log cannot be had; what the disk throws
 */
export async function findState(
  disk: Disk,
  clusterId: string,
  { names, restored: stored }: { readonly names: readonly string[]; readonly restored: Restored },
): Promise<FoundState> {
  const damages: string[] = [];
  const others: SnapshotFile[] = [];
  let found: { machine: StateMachine; snapshot: StoredSnapshot } | undefined;
  for (const file of newestFirst(names)) {
    if (found !== undefined || file.last.index < stored.base.index) {
      others.push(file);
      continue;
    }
    try {
      found = await restore(disk, file, clusterId);
    } catch (error) {
      if (!(error instanceof SnapshotDamage)) throw error;
      damages.push(`${file.name} ${error.message}`);
      others.push({ ...file, isDamaged: true });
    }
  }
  const beside = { others, leftovers: names.filter(isPart), damages };
  if (found !== undefined) return { ...found, ...joined(stored, found.snapshot), ...beside };
  refuseWithout(stored, damages);
  const machine = new StateMachine();
  return { machine, snapshot: undefined, restored: stored, isLogReplaced: false, ...beside };
}

function newestFirst(names: readonly string[]): readonly SnapshotFile[] {
  return names
    .flatMap((name) => {
      const last = positionOf(name);
      return last === undefined ? [] : [{ name, last }];
    })
    .toSorted((a, b) => b.last.index - a.last.index || b.last.term - a.last.term);
}

function refuseWithout({ base }: Restored, damages: readonly string[]): void {
  if (base.index === 0) return;
  const why =
    damages.length === 0 ? 'no snapshot holds what was before' : `damaged: ${damages.join('; ')}`;
  throw new WalDamage(`the log begins behind entry ${base.index}, and ${why}`);
}

/**
 * SAFETY (Raft §7): the snapshot is of committed entries. A log that lacks its last one, or has another
 * one there, holds nothing behind it that anybody may rely on: this node acknowledged none of it.
 */
function joined(
  stored: Restored,
  { last, configuration }: StoredSnapshot,
): Pick<FoundState, 'restored' | 'isLogReplaced'> {
  const at = last.index - stored.base.index;
  const held = at === 0 ? stored.base : stored.entries[at - 1];
  if (held?.term === last.term) {
    return { restored: { ...stored, snapshot: last }, isLogReplaced: false };
  }
  // A vote of a later term would be on the disk: none was given.
  const { term, votedFor } = stored.hardState;
  const hardState =
    term < last.term ? { term: last.term, votedFor: undefined } : { term, votedFor };
  return {
    restored: { hardState, base: last, configuration, entries: [], snapshot: last },
    isLogReplaced: true,
  };
}

async function restore(
  disk: Disk,
  { name, last }: SnapshotFile,
  clusterId: string,
): Promise<{ machine: StateMachine; snapshot: StoredSnapshot }> {
  const restoring = new Restoring({ clusterId, last });
  let offset = 0;
  for (;;) {
    const bytes = await disk.readAt(name, offset, READ_BYTES);
    if (bytes.length === 0) break;
    restoring.push(bytes);
    offset += bytes.length;
  }
  const { machine, configuration } = restoring.finish();
  return { machine, snapshot: { name, last, configuration, bytes: offset } };
}

/**
 * Writes a snapshot again, under its name.
 *
 * SAFETY: to be called before anything relies on a snapshot that the log does not know of. When the sync
 * of its directory failed, its name is in the cache only, and no sync will ever write it; a new file's
 * name is another change, and this one is synced. Whichever of the two files a crash leaves, they are
 * the same. (Rebello et al., ATC 2020; see `renewTail`.)
 *
 * @throws what the disk throws; nothing is lost then
 */
export async function renewSnapshot(disk: Disk, { name, bytes }: StoredSnapshot): Promise<void> {
  const part = new SnapshotPart(disk, partName('renewed', 1));
  while (part.bytes < bytes) {
    const read = await disk.readAt(name, part.bytes, READ_BYTES);
    assert(read.length > 0, 'it was read to its end a moment ago');
    part.append(read);
    if (part.mustSync) await part.sync();
  }
  await part.finish(name);
}

/** A state machine that is built from the bytes of a snapshot as they come. */
export class Restoring {
  readonly #rows = StateMachine.restoring();
  readonly #reader: SnapshotReader;
  #configuration: Configuration | undefined;

  /** @param expected - what the snapshot must say that it is of */
  constructor({ clusterId, last }: Pick<SnapshotHead, 'clusterId' | 'last'>) {
    this.#reader = new SnapshotReader({
      onHead: (head) => {
        if (head.clusterId !== clusterId) {
          throw new DecodeError(`it is of cluster ${head.clusterId}, not of ${clusterId}`);
        }
        if (head.last.index !== last.index || head.last.term !== last.term) {
          throw new DecodeError(
            `it says that it ends with entry ${head.last.index} of term ${head.last.term}`,
          );
        }
        this.#configuration = head.configuration;
      },
      onState: (rows) => this.#rows.push(rows),
    });
  }

  /** @throws SnapshotDamage */
  push(bytes: Uint8Array): void {
    this.#reader.push(bytes);
  }

  /** @throws SnapshotDamage when something is missing */
  finish(): { readonly machine: StateMachine; readonly configuration: Configuration } {
    this.#reader.finish();
    try {
      if (this.#configuration === undefined) throw new DecodeError('it has no head');
      return { machine: this.#rows.finish(), configuration: this.#configuration };
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw new SnapshotDamage(cause.message, { cause });
    }
  }
}
