import type { Invocation } from '../src/contracts/client.ts';
import type { Generator, Workload, WorkloadOptions } from '../src/contracts/workload.ts';
import { defined } from '../src/lib/assert.ts';
import type { Random } from '../src/lib/prng.ts';

/** Keys that are active at a time. */
const SLOTS = 8;
/** Written values of a key that a CAS may still expect. */
const VALUES_REMEMBERED = 8;
/** Keys that are read at the end. */
const FINAL_KEYS_MAX = 32;

const READ_SHARE = 0.5;
const WRITE_SHARE = 0.35;
/** How often a CAS expects the value handed out last, and not an older one. */
const LATEST_SHARE = 0.8;

/** One key and what was handed out for it. */
interface ActiveKey {
  readonly key: string;
  operationsLeft: number;
  nextValue: number;
  /** Handed out for writing, newest last: nobody knows yet which of them were applied. */
  readonly recentValues: number[];
}

/**
 * Independent registers with read, write and compare-and-set.
 *
 * Each key gets `keyOps` operations, then a new one takes its place: deciding one register is
 * exponential in the worst case, so histories are kept short per key, not per run.
 */
export const register: Workload = {
  name: 'register',
  model: 'cas-register',
  functions: ['read', 'write', 'cas'],
  mutations: ['write', 'cas'],
  effect({ f, value }, ok) {
    switch (f) {
      case 'read':
        return { type: 'read', value: ok.value };
      case 'write':
        return { type: 'wrote', value };
      case 'cas':
        if (ok.applied === false || !Array.isArray(value)) return undefined;
        return { type: 'wrote', value: defined(value[1], 'a CAS has a new value') };
      default:
        return undefined;
    }
  },
  generator: (options, random) => new RegisterGenerator(options, random),
};

class RegisterGenerator implements Generator {
  readonly #options: WorkloadOptions;
  readonly #random: Random;
  readonly #slots: ActiveKey[] = [];
  /** Keys in the order of their beginnings: the last ones are read at the end. */
  readonly #latelyActive: string[] = [];
  #finished: string[] = [];
  #keys = 0;

  constructor(options: WorkloadOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    for (let i = 0; i < SLOTS; i++) this.#slots.push(this.#newKey());
  }

  next(): Invocation {
    const slot = this.#drawSlot();
    const active = defined(this.#slots[slot], 'a slot always holds a key');
    const invocation = this.#draw(active);
    active.operationsLeft--;
    if (active.operationsLeft <= 0) this.#replace(slot);
    return invocation;
  }

  finalReads(): readonly Invocation[] {
    const active = this.#slots.map((slot) => slot.key);
    // A key of the slowest slot may have begun long ago: the active ones are read whatever their age.
    const retired = this.#latelyActive.filter((key) => !active.includes(key));
    const keys = [...retired.slice(active.length - FINAL_KEYS_MAX), ...active];
    return keys.map((key) => ({ f: 'read', key, value: null }));
  }

  takeFinishedKeys(): readonly string[] {
    const finished = this.#finished;
    this.#finished = [];
    return finished;
  }

  /**
   * Slot i has weight 1/(i+1)². With equal weights every key would turn over at one speed. Unequal
   * ones give both kinds of history that find violations: hot keys, where all clients are at the
   * same register at once, and cold keys, which live for seconds and so hold values from before a
   * fault, during it and after it.
   */
  #drawSlot(): number {
    let point = this.#random.float() * TOTAL_WEIGHT;
    for (let i = 0; i < SLOTS; i++) {
      point -= weight(i);
      if (point < 0) return i;
    }
    return SLOTS - 1;
  }

  #draw(active: ActiveKey): Invocation {
    const { key } = active;
    const share = this.#random.float();
    if (share < READ_SHARE) return { f: 'read', key, value: null };
    // Without a value that was handed out no CAS could succeed.
    if (share < READ_SHARE + WRITE_SHARE || active.recentValues.length === 0) {
      return { f: 'write', key, value: this.#newValue(active) };
    }
    const from = this.#expectedValue(active);
    return { f: 'cas', key, value: [from, this.#newValue(active)] };
  }

  #expectedValue({ recentValues }: ActiveKey): number {
    const latest = defined(recentValues.at(-1), 'a value was handed out');
    return this.#random.float() < LATEST_SHARE ? latest : this.#random.pick(recentValues);
  }

  /** Unique per key unless asked otherwise: then a read names the one write that it saw. */
  #newValue(active: ActiveKey): number {
    const { values } = this.#options;
    const value =
      values === undefined ? active.nextValue++ : this.#random.integer(0, Math.max(values, 1) - 1);
    active.recentValues.push(value);
    if (active.recentValues.length > VALUES_REMEMBERED) active.recentValues.shift();
    return value;
  }

  #replace(slot: number): void {
    const { key } = defined(this.#slots[slot], 'a slot always holds a key');
    this.#slots[slot] = this.#newKey();
    this.#finishUnused([key]);
  }

  /** A key in use, or one that the final reads may still name, is not finished. */
  #finishUnused(keys: readonly string[]): void {
    const isUsed = (key: string): boolean =>
      this.#latelyActive.includes(key) || this.#slots.some((slot) => slot.key === key);
    this.#finished.push(...keys.filter((key) => !isUsed(key)));
  }

  #newKey(): ActiveKey {
    const key = `k${this.#keys++}`;
    this.#latelyActive.push(key);
    if (this.#latelyActive.length > FINAL_KEYS_MAX) {
      this.#finishUnused(this.#latelyActive.splice(0, 1));
    }
    return { key, operationsLeft: this.#options.keyOps, nextValue: 0, recentValues: [] };
  }
}

function weight(slot: number): number {
  return 1 / (slot + 1) ** 2;
}

const TOTAL_WEIGHT = Array.from({ length: SLOTS }, (_, i) => weight(i)).reduce((a, b) => a + b, 0);
