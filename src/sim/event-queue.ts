/** What happens at an instant. */
export type Action = () => void;

/**
 * A binary heap of actions by time; of equal times, first come first. Parallel arrays, so that an
 * event costs no object of its own.
 */
export class EventQueue {
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #actions: Action[] = [];
  #added = 0;

  get size(): number {
    return this.#times.length;
  }

  /** Infinity when there is none. */
  get nextNs(): number {
    return this.#times[0] ?? Infinity;
  }

  add(atNs: number, action: Action): void {
    const order = this.#added++;
    let at = this.#times.length;
    this.#times.push(atNs);
    this.#orders.push(order);
    this.#actions.push(action);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      // A newcomer goes behind all of its own time.
      if (atNs >= (this.#times[parent] as number)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, atNs, order, action);
  }

  /** The first one; there must be one. */
  take(): Action {
    const first = this.#actions[0] as Action;
    const time = this.#times.pop() as number;
    const order = this.#orders.pop() as number;
    const action = this.#actions.pop() as Action;
    if (this.#times.length > 0) this.#sink(time, order, action);
    return first;
  }

  /** Puts an entry where the root was taken away. */
  #sink(time: number, order: number, action: Action): void {
    const size = this.#times.length;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(child + 1, child)) child += 1;
      const childTime = this.#times[child] as number;
      if (time < childTime) break;
      if (time === childTime && order < (this.#orders[child] as number)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, order, action);
  }

  #isBefore(a: number, b: number): boolean {
    const [timeA, timeB] = [this.#times[a] as number, this.#times[b] as number];
    if (timeA !== timeB) return timeA < timeB;
    return (this.#orders[a] as number) < (this.#orders[b] as number);
  }

  #move(from: number, to: number): void {
    this.#put(
      to,
      this.#times[from] as number,
      this.#orders[from] as number,
      this.#actions[from] as Action,
    );
  }

  #put(at: number, time: number, order: number, action: Action): void {
    this.#times[at] = time;
    this.#orders[at] = order;
    this.#actions[at] = action;
  }
}
