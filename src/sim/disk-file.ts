import type { Random } from '../lib/prng.ts';
import { GrowingBytes } from './disk-bytes.ts';
import type { TornShape, WriteFate } from './disk-events.ts';

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

const SHAPES: readonly TornShape[] = ['none', 'prefix', 'whole', 'holes'];

/** What is in the page cache and not, or not certainly, on the platter. */
interface Write {
  readonly sequence: number;
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * One file, whatever its name: what processes see (the page cache), what is on the platter, and the
 * writes between the two in their order. The cost of a call is that of the bytes it moves.
 */
export class SimFile {
  readonly #cache = new GrowingBytes();
  readonly #platter = new GrowingBytes();
  #dirty: Write[] = [];
  #sequence = 0;
  /** Where the next append goes; zeros may follow. */
  #end = 0;
  /** How far the platter holds, for good, what was written: a write that was lost ends it. */
  #intact = 0;
  /** A failed sync dropped something: the cache shows it, and nothing is left to be synced. */
  #hasGhosts = false;

  /** Bytes from the beginning that survive any crash as they were written; zeros at the end aside. */
  get syncedBytes(): number {
    return Math.min(this.#intact, this.#end);
  }

  get dirtyBytes(): number {
    let sum = 0;
    for (const { bytes } of this.#dirty) sum += bytes.length;
    return sum;
  }

  get hasGhosts(): boolean {
    return this.#hasGhosts;
  }

  get size(): number {
    return this.#cache.size;
  }

  /** Where the next append goes; only zeros follow. */
  get end(): number {
    return this.#end;
  }

  /** Writes up to this one are what a sync that begins now covers. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Behind what was appended so far, and over the zeros there. */
  append(bytes: Uint8Array): void {
    const at = this.#end;
    this.#end += bytes.length;
    this.#intact = Math.min(this.#intact, at);
    this.#write(at, bytes);
  }

  /** Longer by so many zeros. */
  allocate(bytes: number): void {
    this.#write(this.#cache.size, new Uint8Array(bytes));
  }

  /** A process opens it: what it appends goes behind everything that is there. */
  reopen(): void {
    this.#end = this.#cache.size;
  }

  #write(at: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#cache.writeAt(at, bytes);
    this.#sequence += 1;
    // The caller's own, which never change: those of the cache would, where an append comes over zeros.
    this.#dirty.push({ sequence: this.#sequence, at, bytes });
  }

  /** What a process sees; fewer bytes where the file ends. */
  read(from?: number, to?: number): Uint8Array {
    return this.#cache.view(from, to).slice();
  }

  /** What is on the platter. */
  durable(): Uint8Array {
    return this.#platter.copy();
  }

  /** The sync that covered all up to `sequence` is done. */
  settle(sequence: number): void {
    for (const { at, bytes } of this.#take(sequence)) this.#writeAt(at, bytes);
  }

  /**
   * The sync that covered all up to `sequence` failed: the kernel marks the pages clean and keeps
   * them, whatever of them reached the platter. No sync writes them again.
   */
  drop(sequence: number, name: string, random: Random): WriteFate[] {
    const fates = this.#take(sequence).map((append) => this.#tear(append, name, random));
    this.#hasGhosts ||= fates.some(({ shape }) => shape !== 'whole');
    return fates;
  }

  /** Power failure: the cache is gone, and of what was not synced anything may be there. */
  powerFailure(name: string, random: Random): WriteFate[] {
    const fates = this.#take(Infinity).map((append) => this.#tear(append, name, random));
    this.#forget();
    return fates;
  }

  /** The cache gives pages back that it takes for clean; false when it holds dirty ones. */
  evict(): boolean {
    if (this.#dirty.length > 0) return false;
    this.#forget();
    return true;
  }

  flip(at: number, mask: number): void {
    this.#cache.flip(at, mask);
    this.#platter.flip(at, mask);
  }

  #forget(): void {
    this.#cache.truncate(0);
    this.#cache.writeAt(0, this.#platter.view());
    this.#hasGhosts = false;
  }

  #take(sequence: number): Write[] {
    const end = this.#dirty.findIndex((append) => append.sequence > sequence);
    const taken = end < 0 ? this.#dirty : this.#dirty.slice(0, end);
    this.#dirty = end < 0 ? [] : this.#dirty.slice(end);
    return taken;
  }

  #writeAt(at: number, bytes: Uint8Array): void {
    this.#platter.writeAt(at, bytes);
    if (this.#intact === at) this.#intact += bytes.length;
  }

  #tear({ at, bytes }: Write, name: string, random: Random): WriteFate {
    const shape = this.#tearAppend(at, bytes, random);
    if (shape === 'whole') this.#writeAt(at, bytes);
    return { name, bytes: bytes.length, shape };
  }

  /** Writes what survives of it, all but `whole`. */
  #tearAppend(at: number, bytes: Uint8Array, random: Random): TornShape {
    const shape = random.pick(SHAPES);
    if (shape === 'prefix') {
      const kept = random.integer(0, bytes.length - 1);
      if (kept === 0) return 'none';
      this.#writeAt(at, bytes.subarray(0, kept));
    }
    if (shape === 'holes') this.#writeSectors(at, bytes, random);
    return shape;
  }

  /** Sectors reach the platter in any order; at least one did not, the size did. */
  #writeSectors(at: number, bytes: Uint8Array, random: Random): void {
    const first = Math.floor(at / SECTOR_BYTES);
    const last = Math.floor((at + bytes.length - 1) / SECTOR_BYTES);
    const missing = random.integer(first, last);
    this.#platter.extend(at + bytes.length);
    for (let sector = first; sector <= last; sector++) {
      if (sector === missing || random.integer(0, 3) === 0) continue;
      const from = Math.max(at, sector * SECTOR_BYTES);
      const to = Math.min(at + bytes.length, (sector + 1) * SECTOR_BYTES);
      this.#platter.writeAt(from, bytes.subarray(from - at, to - at));
    }
  }
}
