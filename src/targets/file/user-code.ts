import { AsyncLocalStorage } from 'node:async_hooks';
import { UserError } from '../../lib/user-error.ts';
import { errorText } from './error-text.ts';

/** What stands in for Gong's own patience when code of a target file does not come back. */
export class Overdue extends Error {
  override readonly name = 'Overdue';
}

/** Where we are when code of a target file runs, and all that it started: timers, sockets, promises. */
const here = new AsyncLocalStorage<UserCode>();

/**
 * The code of one target file, fenced in: it may throw, hang, let errors escape into the void, or end
 * the process, and none of that may look like a bug in Gong or like a fault of the store.
 */
export class UserCode {
  readonly #file: string;
  /** The first error that escaped, if any: nobody awaited it, so it is handed on to whoever asks next. */
  #escaped: UserError | undefined;

  /** @param file - as the user named it */
  constructor(file: string) {
    this.#file = file;
  }

  get file(): string {
    return this.#file;
  }

  get escaped(): UserError | undefined {
    return this.#escaped;
  }

  /** @throws the error that escaped, if one did */
  throwEscaped(): void {
    if (this.#escaped !== undefined) throw this.#escaped;
  }

  run<T>(act: () => T): T {
    return here.run(this, act);
  }

  /**
   * What `act` comes to. Its promise may settle later than the limit, and then belongs to nobody.
   *
   * @throws Overdue after `limitMs`; whatever `act` throws
   */
  async within<T>(limitMs: number, act: () => T | Promise<T>): Promise<T> {
    const limit = Promise.withResolvers<never>();
    // Not ended by the end of `act`'s own process: without a timer an endless wait would end gong.
    const timer = setTimeout(() => {
      limit.reject(new Overdue(`it did not end within ${Math.round(limitMs)} ms`));
    }, limitMs);
    try {
      const acting = this.run(async () => act());
      return await Promise.race([acting, limit.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Takes an error that nobody caught. */
  noteEscaped(error: unknown): void {
    this.#escaped ??= new UserError({
      kind: 'usage',
      code: 'GONG-E146',
      what: `${this.#file} let an error escape: ${errorText(error)}`,
      why: 'its code started something that failed, and neither awaited it nor listened for its errors',
      fix: "await every promise, and add .on('error', …) to every socket and emitter",
      cause: error,
    });
  }
}

/**
 * Tells whether an error that nobody caught came out of a target file's code; then it is noted there
 * and gong goes on to an orderly end.
 */
export function isFromUserCode(error: unknown): boolean {
  const code = here.getStore();
  code?.noteEscaped(error);
  return code !== undefined;
}

/** To be asked when the process is about to end: an error when code of a target file ended it. */
export function endedTheProcess(): UserError | undefined {
  const code = here.getStore();
  if (code === undefined) return undefined;
  return new UserError({
    kind: 'usage',
    code: 'GONG-E156',
    what: `${code.file} ended the process`,
    why: 'its code called process.exit, or something that it uses did',
    fix: 'throw an error instead: Gong contains it, heals, and judges what was recorded',
  });
}
