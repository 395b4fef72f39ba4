import { LineWriter } from './line-writer.ts';

/** `run.log`: what happened, for people, one line each with the time of day (UTC). */
export class RunLog implements Disposable {
  readonly #writer: LineWriter;

  constructor(path: string) {
    this.#writer = new LineWriter(path);
  }

  /** @param text - several lines are indented below the first */
  line(text: string): void {
    const [first = '', ...more] = text.trimEnd().split('\n');
    this.#writer.append(`${new Date().toISOString()}  ${first}`);
    for (const next of more) this.#writer.append(`    ${next}`);
    this.#writer.flush();
  }

  [Symbol.dispose](): void {
    this.#writer.close();
  }
}
