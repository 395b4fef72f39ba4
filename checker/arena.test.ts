import { expect, test } from 'vitest';
import { Arena } from './arena.ts';
import { mulberry32 } from './testing/generate.ts';

test('different contents are different entries, also where their hashes are equal', () => {
  // Of so many hashes of 32 bits, some fifty pairs are equal.
  const count = 600_000;
  const arena = new Arena(false);
  const random = mulberry32(1);
  const known = new Map<number, number>();
  const words = new Int32Array(2);
  const bytes = new Uint8Array(words.buffer);
  for (let i = 0; i < count; i++) {
    words[0] = i;
    words[1] = Math.floor(random() * 2 ** 32);
    const index = i % 2 === 0 ? arena.entry(1, words, 0, 2) : arena.byteEntry(1, bytes, 0, 8);
    if (i % 97 === 0) known.set(i, words[1]);
    if (index !== i) throw new Error(`entry ${i} is taken for ${index}`);
  }
  expect(arena.count).toBe(count);
  for (const [i, second] of known) {
    words[0] = i;
    words[1] = second;
    const index = i % 2 === 0 ? arena.entry(1, words, 0, 2) : arena.byteEntry(1, bytes, 0, 8);
    expect(index).toBe(i);
  }
});

test('kind and size are part of the content', () => {
  const arena = new Arena(false);
  const words = Int32Array.of(0, 0, 0);
  const bytes = new Uint8Array(8);
  const all = [
    arena.entry(0, words, 0, 0),
    arena.entry(1, words, 0, 0),
    ...[1, 2, 3].map((length) => arena.entry(1, words, 0, length)),
    ...[1, 2, 3, 4, 5].map((length) => arena.byteEntry(2, bytes, 0, length)),
  ];
  expect(all).toEqual(all.map((_, i) => i));
  expect(all.map((index) => arena.kind(index))).toEqual([0, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
  expect(all.map((index) => arena.length(index))).toEqual([0, 0, 1, 2, 3, 1, 2, 3, 4, 5]);
});

test('who begins from a snapshot sees what was there, and adds for itself alone', () => {
  for (const isShared of [false, true]) {
    const first = new Arena(isShared);
    const word = (value: number): Int32Array => Int32Array.of(value);
    for (let value = 0; value < 100; value++) first.entry(1, word(value), 0, 1);
    const others = [1, 2].map(() => Arena.from(structuredClone(first.snapshot())));
    for (let value = 100; value < 110; value++) {
      // The same numbers mean other entries in each.
      expect(first.entry(1, word(value), 0, 1)).toBe(value);
      for (const [i, other] of others.entries()) {
        expect(other.entry(1, word(1000 * i + value), 0, 1)).toBe(value);
      }
    }
    for (const [i, other] of others.entries()) {
      expect(other.count).toBe(110);
      for (let value = 0; value < 110; value++) {
        const content = value < 100 ? value : 1000 * i + value;
        expect(other.entry(1, word(content), 0, 1)).toBe(value);
        expect([...other.words(value)]).toEqual([content]);
      }
    }
    expect(() => others[0]?.snapshot()).toThrow('only the arena that others began from');
  }
});
