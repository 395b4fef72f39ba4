import type { Configuration } from '../core/configuration.ts';
import type {
  InstallSnapshot,
  LogIndex,
  LogPosition,
  NodeId,
  SnapshotResponse,
  Term,
} from '../core/types.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import type { Disk } from './ports.ts';
import { Restoring, type StoredSnapshot } from './snapshot-files.ts';
import { partName, SnapshotDamage, snapshotName } from './snapshot-format.ts';
import { SnapshotPart } from './snapshot-part.ts';

export interface ReceivingParts {
  readonly disk: Disk;
  readonly clusterId: string;
  readonly answer: (to: NodeId, answer: Omit<SnapshotResponse, 'type' | 'term'>) => void;
  /** It is whole and durable, and its state is ready. */
  readonly onReceived: (snapshot: StoredSnapshot) => void;
  /** What was received is no snapshot; its leader is told. */
  readonly onDamaged: (last: LogPosition, why: string) => void;
  /** It was not received to its end: another one takes its place, or the disk is full. */
  readonly onAbandoned: (last: LogPosition, why: string) => void;
  /** The disk failed: the node must stop. */
  readonly onFailure: (error: unknown) => void;
}

interface Arriving {
  readonly last: LogPosition;
  readonly part: SnapshotPart;
  readonly restoring: Restoring;
  /** The newest term in which a chunk of it came. */
  term: Term;
  /** Whoever sent the last chunk. */
  from: NodeId;
  isSyncing: boolean;
  /** Undefined until all of it came. */
  whole: { readonly machine: StateMachine; readonly configuration: Configuration } | undefined;
}

/**
 * Takes the chunks of a leader's snapshot: bytes go to a file, rows to a new state machine as soon as
 * their checksum is right. Chunks count in their order only; whatever else comes is answered with where
 * to go on. What came of it is kept when its leader changes: each chunk vouches for those before it.
 */
export class SnapshotReceiving {
  readonly #parts: ReceivingParts;
  #arriving: Arriving | undefined;
  #files = 0;

  constructor(parts: ReceivingParts) {
    this.#parts = parts;
  }

  /** A chunk that the core let pass. */
  take(from: NodeId, chunk: InstallSnapshot): void {
    const arriving = this.#arrivingOf(from, chunk);
    if (arriving === undefined) {
      return this.#parts.answer(from, { last: chunk.last, nextOffset: 0, isDamaged: false });
    }
    if (arriving.whole === undefined && chunk.offset === arriving.part.bytes) {
      const isTaken = this.#append(arriving, chunk);
      if (!isTaken) return;
    }
    this.#answer(arriving);
  }

  /** After a step: what is committed here by now needs no snapshot. */
  settle(commitIndex: LogIndex): void {
    const arriving = this.#arriving;
    if (arriving === undefined || arriving.last.index > commitIndex) return;
    // One that is whole gets its name, and is as good as one that was taken here.
    if (arriving.whole !== undefined) this.#arriving = undefined;
    else this.#abandon(arriving, 'the log has caught up');
  }

  /** The state of the snapshot that was received, handed over; undefined when it is another one's. */
  takeMachine(last: LogPosition): StateMachine | undefined {
    const arriving = this.#arriving;
    if (arriving?.whole === undefined || arriving.last.index !== last.index) return undefined;
    this.#arriving = undefined;
    return arriving.whole.machine;
  }

  #arrivingOf(from: NodeId, { last, offset, term }: InstallSnapshot): Arriving | undefined {
    const arriving = this.#arriving;
    if (arriving !== undefined) {
      const isSame = arriving.last.index === last.index && arriving.last.term === last.term;
      if (isSame) {
        arriving.term = term;
        arriving.from = from;
        return arriving;
      }
      // A late chunk of one that its leader has given up since.
      const isOlder = term === arriving.term && last.index < arriving.last.index;
      if (offset !== 0 || isOlder || arriving.whole !== undefined) return undefined;
      this.#abandon(arriving, `a snapshot of entry ${last.index} takes its place`);
    }
    if (offset !== 0) return undefined;
    this.#files += 1;
    this.#arriving = {
      last,
      part: new SnapshotPart(this.#parts.disk, partName('received', this.#files)),
      restoring: new Restoring({ clusterId: this.#parts.clusterId, last }),
      term,
      from,
      isSyncing: false,
      whole: undefined,
    };
    return this.#arriving;
  }

  /** @returns false when the snapshot was given up */
  #append(arriving: Arriving, { data, done }: InstallSnapshot): boolean {
    const { part, restoring, last, from } = arriving;
    try {
      restoring.push(data);
      if (done) arriving.whole = restoring.finish();
    } catch (error) {
      if (!(error instanceof SnapshotDamage)) throw error;
      this.#forget(arriving);
      this.#parts.onDamaged(last, error.message);
      this.#parts.answer(from, { last, nextOffset: 0, isDamaged: true });
      return false;
    }
    try {
      part.append(data);
    } catch (error) {
      // The disk is full: nothing is answered, and the leader tries again later.
      this.#abandon(arriving, String(error));
      return false;
    }
    if (arriving.whole !== undefined) this.#finish(arriving, arriving.whole.configuration);
    return true;
  }

  /** At once, or when what came is on the disk: a follower is sent no more than it can write. */
  #answer(arriving: Arriving): void {
    const { part, last, from } = arriving;
    if (arriving.isSyncing) return;
    if (part.mustSync && arriving.whole === undefined) {
      arriving.isSyncing = true;
      part
        .sync()
        .then(() => {
          arriving.isSyncing = false;
          if (this.#arriving === arriving) this.#answer(arriving);
        })
        .catch((error: unknown) => this.#parts.onFailure(error));
      return;
    }
    this.#parts.answer(from, { last, nextOffset: part.bytes, isDamaged: false });
  }

  #finish({ last, part }: Arriving, configuration: Configuration): void {
    const name = snapshotName(last);
    part
      .finish(name)
      .then(() => this.#parts.onReceived({ name, last, configuration, bytes: part.bytes }))
      .catch((error: unknown) => this.#parts.onFailure(error));
  }

  #abandon(arriving: Arriving, why: string): void {
    this.#forget(arriving);
    this.#parts.onAbandoned(arriving.last, why);
  }

  #forget({ part }: Arriving): void {
    this.#arriving = undefined;
    void part.discard();
  }
}
