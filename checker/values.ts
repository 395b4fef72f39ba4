import { Arena, type ArenaSnapshot } from './arena.ts';
import { CheckerBug } from './assert.ts';
import type { Json } from './history.ts';
import { isArray } from './json.ts';

/** The id of `null`. */
export const NULL = -1;

/** Integers from 0 to this are their own ids. */
const INTEGER_MAX = 0x3fff_ffff;

/**
 * Kinds of entries, with what they hold. An entry is the same as another exactly when its kind and its
 * words are, so that by induction two values have one entry exactly when they are structurally equal.
 */
const FALSE = 0;
const TRUE = 1;
/** The two halves of a double. */
const NUMBER = 2;
/** UTF-8, four bytes to a word. */
const TEXT = 3;
/** UTF-16: a string with half a surrogate pair, which UTF-8 cannot hold. No other string is one. */
const ILL_FORMED_TEXT = 4;
/** The ids of the elements. */
const ARRAY = 5;
/** Id of a member's name and of its value, by turns; names in the order in which they were interned. */
const OBJECT = 6;

/** Words of payload that decoded values may stand for together before no more are kept. */
const DECODED_WORDS_MAX = 1 << 22;

/** Values as they were at one moment, for another thread. */
export type ValuesSnapshot = ArenaSnapshot;

/**
 * JSON values as 32-bit integers: two values have one id exactly when they are structurally equal.
 * Integers from 0 to 2³⁰-1 are their own ids, so that most histories never look anything up; `null` is
 * -1; all else is interned, from -2 downwards, as words in one arena: a set of 100 000 integers that
 * was read takes 400 KB, and neither text nor objects. JSON values are made when they are asked for.
 */
export class Values {
  readonly #arena: Arena;
  /** Decoded before: engines ask for the same ones again and again. */
  readonly #decoded: (Json | undefined)[] = [];
  readonly #textIds = new Map<string, number>();
  #decodedWords = 0;
  /** Ids of elements of arrays that are not complete, innermost last. */
  #stack = new Int32Array(64);
  #top = 0;
  #bytes = new Uint8Array(256);

  /** @param isShared - whether snapshots share memory with other threads, rather than copying it */
  constructor(isShared: boolean = false, arena: Arena = new Arena(isShared)) {
    this.#arena = arena;
  }

  /**
   * The same values with the same ids, in another thread perhaps; what either adds later is its own.
   * Memory of a shared one is not copied.
   */
  static from(snapshot: ValuesSnapshot): Values {
    return new Values(false, Arena.from(snapshot));
  }

  /** Can be posted to another thread. */
  snapshot(): ValuesSnapshot {
    return this.#arena.snapshot();
  }

  id(value: Json): number {
    if (value === null) return NULL;
    if (typeof value === 'number') return this.number(value);
    if (typeof value === 'string') return this.#textId(value);
    if (typeof value === 'boolean') return this.boolean(value);
    return isArray(value) ? this.#arrayId(value) : this.#objectId(value);
  }

  value(id: number): Json {
    if (id >= 0) return id;
    if (id === NULL) return null;
    const index = -2 - id;
    const known = this.#decoded[index];
    if (known !== undefined) return known;
    const value = this.#decode(index);
    this.#decodedWords += this.#arena.length(index) + 4;
    if (this.#decodedWords > DECODED_WORDS_MAX) return value;
    while (this.#decoded.length <= index) this.#decoded.push(undefined);
    this.#decoded[index] = value;
    return value;
  }

  /** The ids of an array's elements; undefined when the value is no array. Not to be written to. */
  elements(id: number): Int32Array | undefined {
    if (id >= NULL) return undefined;
    const index = -2 - id;
    return this.#arena.kind(index) === ARRAY ? this.#arena.words(index) : undefined;
  }

  boolean(value: boolean): number {
    return -2 - this.#arena.entry(value ? TRUE : FALSE, this.#stack, 0, 0);
  }

  number(value: number): number {
    const integer = value | 0;
    if (integer === value && integer >= 0 && integer <= INTEGER_MAX) return integer;
    double[0] = value;
    return -2 - this.#arena.entry(NUMBER, halves, 0, 2);
  }

  /** The id of the string with these bytes. @param end - exclusive; all are ASCII */
  ascii(bytes: Uint8Array, start: number, end: number): number {
    return -2 - this.#arena.byteEntry(TEXT, bytes, start, end);
  }

  /**
   * Begins an array: `element` for each of its elements, then `endArray`. Arrays may begin within one
   * another.
   *
   * @returns what `endArray` must be given
   */
  beginArray(): number {
    return this.#top;
  }

  element(id: number): void {
    if (this.#top === this.#stack.length) {
      const grown = new Int32Array(2 * this.#top);
      grown.set(this.#stack);
      this.#stack = grown;
    }
    this.#stack[this.#top++] = id;
  }

  /** @returns the array's id */
  endArray(begin: number): number {
    const index = this.#arena.entry(ARRAY, this.#stack, begin, this.#top);
    this.#top = begin;
    return -2 - index;
  }

  /** Forgets the arrays that were begun and will not be ended. */
  abandonArrays(): void {
    this.#top = 0;
  }

  #arrayId(value: readonly Json[]): number {
    const begin = this.beginArray();
    for (const element of value) this.element(this.id(element));
    return this.endArray(begin);
  }

  #objectId(value: { readonly [key: string]: Json }): number {
    const members = Object.keys(value)
      .map((name) => ({ name: this.id(name), value: this.id(value[name] ?? null) }))
      .toSorted((a, b) => b.name - a.name);
    const words = Int32Array.from(members.flatMap((member) => [member.name, member.value]));
    return -2 - this.#arena.entry(OBJECT, words, 0, words.length);
  }

  #textId(value: string): number {
    const known = this.#textIds.get(value);
    if (known !== undefined) return known;
    const id = -2 - this.#textEntry(value);
    if (this.#textIds.size < DECODED_WORDS_MAX / 16 && value.length <= 1024) {
      this.#textIds.set(value, id);
    }
    return id;
  }

  #textEntry(value: string): number {
    if (!value.isWellFormed()) {
      const units = Int32Array.from({ length: value.length }, (_, i) => value.charCodeAt(i));
      return this.#arena.entry(ILL_FORMED_TEXT, units, 0, units.length);
    }
    if (this.#bytes.length < 3 * value.length) this.#bytes = new Uint8Array(3 * value.length);
    const { written } = encoder.encodeInto(value, this.#bytes);
    return this.#arena.byteEntry(TEXT, this.#bytes, 0, written);
  }

  #decode(index: number): Json {
    const kind = this.#arena.kind(index);
    switch (kind) {
      case FALSE:
        return false;
      case TRUE:
        return true;
      case NUMBER:
        halves.set(this.#arena.words(index));
        return double[0] as number;
      case TEXT:
        return decoder.decode(this.#arena.bytes(index));
      case ILL_FORMED_TEXT:
        return Array.from(this.#arena.words(index), (unit) => String.fromCharCode(unit)).join('');
      case ARRAY:
        return Array.from(this.#arena.words(index), (id) => this.value(id));
      case OBJECT:
        return this.#decodeObject(this.#arena.words(index));
      default:
        throw new CheckerBug(`no such kind of value: ${kind}`);
    }
  }

  #decodeObject(words: Int32Array): Json {
    const members: [string, Json][] = [];
    for (let i = 0; i < words.length; i += 2) {
      const name = this.value(words[i] as number) as string;
      members.push([name, this.value(words[i + 1] as number)]);
    }
    // Not by assignment: a member may be called __proto__.
    return Object.fromEntries(members);
  }
}

const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
