/** What one scenario is given. */
export interface ScenarioContext {
  /** CI runs the short form: the same, fewer times. */
  readonly isShort: boolean;
  /** Marks every process that this scenario starts. */
  readonly id: string;
  /** One line that says what was seen. */
  readonly say: (line: string) => void;
}

export interface Scenario {
  readonly name: string;
  /** What is promised, one line. */
  readonly promise: string;
  /**
   * What it proves depends on times, or it works so little that such a one may run beside it: the short
   * form keeps these apart from the others.
   */
  readonly isQuiet?: boolean;
  /** @throws when it is not kept */
  readonly run: (context: ScenarioContext) => Promise<void>;
}

/** @throws with `message` when `condition` does not hold */
export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
