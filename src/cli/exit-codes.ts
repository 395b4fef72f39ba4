/** What `gong` ends with: DESIGN, "Exit codes". */
export const EXIT = {
  pass: 0,
  /** Returned in one place only, from a verdict that says invalid. */
  violation: 1,
  /** A budget ran out. */
  unknown: 2,
  thresholdBroken: 3,
  regression: 4,
  provedNothing: 5,
  /** Usage, config or malformed input. */
  usage: 64,
  /** A bug in Gong. */
  bug: 70,
  infrastructure: 75,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** When several apply. Nothing masks a violation. */
const PRECEDENCE: readonly ExitCode[] = [
  EXIT.violation,
  EXIT.bug,
  EXIT.interrupted,
  EXIT.terminated,
  EXIT.infrastructure,
  EXIT.usage,
  EXIT.provedNothing,
  EXIT.unknown,
  EXIT.thresholdBroken,
  EXIT.regression,
  EXIT.pass,
];

/** The one that counts. */
export function worstExit(codes: readonly ExitCode[]): ExitCode {
  return PRECEDENCE.find((code) => codes.includes(code)) ?? EXIT.pass;
}
