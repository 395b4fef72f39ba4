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
  /** The generator to draw from, and to tell of completions. */
  readonly generator: Generator;

  constructor(generator: Generator, tell: (key: string) => void) {
    this.#tell = tell;
    const takeFinished = (): void => {
      for (const key of generator.takeFinishedKeys()) this.#finish(key);
    };
    this.generator = {
      next: (asked) => {
        const draw = generator.next(asked);
        if (draw.type === 'invoke') this.#begin(draw.invocation);
        takeFinished();
        return draw;
      },
      completed: (process, invocation, completion) => {
        generator.completed?.(process, invocation, completion);
        takeFinished();
        this.#end(invocation);
      },
      finalReads: () => generator.finalReads(),
      takeFinishedKeys: () => [],
    };
  }

  #begin({ key }: Invocation): void {
    if (key !== undefined) this.#underWay.set(key, (this.#underWay.get(key) ?? 0) + 1);
  }

  #end({ key }: Invocation): void {
    const count = key === undefined ? undefined : this.#underWay.get(key);
    if (key === undefined || count === undefined) return;
    if (count > 1) {
      this.#underWay.set(key, count - 1);
      return;
    }
    this.#underWay.delete(key);
    if (this.#finishing.delete(key)) this.#tell(key);
  }

  #finish(key: string): void {
    if (this.#underWay.has(key)) this.#finishing.add(key);
    else this.#tell(key);
  }
}
