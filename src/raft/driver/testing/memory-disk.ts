import { defined } from '../../../lib/assert.ts';
import type { Disk } from '../ports.ts';

interface File {
  bytes: Uint8Array;
  /** Where the next append goes; zeros may follow. */
  end: number;
  /** How many of them survive a crash. */
  synced: number;
  /** So long the file is after a crash, zeros behind what survives of the rest. */
  zeroed: number;
  /** The name itself survives a crash. */
  isLinked: boolean;
}

/** A disk in memory that knows what a crash would lose. */
export class MemoryDisk implements Disk {
  readonly files: Map<string, File> = new Map();
  syncs = 0;
  /** The next sync rejects. */
  failsNextSync = false;
  /** Syncs wait for this before they complete. */
  gate: Promise<void> = Promise.resolve();

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()];
  }

  async read(name: string): Promise<Uint8Array> {
    return this.#file(name).bytes.slice();
  }

  async readAt(name: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#file(name).bytes.slice(offset, offset + length);
  }

  append(name: string, bytes: Uint8Array): void {
    const file = this.#open(name);
    const end = file.end + bytes.length;
    const written = new Uint8Array(Math.max(file.bytes.length, end));
    written.set(file.bytes);
    written.set(bytes, file.end);
    file.synced = Math.min(file.synced, file.end);
    file.bytes = written;
    file.end = end;
  }

  async allocate(name: string, size: number): Promise<void> {
    const file = this.#open(name);
    const longer = new Uint8Array(file.bytes.length + size);
    longer.set(file.bytes);
    file.bytes = longer;
    await this.sync(name);
    file.zeroed = longer.length;
  }

  async sync(name: string): Promise<void> {
    this.syncs += 1;
    const file = this.#file(name);
    const size = file.bytes.length;
    await this.gate;
    if (this.failsNextSync) throw new Error('EIO: the disk is broken');
    file.synced = Math.max(file.synced, size);
  }

  async rename(from: string, to: string): Promise<void> {
    this.files.set(to, this.#file(from));
    this.files.delete(from);
  }

  async remove(name: string): Promise<void> {
    this.files.delete(name);
  }

  async syncDirectory(): Promise<void> {
    await this.gate;
    for (const file of this.files.values()) file.isLinked = true;
  }

  /**
   * What is there after a power failure.
   *
   * @param survives - of a file's unsynced bytes, those that reached the disk all the same
   */
  afterCrash(survives: (unsynced: Uint8Array) => Uint8Array = () => new Uint8Array(0)): MemoryDisk {
    const disk = new MemoryDisk();
    for (const [name, { bytes, synced, zeroed, isLinked }] of this.files) {
      if (!isLinked) continue;
      disk.append(name, bytes.slice(0, synced));
      disk.append(name, survives(bytes.slice(synced)));
      const file = disk.#file(name);
      disk.append(name, new Uint8Array(Math.max(0, zeroed - file.bytes.length)));
      file.synced = file.bytes.length;
      file.isLinked = true;
    }
    return disk;
  }

  /** Flips one bit. */
  damage(name: string, at: number): void {
    const { bytes } = this.#file(name);
    bytes[at] = defined(bytes[at], `${name} has a byte ${at}`) ^ 1;
  }

  #open(name: string): File {
    const file = this.files.get(name) ?? {
      bytes: new Uint8Array(0),
      end: 0,
      synced: 0,
      zeroed: 0,
      isLinked: false,
    };
    this.files.set(name, file);
    return file;
  }

  #file(name: string): File {
    return defined(this.files.get(name), `there is no file ${name}`);
  }
}
