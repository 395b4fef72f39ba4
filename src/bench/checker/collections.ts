import type { Random } from '../../lib/prng.ts';
import type { Call, Invocation, Simulated } from './history.ts';

/** A FIFO queue of unique values; what is planted is an element that is lost. */
export class SimulatedQueue implements Simulated {
  readonly #random: Random;
  readonly #elements: { readonly value: number; readonly call: Call }[] = [];
  /** Enqueues that were acknowledged. */
  readonly #returned = new Map<Call, number>();
  #head = 0;
  #next = 1;
  #isPlanting = false;
  #hasLost = false;

  constructor(random: Random) {
    this.#random = random;
  }

  invoke({ position, isCrashed, isPlanting }: Invocation): Call {
    this.#isPlanting ||= isPlanting;
    // A backlog of some dozens, most of the time.
    const isEnqueue = this.#random.float() < (this.#elements.length - this.#head < 50 ? 0.6 : 0.4);
    const f = isEnqueue ? 'enqueue' : 'dequeue';
    const input = isEnqueue ? String(this.#next++) : 'null';
    return { ...fresh(f, input, position), isCrashed };
  }

  apply(call: Call): boolean {
    if (call.f === 'enqueue') {
      call.output = call.input;
      this.#elements.push({ value: Number(call.input), call });
      return true;
    }
    if (this.#isPlanting) this.#lose();
    const element = this.#elements[this.#head];
    if (element !== undefined) this.#head++;
    call.output = element === undefined ? 'null' : String(element.value);
    if (element !== undefined) this.#returned.delete(element.call);
    return true;
  }

  end(call: Call, position: number): void {
    if (call.f === 'enqueue' && !call.isCrashed) this.#returned.set(call, position);
  }

  /** Takes out the oldest element when the next one was certainly enqueued after it. */
  #lose(): void {
    const [first, second] = [this.#elements[this.#head], this.#elements[this.#head + 1]];
    if (this.#hasLost || first === undefined || second === undefined) return;
    const returned = this.#returned.get(first.call);
    if (returned === undefined || returned >= second.call.invokedAt) return;
    this.#hasLost = true;
    this.#head++;
  }
}

/** A set that only grows, read as a whole; what is planted is an add that a later read misses. */
export class SimulatedSet implements Simulated {
  readonly #random: Random;
  readonly #readShare: number;
  readonly #elements: number[] = [];
  #next = 1;
  /** The last add that was acknowledged. */
  #acknowledged: { readonly value: number; readonly returnedAt: number } | undefined;
  #isPlanting = false;
  #isPlanted = false;

  constructor(random: Random, readShare: number) {
    this.#random = random;
    this.#readShare = readShare;
  }

  invoke({ position, isCrashed, isPlanting }: Invocation): Call {
    this.#isPlanting ||= isPlanting;
    const mustRead = this.#isPlanting && !this.#isPlanted && !isCrashed;
    const isRead = mustRead || this.#random.float() < this.#readShare;
    return isRead
      ? { ...fresh('read', 'null', position), isCrashed }
      : { ...fresh('add', String(this.#next++), position), isCrashed };
  }

  apply(call: Call): boolean {
    if (call.f === 'add') {
      call.output = call.input;
      this.#elements.push(Number(call.input));
      return true;
    }
    const missed = this.#missedBy(call);
    const seen = missed === undefined ? this.#elements : this.#elements.filter((e) => e !== missed);
    call.output = `[${seen.join(',')}]`;
    return true;
  }

  end(call: Call, position: number): void {
    if (call.f === 'add' && !call.isCrashed) {
      this.#acknowledged = { value: Number(call.input), returnedAt: position };
    }
  }

  #missedBy(call: Call): number | undefined {
    const add = this.#acknowledged;
    if (!this.#isPlanting || this.#isPlanted || call.isCrashed || add === undefined) {
      return undefined;
    }
    if (add.returnedAt >= call.invokedAt) return undefined;
    this.#isPlanted = true;
    return add.value;
  }
}

/** A mutex; what is planted is a lock that two hold. */
export class SimulatedLock implements Simulated {
  /** The client that holds it. */
  #holder: number | undefined;
  readonly #clientOf = new Map<Call, number>();
  /** Its `acquire` was answered, and it has not asked to release. */
  #isHeldForCertain = false;
  #isPlanting = false;
  #planted: Call | undefined;
  #isPlanted = false;
  readonly #holding = new Set<number>();

  invoke({ client, position, isCrashed, isPlanting }: Invocation): Call | undefined {
    this.#isPlanting ||= isPlanting;
    const isHolding = this.#holding.has(client);
    const waitsForPlant = this.#isPlanting && !this.#isPlanted;
    // Whoever holds it while the violation is made keeps it until then.
    if (isHolding && waitsForPlant) return undefined;
    if (isHolding) this.#isHeldForCertain = false;
    const call = { ...fresh(isHolding ? 'release' : 'acquire', 'null', position), isCrashed };
    this.#clientOf.set(call, client);
    return call;
  }

  apply(call: Call): boolean {
    const client = this.#clientOf.get(call);
    if (call.f === 'release') {
      this.#holder = undefined;
      call.output = 'null';
      return true;
    }
    if (this.#holder !== undefined) {
      const mayPlant = this.#isPlanting && !this.#isPlanted && this.#planted === undefined;
      if (!mayPlant || !this.#isHeldForCertain || call.isCrashed) return false;
      this.#planted = call;
      call.output = 'null';
      return true;
    }
    this.#holder = client;
    call.output = 'null';
    return true;
  }

  end(call: Call): void {
    const client = this.#clientOf.get(call);
    this.#clientOf.delete(call);
    if (client === undefined) return;
    if (call === this.#planted) {
      this.#isPlanted = true;
      return;
    }
    if (call.f === 'release') this.#holding.delete(client);
    else if (this.#holder === client) {
      this.#holding.add(client);
      this.#isHeldForCertain = true;
    }
  }
}

function fresh(f: string, input: string, invokedAt: number): Omit<Call, 'isCrashed'> {
  return { f, input, invokedAt, output: undefined, isFailed: false, isObservation: false };
}
