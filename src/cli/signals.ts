import { EXIT, type ExitCode } from './exit-codes.ts';

/** A second signal within this time is the same one: a terminal's Ctrl-C may arrive twice. */
const SAME_SIGNAL_MS = 1000;

export interface Signals extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** What to exit with, once interrupted. */
  readonly exit: ExitCode | undefined;
}

/**
 * The first SIGINT, SIGTERM or SIGHUP asks for an orderly end; another one, a second later or more,
 * ends the process at once (a local cluster's guardian then stops its nodes).
 *
 * @param consequence - what happens now, for the person who pressed the key
 * @param say - where to say it: something may be drawn on the terminal
 */
export function onSignals(
  consequence: string,
  say: (text: string) => void = (text) => void process.stderr.write(text),
): Signals {
  const controller = new AbortController();
  let exit: ExitCode | undefined;
  let firstAt = 0;
  const listen =
    (code: ExitCode): (() => void) =>
    () => {
      const now = performance.now();
      if (exit === undefined) {
        exit = code;
        firstAt = now;
        say(`\ninterrupted: ${consequence}\n`);
        controller.abort();
      } else if (now - firstAt > SAME_SIGNAL_MS) process.exit(exit);
    };
  const listeners = new Map<NodeJS.Signals, () => void>([
    ['SIGINT', listen(EXIT.interrupted)],
    ['SIGTERM', listen(EXIT.terminated)],
    ['SIGHUP', listen(EXIT.terminated)],
  ]);
  for (const [name, listener] of listeners) process.on(name, listener);
  return {
    signal: controller.signal,
    get exit() {
      return exit;
    },
    [Symbol.dispose]() {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
