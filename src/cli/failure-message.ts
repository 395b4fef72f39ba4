import { onOneLine } from '../lib/one-line.ts';
import { UserError } from '../lib/user-error.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** Thrown on the command line itself: what the option takes, and what it got. */
export function usageError(parts: {
  readonly code: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}): UserError {
  return new UserError({ kind: 'usage', ...parts });
}

/** The exit code of something that was thrown; never a violation. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof UserError)) return EXIT.bug;
  return error.kind === 'usage' ? EXIT.usage : EXIT.infrastructure;
}

/**
 * One screen for people: code, what, why, fix; for a bug its name and where to send it. What it quotes of
 * a file says nothing to the terminal.
 *
 * @param log - where the stack is written down, if it is
 */
export function failureMessage(error: unknown, log?: string): string {
  if (error instanceof UserError) {
    const lines = [
      `${error.code}  ${error.message}`,
      `  why   ${error.why}`,
      `  fix   ${error.fix}`,
    ];
    const where = error.log ?? log;
    if (where !== undefined) lines.push(`  log   ${where}`);
    return screenOf(lines);
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const lines = [
    `GONG-E070  a bug in Gong: ${message}`,
    '  why   something happened that cannot happen; this says nothing about the system under test',
    '  fix   please report it with the command and the stack (--verbose prints it)',
  ];
  if (log !== undefined) lines.push(`  log   ${log}`);
  return screenOf(lines);
}

/** Line breaks stay: some reasons have several lines. */
function screenOf(lines: readonly string[]): string {
  return lines.join('\n').split('\n').map(onOneLine).join('\n').concat('\n');
}

/** For --verbose. */
export function stackOf(error: unknown): string {
  return error instanceof Error ? `${error.stack ?? error.message}\n` : `${String(error)}\n`;
}
