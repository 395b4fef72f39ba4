import type { Operation } from '../../checker/index.ts';
import type { Part } from './part.ts';
import type { Proved } from './prove.ts';

/** What is held of one key while it is not decided. */
export class KeyHistory {
  readonly key: string | undefined;
  /** In order of invocation; undefined where one is under way, or failed. */
  readonly #slots: (Operation | undefined)[] = [];
  #underWay = 0;
  /** Something ended since this was last set to false. */
  hasNews: boolean = false;
  /** It is not looked at before, unless it is finished. */
  restsUntilNs: number = 0;
  /** A violation that was found already, and the operations that it was found in. */
  known: { readonly proved: Proved; readonly part: Part } | undefined;

  constructor(key: string | undefined) {
    this.key = key;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get invocations(): number {
    return this.#slots.length;
  }

  /** @returns the slot of the operation that begins */
  begin(): number {
    this.#underWay++;
    return this.#slots.push(undefined) - 1;
  }

  /** @param operation - undefined: it certainly did not happen */
  end(slot: number, operation: Operation | undefined): void {
    this.#underWay--;
    this.#slots[slot] = operation;
    this.hasNews = true;
  }

  /** @param underWay - those that have not ended, by slot, as they are to count; left out otherwise */
  operations(underWay?: ReadonlyMap<number, Operation>): readonly Operation[] {
    const all = this.#slots.map((operation, slot) => operation ?? underWay?.get(slot));
    return all.filter((operation) => operation !== undefined);
  }
}
