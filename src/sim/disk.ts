import { defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { Disk } from '../raft/driver/ports.ts';
import { SimDirectory } from './disk-directory.ts';
import type { DiskEvent, DiskObserver, DiskOperation, TornReport } from './disk-events.ts';
import { SimFile } from './disk-file.ts';
import type { RangeNs } from './profile.ts';

/** How long a disk takes while nothing is wrong with it. */
export interface DiskProfile {
  /** For a read, a listing, and changes of names. */
  readonly read: RangeNs;
  readonly sync: RangeNs;
  /** What each append adds to the next sync of its file; nothing by default. */
  readonly write?: RangeNs;
}

/** What the disk needs of the simulation. */
export interface DiskPorts {
  /** Simulated nanoseconds; names the streams of random numbers of a crash. */
  readonly now: () => number;
  readonly after: (ns: number, run: () => void) => void;
  /** Called in an event that settles a promise. */
  readonly settles: () => void;
  readonly random: Random;
  readonly observer?: DiskObserver;
}

/** What takes as long as a sync. */
const SYNCS: readonly DiskOperation[] = ['sync', 'sync-directory', 'allocate'];

/** A call that has begun. Its effect comes at its end, or not at all. */
interface Call {
  readonly effect: () => unknown;
}

/**
 * One node's disk over all of its lives.
 *
 * What a process writes is in the page cache, and on the platter after a sync. Killing the process
 * keeps the cache. A power failure keeps the platter, and of what was not synced anything: of each
 * append nothing, a prefix, all, or all but some sectors; of each change of a name either; whatever was synced stays, also where it shares a sector with what was not. A sync that
 * failed does the same to what it covered, while the cache goes on to show it and the next sync
 * says that all is well, as Linux does ("fsyncgate", Rebello et al., ATC 2020).
 */
export class SimDisk {
  readonly #ports: DiskPorts;
  readonly #profile: DiskProfile;
  readonly #latency: Random;
  readonly #slowness: Random;
  readonly #readLuck: Random;
  readonly #directory = new SimDirectory();
  readonly #calls = new Set<Call>();
  /** What the appends since the last sync of a file add to the next one. */
  readonly #writeDebtNs = new Map<string, number>();
  /** The life that is attached; handles of others do nothing. */
  #life = 0;
  #isAttached = false;
  readonly #slow = new Set<{ readonly addNs: RangeNs }>();
  readonly #readErrors = new Set<{ readonly probability: number }>();
  #failingSyncs: object[] = [];
  #fulls = 0;
  #freeBytes = Infinity;

  constructor(ports: DiskPorts, profile: DiskProfile) {
    this.#ports = ports;
    this.#profile = profile;
    this.#latency = ports.random.fork('latency');
    this.#slowness = ports.random.fork('slow');
    this.#readLuck = ports.random.fork('read-errors');
  }

  /**
   * What a process that starts now works with. That of the last one is dead from here on: nothing
   * settles, and every call is ignored. So it is after `detach`, `kill` and `powerFailure`.
   */
  attach(): Disk & { detach(): void } {
    this.kill();
    this.#life += 1;
    this.#isAttached = true;
    for (const file of this.#directory.names.values()) file.reopen();
    const life = this.#life;
    const isAlive = (): boolean => this.#isAttached && this.#life === life;
    const isCalled = (operation: DiskOperation, name: string): boolean => {
      if (!isAlive()) return false;
      this.#tell({ type: 'call', operation, name });
      return isAlive();
    };
    const begin = <T>(operation: DiskOperation, name: string, effect: () => T): Promise<T> =>
      isCalled(operation, name)
        ? this.#begin(operation, name, effect, isAlive)
        : new Promise(() => {});
    return {
      list: () => begin('list', '', () => [...this.#directory.names.keys()]),
      read: (name) => begin('read', name, () => this.#read(name)),
      readAt: (name, offset, length) =>
        begin('read', name, () => this.#read(name, offset, offset + length)),
      append: (name, bytes) => {
        if (isCalled('append', name)) this.#append(name, bytes);
      },
      allocate: (name, bytes) => {
        if (!isCalled('allocate', name)) return new Promise(() => {});
        return this.#begin('allocate', name, this.#allocating(name, bytes), isAlive);
      },
      sync: (name) => {
        if (!isCalled('sync', name)) return new Promise(() => {});
        return this.#begin('sync', name, this.#syncing(name), isAlive);
      },
      rename: (from, to) => begin('rename', from, () => this.#rename(from, to)),
      remove: (name) => begin('remove', name, () => this.#remove(name)),
      syncDirectory: () => {
        if (!isCalled('sync-directory', '')) return new Promise(() => {});
        return this.#begin('sync-directory', '', this.#syncingDirectory(), isAlive);
      },
      detach: () => {
        if (isAlive()) this.#isAttached = false;
      },
    };
  }

  /** The process ended: the page cache stays; a call that was under way took effect or did not. */
  kill(): void {
    if (!this.#isAttached && this.#calls.size === 0) return;
    this.#isAttached = false;
    const random = this.#randomOf('kill');
    this.#finishCalls(random);
    for (const [name, file] of this.#directory.names) {
      const bytes = file.dirtyBytes;
      if (bytes > 0) this.#tell({ type: 'cache-kept', name, bytes });
      // What a failed sync left in the cache counts as clean: memory may be needed for other things.
      const isEvicted = file.hasGhosts && random.integer(0, 1) === 1 && file.evict();
      if (isEvicted) this.#tell({ type: 'evicted', name });
    }
  }

  /** The machine lost its power, whether a process ran or not. */
  powerFailure(): TornReport {
    this.#isAttached = false;
    const random = this.#randomOf('power failure');
    this.#finishCalls(random);
    const writes = [...this.#directory.files()].flatMap(([file, name]) =>
      file.powerFailure(name, random),
    );
    const names = this.#directory.powerFailure(random);
    for (const fate of writes) this.#tell({ type: 'write-fate', fate });
    for (const fate of names) this.#tell({ type: 'name-fate', fate });
    return { writes, names };
  }

  /** How many bytes of a file survive any crash as they were written; 0 without a durable name. */
  syncedBytes(name: string): number {
    const file = this.#directory.durable.get(name);
    return file === undefined || file !== this.#directory.get(name) ? 0 : file.syncedBytes;
  }

  /**
   * What is on the platter; copies. Undefined while names of files are changing: nobody can say
   * then which of them will be there.
   *
   * @param isMeant - others are left out, and their names may change
   */
  settledFiles(
    isMeant: (name: string) => boolean = () => true,
  ): readonly { readonly name: string; readonly bytes: Uint8Array }[] | undefined {
    const { names, durable } = this.#directory;
    for (const name of new Set([...names.keys(), ...durable.keys()])) {
      if (isMeant(name) && durable.get(name) !== names.get(name)) return undefined;
    }
    return [...durable]
      .filter(([name]) => isMeant(name))
      .map(([name, file]) => ({ name, bytes: file.durable() }));
  }

  /** Every call takes longer, until the answer is called. */
  slow(addNs: RangeNs): () => void {
    const fault = { addNs };
    this.#slow.add(fault);
    return () => void this.#slow.delete(fault);
  }

  /** So many bytes fit yet; an append that needs more writes a prefix and throws ENOSPC. */
  full(freeBytes: number): () => void {
    this.#fulls += 1;
    this.#freeBytes = Math.min(this.#freeBytes, freeBytes);
    return once(() => {
      this.#fulls -= 1;
      if (this.#fulls === 0) this.#freeBytes = Infinity;
    });
  }

  /** The next sync, of a file or of the directory, rejects; the answer takes that back. */
  failNextSync(): () => void {
    const fault = {};
    this.#failingSyncs.push(fault);
    return () => {
      this.#failingSyncs = this.#failingSyncs.filter((one) => one !== fault);
    };
  }

  /** Each read fails with this probability, until the answer is called. */
  readErrors(probability: number): () => void {
    const fault = { probability };
    this.#readErrors.add(fault);
    return () => void this.#readErrors.delete(fault);
  }

  /** Changes the bits `mask` of one byte, in the cache and on the platter. See `flipBit`. */
  flip(name: string, at: number, mask: number): void {
    defined(this.#directory.durable.get(name), `there is a file ${name}`).flip(at, mask);
    this.#tell({ type: 'flipped', name, at });
  }

  #begin<T>(
    operation: DiskOperation,
    name: string,
    effect: () => T,
    isAlive: () => boolean,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const call: Call = { effect };
    this.#calls.add(call);
    this.#ports.after(this.#latencyNs(operation, name), () => {
      // A crash has decided about it.
      if (!this.#calls.delete(call)) return;
      try {
        const value = effect();
        // The observer may have ended the process in this very moment.
        if (isAlive()) resolve(value);
        else return;
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        if (error.code !== 'ENOENT') {
          this.#tell({ type: 'failed', operation, name, code: error.code });
        }
        if (isAlive()) reject(error);
        else return;
      }
      this.#ports.settles();
    });
    return promise;
  }

  #latencyNs(operation: DiskOperation, name: string): number {
    const { read, sync } = this.#profile;
    const isSync = SYNCS.includes(operation);
    const range = isSync ? sync : read;
    let ns = this.#latency.integer(range.minNs, range.maxNs);
    for (const { addNs } of this.#slow) ns += this.#slowness.integer(addNs.minNs, addNs.maxNs);
    if (operation !== 'sync') return ns;
    const debt = this.#writeDebtNs.get(name) ?? 0;
    this.#writeDebtNs.delete(name);
    return ns + debt;
  }

  /** A stream for one event: with another event less, this one draws the same. */
  #randomOf(event: string): Random {
    return this.#ports.random.fork(`${event} at ${this.#ports.now()}`);
  }

  #finishCalls(random: Random): void {
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const { effect } of calls) {
      if (random.integer(0, 1) === 0) continue;
      try {
        effect();
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
      }
    }
  }

  #read(name: string, from?: number, to?: number): Uint8Array {
    const file = this.#file('read', name);
    for (const { probability } of this.#readErrors) {
      if (this.#readLuck.float() < probability) throw new DiskError('EIO', 'read', name);
    }
    if (file.hasGhosts) this.#tell({ type: 'ghost-read', name });
    return file.read(from, to);
  }

  #append(name: string, bytes: Uint8Array): void {
    const file = this.#open(name);
    // What takes the place of zeros needs no room.
    const overwritten = file.size - file.end;
    const fits = Math.min(bytes.length, this.#freeBytes + overwritten);
    this.#freeBytes -= Math.max(0, fits - overwritten);
    file.append(fits === bytes.length ? bytes : bytes.subarray(0, fits));
    const { write } = this.#profile;
    if (write !== undefined) {
      const ns = this.#latency.integer(write.minNs, write.maxNs);
      this.#writeDebtNs.set(name, (this.#writeDebtNs.get(name) ?? 0) + ns);
    }
    if (fits === bytes.length) return;
    this.#tell({ type: 'failed', operation: 'append', name, code: 'ENOSPC' });
    throw new DiskError('ENOSPC', 'append', name);
  }

  #open(name: string): SimFile {
    let file = this.#directory.get(name);
    if (file === undefined) {
      file = new SimFile();
      this.#directory.create(name, file);
    }
    return file;
  }

  /** A write of zeros and a sync of all that was written when it is called. */
  #allocating(name: string, bytes: number): () => void {
    const file = this.#open(name);
    const fits = Math.min(bytes, this.#freeBytes);
    this.#freeBytes -= fits;
    file.allocate(fits);
    const sync = this.#syncing(name);
    return () => {
      sync();
      if (fits < bytes) throw new DiskError('ENOSPC', 'allocate', name);
    };
  }

  /** Covers what was written when it is called. */
  #syncing(name: string): () => void {
    const file = this.#directory.get(name);
    const sequence = file?.sequence ?? 0;
    const fails = file !== undefined && this.#failingSyncs.shift() !== undefined;
    return () => {
      if (file === undefined) throw new DiskError('ENOENT', 'sync', name);
      if (!fails) {
        file.settle(sequence);
        return this.#tellSynced(name);
      }
      const random = this.#randomOf('failed sync');
      for (const fate of file.drop(sequence, name, random))
        this.#tell({ type: 'write-fate', fate });
      throw new DiskError('EIO', 'sync', name);
    };
  }

  #syncingDirectory(): () => void {
    const { sequence } = this.#directory;
    const fails = this.#failingSyncs.shift() !== undefined;
    return () => {
      if (fails) {
        const fates = this.#directory.drop(sequence, this.#randomOf('failed sync'));
        for (const fate of fates) this.#tell({ type: 'name-fate', fate });
        throw new DiskError('EIO', 'sync-directory', '');
      }
      const changed = this.#directory.settle(sequence);
      this.#tell({ type: 'directory-synced' });
      for (const name of changed) this.#tellSynced(name);
    };
  }

  #tellSynced(name: string): void {
    this.#tell({ type: 'synced', name, bytes: this.syncedBytes(name) });
  }

  #rename(from: string, to: string): void {
    this.#file('rename', from);
    this.#freeBytes += this.#directory.get(to)?.size ?? 0;
    this.#directory.rename(from, to);
    this.#tellSynced(from);
    this.#tellSynced(to);
  }

  #remove(name: string): void {
    this.#freeBytes += this.#file('remove', name).size;
    this.#directory.remove(name);
    this.#tellSynced(name);
  }

  #file(operation: DiskOperation, name: string): SimFile {
    const file = this.#directory.get(name);
    if (file === undefined) throw new DiskError('ENOENT', operation, name);
    return file;
  }

  #tell(event: DiskEvent): void {
    this.#ports.observer?.(event);
  }
}

/** What the kernel says when it cannot. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: 'EIO' | 'ENOSPC' | 'ENOENT';

  constructor(code: 'EIO' | 'ENOSPC' | 'ENOENT', operation: DiskOperation, file: string) {
    super(`${code}: ${operation}${file === '' ? '' : ` of ${file}`}`);
    this.code = code;
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
