/**
 * What several say that run at once, one after the other in their order, so that lines never mix: the
 * first is told as it speaks, the others as soon as all before them have ended.
 */
export class InOrder {
  readonly #print: (line: string) => void;
  readonly #kept = new Map<number, string[]>();
  readonly #ended = new Set<number>();
  #turn = 0;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  /** @param at - whose line it is, counted from 0 */
  say(at: number, line: string): void {
    if (at === this.#turn) this.#print(line);
    else this.#kept.set(at, [...(this.#kept.get(at) ?? []), line]);
  }

  end(at: number): void {
    this.#ended.add(at);
    while (this.#ended.has(this.#turn)) {
      this.#turn++;
      for (const line of this.#kept.get(this.#turn) ?? []) this.#print(line);
      this.#kept.delete(this.#turn);
    }
  }
}

/** Starts them in their order, so many at once. `run` must not throw. */
export async function sideBySide<T>(
  items: Iterable<T>,
  atOnce: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items].values();
  const lane = async (): Promise<void> => {
    for (const item of left) await run(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
