/** Greater than every sum that occurs, and far from overflow. */
const GREAT = 0x3fff_ffff;

/**
 * Numbers in a row: adds to a range, and finds the least of the whole or of a range, in O(log n).
 */
export class MinimumTree {
  readonly length: number;
  /** Leaves are at #leaves + index. */
  readonly #leaves: number;
  /** Least below a node, with all that was added to the node itself, but not to those above it. */
  readonly #least: Int32Array;
  readonly #added: Int32Array;

  constructor(numbers: Int32Array) {
    this.length = numbers.length;
    let leaves = 1;
    while (leaves < numbers.length) leaves *= 2;
    this.#leaves = leaves;
    this.#least = new Int32Array(2 * leaves).fill(GREAT);
    this.#added = new Int32Array(2 * leaves);
    this.#least.set(numbers, leaves);
    for (let node = leaves - 1; node > 0; node--) {
      this.#least[node] = Math.min(
        this.#least[2 * node] as number,
        this.#least[2 * node + 1] as number,
      );
    }
  }

  /** The least of all; very great when all were taken out. */
  get least(): number {
    return this.#least[1] as number;
  }

  /** The first index at which the least of all stands. */
  indexOfLeast(): number {
    const least = this.#least;
    let node = 1;
    while (node < this.#leaves) {
      node *= 2;
      if ((least[node + 1] as number) < (least[node] as number)) node++;
    }
    return node - this.#leaves;
  }

  /** Adds to those from `begin` to before `end`. */
  add(begin: number, end: number, amount: number): void {
    if (begin >= end) return;
    let low = begin + this.#leaves;
    let high = end + this.#leaves;
    const first = low;
    const last = high - 1;
    for (; low < high; low >>>= 1, high >>>= 1) {
      if ((low & 1) === 1) this.#apply(low++, amount);
      if ((high & 1) === 1) this.#apply(--high, amount);
    }
    this.#renew(first);
    this.#renew(last);
  }

  /** From now on it is the least no more, unless all are out. */
  takeOut(index: number): void {
    const node = index + this.#leaves;
    this.#least[node] = GREAT;
    this.#renew(node);
  }

  /** The least of those from `begin` to before `end`, which are some. */
  leastIn(begin: number, end: number): number {
    const least = this.#least;
    const added = this.#added;
    let low = begin + this.#leaves;
    let high = end - 1 + this.#leaves;
    let left = least[low] as number;
    let right = least[high] as number;
    while (low >>> 1 !== high >>> 1) {
      if ((low & 1) === 0) left = Math.min(left, least[low + 1] as number);
      if ((high & 1) === 1) right = Math.min(right, least[high - 1] as number);
      low >>>= 1;
      high >>>= 1;
      left += added[low] as number;
      right += added[high] as number;
    }
    let both = Math.min(left, right);
    for (low >>>= 1; low > 0; low >>>= 1) both += added[low] as number;
    return both;
  }

  #apply(node: number, amount: number): void {
    this.#least[node] = (this.#least[node] as number) + amount;
    this.#added[node] = (this.#added[node] as number) + amount;
  }

  #renew(leaf: number): void {
    const least = this.#least;
    for (let node = leaf >>> 1; node > 0; node >>>= 1) {
      least[node] =
        Math.min(least[2 * node] as number, least[2 * node + 1] as number) +
        (this.#added[node] as number);
    }
  }
}
