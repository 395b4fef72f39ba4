import { createHash, timingSafeEqual } from 'node:crypto';
import fs from 'node:fs';
import { UserError } from '../../lib/user-error.ts';

const LENGTH_MIN = 16;

/** A secret that nodes and clients share. It never appears in a log, an answer or a metric. */
export class SharedToken {
  readonly #text: string;
  readonly #digest: Buffer;

  /** @param text - printable ASCII without spaces: it travels in an HTTP header */
  constructor(text: string) {
    this.#text = text;
    this.#digest = digestOf(text);
  }

  /** Takes as long for a near miss as for any other: digests of one length are compared. */
  matches(presented: string): boolean {
    return timingSafeEqual(this.#digest, digestOf(presented));
  }

  /** `Authorization: Bearer TOKEN`; the scheme in any case (RFC 7235 §2.1). */
  matchesHeader(authorization: string | undefined): boolean {
    const presented = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    return presented !== undefined && this.matches(presented);
  }

  /** For a peer that asks for it. */
  reveal(): string {
    return this.#text;
  }
}

/** @throws UserError (`usage`): the file cannot be read, or holds no token */
export function readTokenFile(path: string): SharedToken {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw refused(path, 'cannot be read', String(cause), cause);
  }
  if (!/^[\x21-\x7e]+$/.test(text)) {
    throw refused(path, 'holds no token', 'a token is printable ASCII without spaces, in one line');
  }
  if (text.length < LENGTH_MIN) {
    throw refused(path, 'holds a short token', `a token has at least ${LENGTH_MIN} characters`);
  }
  return new SharedToken(text);
}

function refused(path: string, what: string, why: string, cause?: unknown): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E058',
    what: `the token file ${path} ${what}`,
    why,
    fix: 'for example: openssl rand -hex 32 > FILE; chmod 600 FILE',
    cause,
  });
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
