import type { Json } from '../history.ts';
import { isArray, sameJson } from '../json.ts';

/**
 * States of an object as numbers from 0: two have one number exactly when they are structurally equal.
 * Texts are their own keys; other values are found by a hash of their content, so that no text is made
 * or kept for them.
 */
export class States {
  readonly #strings = new Map<string, number>();
  readonly #values: Json[] = [];
  #hashes = new Int32Array(64);
  /** Number + 1 by hash, open addressing; 0 for none. */
  #table = new Int32Array(128);
  #bytes = 0;

  get size(): number {
    return this.#values.length;
  }

  /** About what is held. */
  get bytes(): number {
    return this.#bytes + 4 * (this.#hashes.length + this.#table.length);
  }

  value(number: number): Json {
    return this.#values[number] as Json;
  }

  number(value: Json): number {
    if (typeof value === 'string') {
      const known = this.#strings.get(value);
      if (known !== undefined) return known;
      this.#strings.set(value, this.#values.length);
      return this.#add(value, 0);
    }
    const hash = hashOf(value);
    let slot = hash & (this.#table.length - 1);
    for (;;) {
      const found = (this.#table[slot] as number) - 1;
      if (found < 0) break;
      if (this.#hashes[found] === hash && sameJson(this.value(found), value)) return found;
      slot = (slot + 1) & (this.#table.length - 1);
    }
    this.#table[slot] = this.#values.length + 1;
    const number = this.#add(value, hash);
    if (this.#values.length * 2 > this.#table.length) this.#rehash();
    return number;
  }

  #add(value: Json, hash: number): number {
    const number = this.#values.push(value) - 1;
    if (number === this.#hashes.length) {
      const larger = new Int32Array(this.#hashes.length * 2);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[number] = hash;
    this.#bytes += bytesOf(value);
    return number;
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2);
    const mask = this.#table.length - 1;
    for (let number = 0; number < this.#values.length; number++) {
      if (typeof this.value(number) === 'string') continue;
      let slot = (this.#hashes[number] as number) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = number + 1;
    }
  }
}

/** Equal for values that are structurally equal. */
function hashOf(value: Json): number {
  if (value === null) return 0x2545f491;
  if (typeof value === 'boolean') return value ? 0x3c6ef372 : 0x1f83d9ab;
  if (typeof value === 'number') {
    return mix(0x5be0cd19, Number.isInteger(value) ? value | 0 : Math.fround(value) * 1e6);
  }
  if (typeof value === 'string') {
    let hash = 0x811c9dc5;
    for (let i = 0; i < value.length; i++) hash = mix(hash, value.charCodeAt(i));
    return hash;
  }
  if (isArray(value)) {
    let hash = 0x6a09e667;
    for (const element of value) hash = mix(hash, hashOf(element));
    return hash;
  }
  // The order of members says nothing: their hashes are added.
  let sum = 0;
  for (const key of Object.keys(value)) {
    sum = (sum + mix(hashOf(key), hashOf(value[key] ?? null))) | 0;
  }
  return mix(0x510e527f, sum);
}

function mix(hash: number, value: number): number {
  const mixed = Math.imul((hash ^ value) | 0, 0x5bd1e995);
  return mixed ^ (mixed >>> 15);
}

function bytesOf(value: Json): number {
  if (typeof value === 'string') return 48 + value.length;
  if (value === null || typeof value !== 'object') return 16;
  let bytes = 48;
  if (isArray(value)) {
    for (const element of value) bytes += bytesOf(element);
    return bytes;
  }
  for (const key of Object.keys(value)) bytes += 16 + bytesOf(value[key] ?? null);
  return bytes;
}

/**
 * What follows from a state by an operation, as far as it was asked: a cache with integers for keys in
 * open addressing. What is forgotten is computed again.
 */
export class Transitions {
  /** `[state + 1, class, next]` per entry, 0 first for none. */
  #table = new Int32Array(3 * 256);
  #mask = 255;
  #entries = 0;

  get bytes(): number {
    return this.#table.length * 4;
  }

  /** @returns undefined when it is not known */
  get(state: number, itsClass: number): number | undefined {
    const table = this.#table;
    const at = this.#find(state, itsClass);
    return table[at] === 0 ? undefined : table[at + 2];
  }

  set(state: number, itsClass: number, next: number): void {
    const at = this.#find(state, itsClass);
    if (this.#table[at] === 0) this.#entries++;
    this.#table[at] = state + 1;
    this.#table[at + 1] = itsClass;
    this.#table[at + 2] = next;
    if (this.#entries * 6 > this.#table.length) this.#grow();
  }

  clear(): void {
    this.#table.fill(0);
    this.#entries = 0;
  }

  #find(state: number, itsClass: number): number {
    const hash = Math.imul(Math.imul(state + 1, 0x85ebca6b) ^ itsClass, 0xc2b2ae35);
    let slot = (hash ^ (hash >>> 15)) & this.#mask;
    for (;;) {
      const at = 3 * slot;
      const found = this.#table[at];
      if (found === 0 || (found === state + 1 && this.#table[at + 1] === itsClass)) return at;
      slot = (slot + 1) & this.#mask;
    }
  }

  #grow(): void {
    const old = this.#table;
    this.#entries = 0;
    this.#table = new Int32Array(old.length * 2);
    this.#mask = 2 * this.#mask + 1;
    for (let at = 0; at < old.length; at += 3) {
      if (old[at] === 0) continue;
      this.set((old[at] as number) - 1, old[at + 1] as number, old[at + 2] as number);
    }
  }
}
