/** No span covers the point, or all that did were taken. */
const NONE = -1;

/**
 * Spans of points, at most one beginning at each, from which those that cover a given point are
 * taken one by one, in O(log n) each. A span that begins at b and ends at e covers the points from
 * b to before e.
 */
export class SpanTree {
  readonly #leaves: number;
  /** The latest end below each node; 0 where no span is left. */
  readonly #latest: Int32Array;

  /** @param ends - by beginning; 0 where no span begins */
  constructor(ends: Int32Array) {
    let leaves = 2;
    // More leaves than points: a prefix of them is never the whole tree.
    while (leaves <= ends.length) leaves *= 2;
    this.#leaves = leaves;
    this.#latest = new Int32Array(2 * leaves);
    this.#latest.set(ends, leaves);
    for (let node = leaves - 1; node > 0; node--) this.#renew(node);
  }

  /** Takes a span that covers the point. @returns where it begins; -1 when there is none */
  takeCovering(point: number): number {
    const latest = this.#latest;
    // The subtrees that make up the leaves from 0 to the point.
    for (let node = point + 1 + this.#leaves; node > 1; node >>>= 1) {
      if ((node & 1) === 0 || (latest[node - 1] as number) <= point) continue;
      let found = node - 1;
      while (found < this.#leaves) {
        found *= 2;
        if ((latest[found] as number) <= point) found++;
      }
      latest[found] = 0;
      for (let above = found >>> 1; above > 0; above >>>= 1) this.#renew(above);
      return found - this.#leaves;
    }
    return NONE;
  }

  #renew(node: number): void {
    const latest = this.#latest;
    const left = latest[2 * node] as number;
    const right = latest[2 * node + 1] as number;
    latest[node] = left > right ? left : right;
  }
}
