/** How much, and from where. */
export interface FuzzOptions {
  /** Bad inputs to make. */
  readonly inputs: number;
  readonly seed: number;
  /** Of a failure that is to be seen again. */
  readonly path?: string | undefined;
  readonly log: (line: string) => void;
}

/** What became of the inputs, in words and numbers for people. */
export interface FuzzReport {
  readonly inputs: number;
  /** How often each thing happened. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Makes bad inputs and gives them to one part of the node.
 *
 * @throws when one of them does harm, with the smallest such input that was found and how to see it again
 */
export type FuzzTarget = (options: FuzzOptions) => Promise<FuzzReport>;

/** Counts by name. */
export class Tally {
  readonly counts: Record<string, number> = {};

  add(name: string, count: number = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + count;
  }
}
