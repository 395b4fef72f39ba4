import { defined } from '../assert.ts';
import type { Json, Operation } from '../history.ts';
import { effectOf } from './effects.ts';

/**
 * Tries every order of one object's history, with nothing shared with the engines or the models:
 * the judge of both in tests. Its only shortcut is not to try again from the same open operations
 * in the same state, so that histories of some dozens of operations by a few clients are within
 * reach.
 *
 * @param operations - ordered by invocation
 * @param model - its name; one of the registers and kv, which their functions tell apart, when absent
 */
export function isLinearizableByBruteForce(
  operations: readonly Operation[],
  model = 'register',
): boolean {
  return new Trial(operations, model).canFinish();
}

class Trial {
  readonly #operations: readonly Operation[];
  /** Completed ones, by completion. */
  readonly #byReturn: readonly number[];
  readonly #isPlaced: Uint8Array;
  /** The same as bits, for the memory. */
  readonly #bits: Int32Array;
  readonly #dead = new Set<string>();
  readonly #initial: Json;
  readonly #apply: (state: Json, operation: Operation) => readonly Json[];
  #open: number;

  constructor(operations: readonly Operation[], model: string) {
    const { initial, apply } = effectOf(model);
    this.#initial = initial;
    this.#apply = apply;
    this.#operations = operations;
    this.#byReturn = [...operations.keys()]
      .filter((at) => this.#at(at).outcome === 'ok')
      .sort((a, b) => this.#at(a).return - this.#at(b).return);
    this.#open = this.#byReturn.length;
    this.#isPlaced = new Uint8Array(operations.length);
    this.#bits = new Int32Array((operations.length + 31) >>> 5);
  }

  canFinish(): boolean {
    return this.#canFinish(this.#initial, 0);
  }

  /** @param returned - all before this place of `#byReturn` are placed */
  #canFinish(state: Json, returned: number): boolean {
    if (this.#open === 0) return true;
    let first = returned;
    while (this.#isPlaced[this.#byReturn[first] as number] === 1) first++;
    const configuration = `${this.#bits.join()} ${JSON.stringify(state)}`;
    if (this.#dead.has(configuration)) return false;
    const end = this.#at(this.#byReturn[first] as number).return;
    for (let at = 0; at < this.#operations.length; at++) {
      const operation = this.#at(at);
      if (operation.invoke > end) break;
      if (this.#isPlaced[at] === 1) continue;
      const change = operation.outcome === 'ok' ? 1 : 0;
      this.#toggle(at, -change);
      for (const next of this.#apply(state, operation)) {
        if (this.#canFinish(next, first)) return true;
      }
      this.#toggle(at, change);
    }
    this.#dead.add(configuration);
    return false;
  }

  #at(at: number): Operation {
    return defined(this.#operations[at], 'an operation');
  }

  #toggle(at: number, open: number): void {
    this.#isPlaced[at] = 1 - (this.#isPlaced[at] as number);
    this.#bits[at >>> 5] = (this.#bits[at >>> 5] as number) ^ (1 << (at & 31));
    this.#open += open;
  }
}
