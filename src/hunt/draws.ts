import type { Random } from '../lib/prng.ts';
import type { RangeNs } from '../sim/profile.ts';

/** True with this probability. */
export function chance(random: Random, probability: number): boolean {
  return random.float() < probability;
}

/** Each order of magnitude is as likely as another: small and large ones both come up. */
export function logUniform(random: Random, min: number, max: number): number {
  return Math.round(min * (max / min) ** random.float());
}

/** One of them by weight. */
export function weighted<T>(random: Random, choices: readonly (readonly [number, T])[]): T {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let left = random.float() * total;
  for (const [weight, choice] of choices) {
    left -= weight;
    if (left < 0) return choice;
  }
  return random.pick(choices)[1];
}

/** A range whose lower end lies between the bounds, and whose upper end is up to `spread` times that. */
export function rangeNs(
  random: Random,
  { minNs, maxNs, spread }: RangeNs & { readonly spread: number },
): RangeNs {
  const low = logUniform(random, minNs, maxNs);
  return { minNs: low, maxNs: logUniform(random, low, low * spread) };
}
