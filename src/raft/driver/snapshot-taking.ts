import type { FrozenState } from '../kv/state-machine.ts';
import type { Disk } from './ports.ts';
import type { StoredSnapshot } from './snapshot-files.ts';
import { partName, type SnapshotHead, snapshotName, SnapshotWriter } from './snapshot-format.ts';
import { SnapshotPart } from './snapshot-part.ts';

/** What one turn of the event loop encodes and writes: less than a millisecond of CPU. */
const SLICE_BYTES = 32 * 1024;
/**
 * Between two slices so many times what the last one took, and a millisecond at least: a snapshot may
 * take longer, but it never has more than a quarter of a processor. The kernel puts whoever works
 * without a pause behind others, heartbeats included.
 */
const PAUSE_SHARE = 3;
const PAUSE_NS_MIN = 1_000_000;

export interface TakingParts {
  readonly disk: Disk;
  readonly now: () => number;
  /** CPU time of this thread, or what is next to it. */
  readonly cpuNs: () => number;
  /** Has `tick` called soon: `dueNs` has come nearer. */
  readonly wake: () => void;
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
  /** When `tick` is due; Infinity when there is nothing to do. */
  dueNs: number = Infinity;
  /**
   * The longest slice so far: its CPU time, or how long it took, whichever says less. Some kernels count
   * CPU time in ticks of several milliseconds, and other processes may come in between.
   */
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
    this.dueNs = this.#parts.now();
    this.#parts.wake();
  }

  /** One slice, if it is time for one. */
  tick(): void {
    const job = this.#job;
    if (job === undefined || this.#parts.now() < this.dueNs) return;
    this.dueNs = Infinity;
    this.#slice(job);
  }

  abandon(why: string): void {
    const job = this.#job;
    if (job === undefined || job.isFinishing) return;
    this.#end(job);
    void job.part.discard();
    this.#parts.onAbandoned(job.head, why);
  }

  #slice(job: Job): void {
    const { cpuNs, now, sliceBytes = SLICE_BYTES } = this.#parts;
    const { writer, part, frozen, head } = job;
    const [beganNs, beganCpuNs] = [now(), cpuNs()];
    const rows = frozen.next(sliceBytes);
    try {
      if (writer.bytes === 0) part.append(writer.head(head));
      if (rows === undefined) part.append(writer.end());
      else {
        part.append(writer.state(rows));
        part.append(rows);
      }
    } catch (error) {
      return this.abandon(String(error));
    }
    this.slices += 1;
    const tookNs = now() - beganNs;
    this.sliceCpuNsMax = Math.max(this.sliceCpuNsMax, Math.min(tookNs, cpuNs() - beganCpuNs));
    if (rows === undefined) return this.#finish(job);
    const dueNs = now() + Math.max(PAUSE_NS_MIN, PAUSE_SHARE * tookNs);
    if (!part.mustSync) {
      this.dueNs = dueNs;
      return;
    }
    part
      .sync()
      .then(() => {
        if (this.#job !== job) return;
        this.dueNs = dueNs;
        this.#parts.wake();
      })
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
    this.dueNs = Infinity;
  }
}
