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
   * It judges times to the millisecond, or leaves the machine to such a one: the short form keeps these
   * apart from the others.
   */
  readonly isQuiet?: boolean;
  /** @throws when it is not kept */
  readonly run: (context: ScenarioContext) => Promise<void>;
}

/** @throws with `message` when `condition` does not hold */
export function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
