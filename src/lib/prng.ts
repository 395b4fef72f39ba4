import { defined } from './assert.ts';

/**
 * Seeded pseudo-random numbers (sfc32), the only randomness that cores may use.
 * Deterministic: the same seed gives the same sequence on every machine.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  float(): number;
  /** Uniform integer in [minInclusive, maxInclusive]. */
  integer(minInclusive: number, maxInclusive: number): number;
  /** One element; `items` must not be empty. */
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** An independent generator derived from this one's seed and a label: adding a consumer does not
   *  move the numbers that others draw. */
  fork(label: string): Random;
}

/** @param seed - any string or number; numbers are used by their decimal text */
export function makeRandom(seed: string | number): Random {
  return fromText(String(seed));
}

function fromText(text: string): Random {
  // Four words from an FNV-1a hash with four different starts, then mixed by running the generator.
  const word = (start: number): number => {
    let hash = (0x811c9dc5 ^ start) >>> 0;
    for (let i = 0; i < text.length; i++) {
      hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
    }
    return hash;
  };
  let a = word(0);
  let b = word(0x9e3779b9);
  let c = word(0x85ebca6b);
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 16; i++) next();

  const float = (): number => next() / 0x1_0000_0000;
  const integer = (minInclusive: number, maxInclusive: number): number =>
    minInclusive + Math.floor(float() * (maxInclusive - minInclusive + 1));
  return {
    float,
    integer,
    pick<T>(items: readonly T[]): T {
      const item = items[integer(0, items.length - 1)];
      if (item === undefined) throw new RangeError('pick from an empty list');
      return item;
    },
    shuffle<T>(items: readonly T[]): T[] {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = integer(0, i);
        const item = copy[i];
        copy[i] = defined(copy[j], 'in range');
        copy[j] = defined(item, 'in range');
      }
      return copy;
    },
    fork: (label) => fromText(`${text}/${label}`),
  };
}
