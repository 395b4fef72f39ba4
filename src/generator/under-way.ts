import type { Asked, Draw } from '../contracts/workload.ts';

/**
 * Which operations of one source are under way. A process has one operation at a time, so its id names
 * it; completions of what others drew are not in here.
 */
export class UnderWay {
  readonly #processes = new Set<number>();

  get size(): number {
    return this.#processes.size;
  }

  /** Takes note of what was drawn. @returns the draw */
  noted(draw: Draw, { process }: Asked): Draw {
    if (draw.type === 'invoke') this.#processes.add(process);
    return draw;
  }

  /** @returns whether it was one of these */
  end(process: number): boolean {
    return this.#processes.delete(process);
  }
}
