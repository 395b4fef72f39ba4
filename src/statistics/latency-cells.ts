/** Nanoseconds in one unit. */
const UNIT_NS = 1_000;
/** 128 buckets to a power of two: a bucket is at most 0.8 % wide. */
const SUB_BITS = 7;
const DIRECT = 2 << SUB_BITS;
const LARGEST = 2 ** 32 - 1;
const BUCKETS = ((32 - SUB_BITS) << SUB_BITS) + (1 << SUB_BITS);

/** Bucket numbers and their counts by turns, buckets rising: `[bucket, count, bucket, count, …]`. */
export type SparseCounts = Uint32Array;

export const NO_COUNTS: SparseCounts = new Uint32Array(0);

/** @param latencyNs - more than 71 minutes count as that */
function bucketOf(latencyNs: number): number {
  const units = Math.min(Math.round(latencyNs / UNIT_NS), LARGEST);
  if (units < DIRECT) return units;
  const shift = 31 - Math.clz32(units) - SUB_BITS;
  return (shift << SUB_BITS) + (units >>> shift);
}

/** The largest latency that falls into the bucket, as HDR histograms answer it. */
function highestNs(bucket: number): number {
  if (bucket < DIRECT) return bucket * UNIT_NS;
  const shift = (bucket >>> SUB_BITS) - 1;
  return ((bucket - (shift << SUB_BITS) + 1) * 2 ** shift - 1) * UNIT_NS;
}

/**
 * Latencies of one short interval, over and over: a histogram of two significant digits that is emptied
 * into as few numbers as it needs. `LatencyHistogram` is finer, and too large to keep one per second.
 */
export class LatencyCells {
  readonly #counts = new Uint32Array(BUCKETS);
  #lowest = BUCKETS;
  #highest = -1;

  record(latencyNs: number): void {
    const bucket = bucketOf(latencyNs);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    if (bucket < this.#lowest) this.#lowest = bucket;
    if (bucket > this.#highest) this.#highest = bucket;
  }

  sparse(): SparseCounts {
    const found: number[] = [];
    for (let bucket = this.#lowest; bucket <= this.#highest; bucket++) {
      const count = this.#counts[bucket] ?? 0;
      if (count > 0) found.push(bucket, count);
    }
    return Uint32Array.from(found);
  }

  reset(): void {
    if (this.#highest >= 0) this.#counts.fill(0, this.#lowest, this.#highest + 1);
    this.#lowest = BUCKETS;
    this.#highest = -1;
  }
}

/** Both together. */
export function mergeCounts(a: SparseCounts, b: SparseCounts): SparseCounts {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const merged: number[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const left = a[i] ?? Infinity;
    const right = b[j] ?? Infinity;
    let count = 0;
    if (left <= right) {
      count += a[i + 1] ?? 0;
      i += 2;
    }
    if (right <= left) {
      count += b[j + 1] ?? 0;
      j += 2;
    }
    merged.push(Math.min(left, right), count);
  }
  return Uint32Array.from(merged);
}

/**
 * The latency that at least `fraction` of all do not exceed, to two significant digits.
 *
 * @param maxNs - the largest that was recorded: the answer never lies above it
 * @returns nanoseconds; 0 when nothing was recorded
 */
export function quantileNs(counts: SparseCounts, fraction: number, maxNs: number): number {
  let total = 0;
  for (let i = 1; i < counts.length; i += 2) total += counts[i] ?? 0;
  const rank = Math.max(1, Math.ceil(fraction * total));
  let seen = 0;
  for (let i = 0; i < counts.length; i += 2) {
    seen += counts[i + 1] ?? 0;
    if (seen >= rank) return Math.min(highestNs(counts[i] ?? 0), maxNs);
  }
  return 0;
}

/**
 * For JSON: `5k:3,1,2:7`. Base 36; each bucket as its distance from the one before, its count behind a
 * colon unless that is 1. Bucket b holds b µs below 256, above that 128 buckets to a power of two.
 */
export function encodeCounts(counts: SparseCounts): string {
  const parts: string[] = [];
  let before = 0;
  for (let i = 0; i < counts.length; i += 2) {
    const bucket = counts[i] ?? 0;
    const count = counts[i + 1] ?? 0;
    const distance = (bucket - before).toString(36);
    parts.push(count === 1 ? distance : `${distance}:${count.toString(36)}`);
    before = bucket;
  }
  return parts.join(',');
}

/** Reads what `encodeCounts` wrote. */
export function decodeCounts(text: string): SparseCounts {
  if (text === '') return NO_COUNTS;
  let bucket = 0;
  return Uint32Array.from(
    text.split(',').flatMap((part) => {
      const [distance = '', count = '1'] = part.split(':');
      bucket += Number.parseInt(distance, 36);
      return [bucket, Number.parseInt(count, 36)];
    }),
  );
}
