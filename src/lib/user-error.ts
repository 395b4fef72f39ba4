/** What a user sees goes to exit codes by its nature (DESIGN, exit codes). */
export type UserErrorKind = 'usage' | 'infrastructure';

/**
 * An error that a user can act on: a code, what happened, why, and the next step. Shells throw it;
 * the command line prints it and exits 64 (`usage`) or 75 (`infrastructure`).
 */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly kind: UserErrorKind;
  /** `GONG-E031`: stable, searchable. */
  readonly code: string;
  /** The reason, one line. */
  readonly why: string;
  /** The next step, one line. */
  readonly fix: string;
  /** Path of the log that says more, if there is one. */
  readonly log: string | undefined;

  constructor(parts: {
    readonly kind: UserErrorKind;
    readonly code: string;
    readonly what: string;
    readonly why: string;
    readonly fix: string;
    readonly log?: string | undefined;
    readonly cause?: unknown;
  }) {
    super(parts.what, { cause: parts.cause });
    this.kind = parts.kind;
    this.code = parts.code;
    this.why = parts.why;
    this.fix = parts.fix;
    this.log = parts.log;
  }
}
