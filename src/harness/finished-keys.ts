import type { Invocation } from '../contracts/client.ts';
import type { Generator } from '../contracts/workload.ts';

/**
 * Tells of each key, once, that its history is complete: the generator will not name it again, and
 * whatever it drew for it has been invoked and has ended. An operation that is drawn and never ends
 * keeps its key open.
 */
export class FinishedKeys {
  readonly #tell: (key: string) => void;
  /** Operations that were drawn and have not ended. */
  readonly #underWay = new Map<string, number>();
  /** Finished, but for what is under way. */
  readonly #finishing = new Set<string>();
  /** The generator to draw from. */
  readonly generator: Generator;

  constructor(generator: Generator, tell: (key: string) => void) {
    this.#tell = tell;
    this.generator = {
      next: (process) => {
        const invocation = generator.next(process);
        this.#begin(invocation);
        for (const key of generator.takeFinishedKeys()) this.#finish(key);
        return invocation;
      },
      finalReads: () => generator.finalReads(),
      takeFinishedKeys: () => [],
    };
  }

  /** Takes an operation that has ended. Final reads are not drawn, and are of no finished key. */
  ended({ key }: Invocation): void {
    const count = key === undefined ? undefined : this.#underWay.get(key);
    if (key === undefined || count === undefined) return;
    if (count > 1) {
      this.#underWay.set(key, count - 1);
      return;
    }
    this.#underWay.delete(key);
    if (this.#finishing.delete(key)) this.#tell(key);
  }

  #begin({ key }: Invocation): void {
    if (key !== undefined) this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1);
  }

  #finish(key: string): void {
    if (this.#underWay.has(key)) this.#finishing.add(key);
    else this.#tell(key);
  }
}
