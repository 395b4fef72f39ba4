import type { Random } from '../../lib/prng.ts';
import type { Call, HistoryOptions, Invocation, Simulated } from './history.ts';

interface RegisterCall extends Call {
  /** What it makes of the register; 0 for a read. */
  readonly produces: number;
  /** What a CAS expects. */
  readonly expects: number;
  /** The value that this read returns whatever the register holds. */
  readonly planted: number | undefined;
}

/** A write that was acknowledged. */
interface Acknowledged {
  readonly value: number;
  readonly invokedAt: number;
  readonly returnedAt: number;
}

const REMEMBERED = 512;

/** A register with CAS. 0 stands for absent. */
export class SimulatedRegister implements Simulated {
  readonly #options: HistoryOptions;
  readonly #random: Random;
  #state = 0;
  #written = 0;
  #acknowledged: Acknowledged[] = [];
  // What planting among few values needs: who may still make each value.
  readonly #pending: Int32Array;
  readonly #crashed: Int32Array;
  readonly #lastReturn: Int32Array;
  #avoided = 0;
  #plantsLeft = -1;
  #lastPlantReturn = -1;
  #isPlantPending = false;

  constructor(options: HistoryOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    const values = (options.values ?? 0) + 1;
    this.#pending = new Int32Array(values);
    this.#crashed = new Int32Array(values);
    this.#lastReturn = new Int32Array(values).fill(-1);
  }

  invoke({ position, isCrashed, isPlanting }: Invocation): Call {
    const { casShare = 0 } = this.#options;
    const drawn = this.#random.float();
    const common = { invokedAt: position, output: undefined, isFailed: false, isCrashed };
    const base = { ...common, isObservation: false, planted: undefined, expects: 0 };
    if (isPlanting && this.#plantsLeft < 0) this.#beginPlanting();
    if (drawn >= casShare && drawn < casShare + (1 - casShare) / 2) {
      const planted = this.#plantsLeft > 0 && !isCrashed ? this.#stale(position) : undefined;
      if (planted !== undefined) this.#isPlantPending = true;
      const read: RegisterCall = { ...base, f: 'read', input: 'null', produces: 0, planted };
      return read;
    }
    const produces = this.#draw();
    this.#count(produces, isCrashed, 1);
    if (drawn >= casShare) {
      const write: RegisterCall = { ...base, f: 'write', input: String(produces), produces };
      return write;
    }
    const expects = this.#expected();
    const input = `[${expects === 0 ? 'null' : expects},${produces}]`;
    const cas: RegisterCall = { ...base, f: 'cas', input, produces, expects };
    return cas;
  }

  apply(call: RegisterCall): boolean {
    if (call.f === 'read') {
      const value = call.planted ?? this.#state;
      call.output = value === 0 ? 'null' : String(value);
      return true;
    }
    call.output = call.input;
    if (call.f === 'cas' && this.#state !== call.expects) {
      call.isObservation = this.#options.isCasObserved === true;
      call.isFailed = !call.isObservation;
      return true;
    }
    this.#state = call.produces;
    return true;
  }

  end(call: RegisterCall, position: number): void {
    if (call.planted !== undefined) {
      this.#plantsLeft--;
      this.#isPlantPending = false;
      this.#lastPlantReturn = position;
      if (this.#plantsLeft === 0) this.#avoided = 0;
    }
    if (call.produces === 0 || call.isCrashed) return;
    this.#count(call.produces, false, -1);
    if (call.isFailed || call.isObservation) return;
    if (this.#options.values !== undefined) this.#lastReturn[call.produces] = position;
    this.#acknowledged.push({
      value: call.produces,
      invokedAt: call.invokedAt,
      returnedAt: position,
    });
    if (this.#acknowledged.length > 2 * REMEMBERED) {
      this.#acknowledged = this.#acknowledged.slice(-REMEMBERED);
    }
  }

  #count(value: number, isCrashed: boolean, change: number): void {
    if (this.#options.values === undefined) return;
    const counts = isCrashed ? this.#crashed : this.#pending;
    counts[value] = (counts[value] ?? 0) + change;
  }

  #draw(): number {
    const { values } = this.#options;
    if (values === undefined) return ++this.#written;
    const value = this.#random.integer(1, values);
    return value === this.#avoided ? (value % values) + 1 : value;
  }

  #expected(): number {
    const { values } = this.#options;
    return values === undefined || this.#random.float() < 0.3
      ? this.#state
      : this.#random.integer(1, values);
  }

  /**
   * Among few values a read is certainly stale only when nobody can have made its value again: from now
   * on nobody writes the one that the fewest crashed operations may still write, and it is read once
   * more than those can explain.
   */
  #beginPlanting(): void {
    const { values } = this.#options;
    this.#plantsLeft = 1;
    if (values === undefined) return;
    let best = 1;
    for (let value = 2; value <= values; value++) {
      if ((this.#crashed[value] ?? 0) < (this.#crashed[best] ?? 0)) best = value;
    }
    this.#avoided = best;
    this.#plantsLeft = 1 + (this.#crashed[best] ?? 0);
  }

  /** A value that a read invoked now cannot return; undefined when there is none for certain. */
  #stale(position: number): number | undefined {
    if (this.#isPlantPending) return undefined;
    if (this.#options.values === undefined) {
      for (const later of this.#acknowledged.toReversed()) {
        if (later.returnedAt >= position) continue;
        const earlier = this.#acknowledged.findLast((one) => one.returnedAt < later.invokedAt);
        if (earlier !== undefined) return earlier.value;
      }
      return undefined;
    }
    const value = this.#avoided;
    if ((this.#pending[value] ?? 0) > 0) return undefined;
    const over = Math.max(this.#lastReturn[value] ?? -1, this.#lastPlantReturn);
    const isOverwritten = this.#acknowledged.some(
      (one) => one.value !== value && one.invokedAt > over,
    );
    return isOverwritten ? value : undefined;
  }
}
