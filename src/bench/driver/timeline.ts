interface Event {
  readonly atNs: number;
  /** Of two events at one instant the one that was set first happens first. */
  readonly order: number;
  readonly run: () => void;
}

/** A simulated clock and what happens on it: a binary heap, the earliest event on top. */
export class Timeline {
  nowNs = 0;
  /** Events that happened so far. */
  events = 0;
  #order = 0;
  readonly #heap: Event[] = [];

  at(atNs: number, run: () => void): void {
    const heap = this.#heap;
    const event: Event = { atNs: Math.max(atNs, this.nowNs), order: this.#order++, run };
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, event)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  /** Lets the next event happen. @returns false when nothing is to come until `untilNs` */
  step(untilNs: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.atNs > untilNs) return false;
    this.#removeFirst();
    this.nowNs = first.atNs;
    this.events += 1;
    first.run();
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (isBefore(last, child)) break;
      heap[at] = child;
      at = 2 * at + (isRight ? 2 : 1);
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atNs === b.atNs ? a.order < b.order : a.atNs < b.atNs;
}
