import { assert, defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { Disk } from '../raft/driver/ports.ts';
import type { RangeNs } from './profile.ts';

/** How long a disk takes. */
export interface DiskProfile {
  readonly read: RangeNs;
  readonly sync: RangeNs;
}

export interface DiskPorts {
  readonly after: (ns: number, run: () => void) => void;
  /** Called in an event that settles a promise. */
  readonly settles: () => void;
  readonly random: Random;
  readonly synced: (file: string, bytes: number) => void;
}

interface File {
  bytes: Uint8Array;
  size: number;
  synced: number;
  isLinked: boolean;
}

/** One node's disk over all of its lives. */
export class SimDisk {
  readonly #ports: DiskPorts;
  readonly #profile: DiskProfile;
  #files = new Map<string, File>();
  /** Handles of earlier lives do nothing. */
  #life = 0;

  constructor(ports: DiskPorts, profile: DiskProfile) {
    this.#ports = ports;
    this.#profile = profile;
  }

  /** What a node that starts now works with; that of its last life is dead from here on. */
  attach(): Disk {
    this.#life += 1;
    const life = this.#life;
    const { random, after, settles } = this.#ports;
    const answer = <T>(range: RangeNs, act: () => T): Promise<T> =>
      new Promise((resolve) => {
        after(random.integer(range.minNs, range.maxNs), () => {
          if (life !== this.#life) return;
          settles();
          resolve(act());
        });
      });
    const { read, sync } = this.#profile;
    return {
      list: () => answer(read, () => [...this.#files.keys()]),
      read: (name) => answer(read, () => this.#contents(name).slice()),
      append: (name, bytes) => this.#append(name, bytes),
      sync: (name) => {
        const size = this.#file(name).size;
        return answer(sync, () => this.#sync(name, size));
      },
      truncate: (name, size) => answer(read, () => this.#truncate(name, size)),
      rename: (from, to) => answer(read, () => this.#rename(from, to)),
      remove: (name) => answer(read, () => void this.#files.delete(name)),
      syncDirectory: () =>
        answer(sync, () => {
          for (const file of this.#files.values()) file.isLinked = true;
        }),
    };
  }

  /** The process ended: what it wrote is in the page cache. */
  kill(): void {
    this.#life += 1;
  }

  /** What was not synced is gone. */
  powerFailure(): void {
    this.kill();
    const before = this.#files;
    this.#files = new Map();
    for (const [name, file] of before) {
      if (!file.isLinked) continue;
      file.size = file.synced;
      this.#files.set(name, file);
    }
  }

  #file(name: string): File {
    return defined(this.#files.get(name), `there is no file ${name}`);
  }

  #contents(name: string): Uint8Array {
    const { bytes, size } = this.#file(name);
    return bytes.subarray(0, size);
  }

  #append(name: string, added: Uint8Array): void {
    const file = this.#files.get(name) ?? newFile();
    this.#files.set(name, file);
    if (file.size + added.length > file.bytes.length) {
      const grown = new Uint8Array(Math.max(file.size + added.length, 2 * file.bytes.length));
      grown.set(file.bytes.subarray(0, file.size));
      file.bytes = grown;
    }
    file.bytes.set(added, file.size);
    file.size += added.length;
  }

  #sync(name: string, size: number): void {
    const file = this.#file(name);
    file.synced = Math.max(file.synced, Math.min(size, file.size));
    this.#ports.synced(name, file.synced);
  }

  #truncate(name: string, size: number): void {
    const file = this.#file(name);
    assert(size <= file.size, 'a file is only shortened');
    file.size = size;
    file.synced = Math.min(file.synced, size);
  }

  #rename(from: string, to: string): void {
    this.#files.set(to, this.#file(from));
    this.#files.delete(from);
  }
}

function newFile(): File {
  return { bytes: new Uint8Array(4096), size: 0, synced: 0, isLinked: false };
}
