import type { FrozenState } from '../kv/state-machine.ts';
import type { Disk, Scheduler } from './ports.ts';
import type { StoredSnapshot } from './snapshot-files.ts';
import { partName, type SnapshotHead, snapshotName, SnapshotWriter } from './snapshot-format.ts';
import { SnapshotPart } from './snapshot-part.ts';

/** What one turn of the event loop encodes and writes: about a millisecond. */
const SLICE_BYTES = 32 * 1024;

export interface TakingParts {
  readonly disk: Disk;
  readonly scheduler: Pick<Scheduler, 'soon'>;
  /** CPU time of this thread, or what is next to it. */
  readonly cpuNs: () => number;
  readonly sliceBytes: number | undefined;
  readonly onTaken: (snapshot: StoredSnapshot) => void;
  /** The disk is full, or nobody needs it any more. */
  readonly onAbandoned: (head: SnapshotHead, why: string) => void;
  /** The disk failed: the node must stop. */
  readonly onFailure: (error: unknown) => void;
}

interface Job {
  readonly head: SnapshotHead;
  readonly frozen: FrozenState;
  readonly writer: SnapshotWriter;
  readonly part: SnapshotPart;
  /** All is written, and it gets its name: nothing takes that back. */
  isFinishing: boolean;
}

/**
 * Writes a frozen state to a file, a slice in each turn of the event loop, so that nothing else waits
 * for long: neither for the processor nor for the disk. One at a time.
 */
export class SnapshotTaking {
  readonly #parts: TakingParts;
  #job: Job | undefined;
  #files = 0;
  /** The longest slice so far. */
  sliceCpuNsMax = 0;
  slices = 0;

  constructor(parts: TakingParts) {
    this.#parts = parts;
  }

  get isBusy(): boolean {
    return this.#job !== undefined;
  }

  /** @param frozen - disposed when it is written, or not needed any more */
  begin(head: SnapshotHead, frozen: FrozenState): void {
    this.#files += 1;
    const part = new SnapshotPart(this.#parts.disk, partName('taken', this.#files));
    const job: Job = { head, frozen, writer: new SnapshotWriter(), part, isFinishing: false };
    this.#job = job;
    this.#soon(job);
  }

  abandon(why: string): void {
    const job = this.#job;
    if (job === undefined || job.isFinishing) return;
    this.#end(job);
    void job.part.discard();
    this.#parts.onAbandoned(job.head, why);
  }

  #soon(job: Job): void {
    const run = (): void => {
      if (this.#job === job) this.#slice(job);
    };
    this.#parts.scheduler.soon(run, () => 0);
  }

  #slice(job: Job): void {
    const { cpuNs, sliceBytes = SLICE_BYTES } = this.#parts;
    const { writer, part, frozen, head } = job;
    const beganNs = cpuNs();
    const rows = frozen.next(sliceBytes);
    try {
      if (writer.bytes === 0) part.append(writer.head(head));
      part.append(rows === undefined ? writer.end() : writer.state(rows));
    } catch (error) {
      return this.abandon(String(error));
    }
    this.slices += 1;
    this.sliceCpuNsMax = Math.max(this.sliceCpuNsMax, cpuNs() - beganNs);
    if (rows === undefined) return this.#finish(job);
    if (!part.mustSync) return this.#soon(job);
    part
      .sync()
      .then(() => this.#soon(job))
      .catch((error: unknown) => this.#parts.onFailure(error));
  }

  #finish(job: Job): void {
    const { head, writer, part, frozen } = job;
    frozen[Symbol.dispose]();
    const { last, configuration } = head;
    const name = snapshotName(last);
    job.isFinishing = true;
    part
      .finish(name)
      .then(() => {
        this.#end(job);
        this.#parts.onTaken({ name, last, configuration, bytes: writer.bytes });
      })
      .catch((error: unknown) => this.#parts.onFailure(error));
  }

  #end(job: Job): void {
    job.frozen[Symbol.dispose]();
    this.#job = undefined;
  }
}
