import type { Random } from '../lib/prng.ts';

/**
 * Draws a position, each with its weight.
 *
 * @param weights - not negative, not all 0
 * @param total - their sum
 */
export function pickWeighted(weights: readonly number[], total: number, random: Random): number {
  let point = random.float() * total;
  let last = 0;
  for (const [i, weight] of weights.entries()) {
    if (weight <= 0) continue;
    point -= weight;
    if (point < 0) return i;
    last = i;
  }
  // Rounding may leave a hair of the total: it belongs to the last that has a weight.
  return last;
}

export function sum(weights: readonly number[]): number {
  return weights.reduce((total, weight) => total + weight, 0);
}
