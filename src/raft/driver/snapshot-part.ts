import type { Disk } from './ports.ts';

/**
 * So much of a snapshot may wait for the disk. It is little, since the write-ahead log's next sync may
 * have to wait for it, too.
 */
const UNSYNCED_BYTES_MAX = 1024 * 1024;

/** A snapshot that is being written, piece by piece: it gets its name when it is whole and durable. */
export class SnapshotPart {
  readonly #disk: Disk;
  readonly #name: string;
  #unsynced = 0;
  #syncing: Promise<void> = Promise.resolve();
  bytes = 0;

  constructor(disk: Disk, name: string) {
    this.#disk = disk;
    this.#name = name;
  }

  /** Throws what the disk throws when it is full. */
  append(bytes: Uint8Array): void {
    this.#disk.append(this.#name, bytes);
    this.#unsynced += bytes.length;
    this.bytes += bytes.length;
  }

  /** Whoever writes more waits for a sync first. */
  get mustSync(): boolean {
    return this.#unsynced >= UNSYNCED_BYTES_MAX;
  }

  /** A rejection is final. */
  sync(): Promise<void> {
    this.#unsynced = 0;
    this.#syncing = this.#disk.sync(this.#name);
    return this.#syncing;
  }

  /**
   * SAFETY (Raft §7): a name like `to` stands for a snapshot that is whole and on the disk. A rejection
   * is final.
   */
  async finish(to: string): Promise<void> {
    await this.sync();
    await this.#disk.rename(this.#name, to);
    await this.#disk.syncDirectory();
  }

  /** It is not needed after all. Nothing rejects: what is left is removed at the next start. */
  async discard(): Promise<void> {
    try {
      // The disk may be at it.
      await this.#syncing;
      await this.#disk.remove(this.#name);
    } catch {
      // It may have no file yet; a disk that failed has told those who wait for it.
    }
  }
}
