import { BadRequest } from './bad-request.ts';
import type { Tunables } from './config.ts';
import { EXPIRY_MS_MAX } from '../kv/limits.ts';
import type { Value } from '../kv/value.ts';

/** What the API takes; bytes of UTF-8, and of a whole body. */
export type ApiLimits = Pick<Tunables, 'maxKeyBytes' | 'maxValueBytes' | 'maxBodyBytes'>;

/** A field of a body, which is what JSON made of what somebody sent; undefined when it is not there. */
export function fieldOf(body: object, name: string): unknown {
  // Its own ones only: a body may hold anything, a prototype holds more.
  return Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined;
}

/** @throws BadRequest */
export function parseValue(body: object, name: string, { maxValueBytes }: ApiLimits): Value {
  const value = fieldOf(body, name);
  if (value === null) return null;
  // A lone surrogate has no UTF-8: it would come back as another string.
  if (typeof value !== 'string' || !value.isWellFormed()) {
    throw new BadRequest(400, `${name} must be a string or null`);
  }
  if (Buffer.byteLength(value) > maxValueBytes) {
    throw new BadRequest(413, `${name} is longer than ${maxValueBytes} bytes`);
  }
  return value;
}

/** @throws BadRequest */
export function parseText(body: object, name: string, limits: ApiLimits): string {
  const value = parseValue(body, name, limits);
  if (value === null) throw new BadRequest(400, `${name} must be a string`);
  return value;
}

/** @throws BadRequest */
export function parseKey(encoded: string, limits: ApiLimits): string {
  let key: string;
  try {
    key = decodeURIComponent(encoded);
  } catch {
    throw new BadRequest(400, 'the key is not percent-encoded UTF-8');
  }
  return checkKey(key, 'the key', limits);
}

/** A key that stands in a body. @throws BadRequest */
export function parseKeyField(body: object, name: string, limits: ApiLimits): string {
  const key = fieldOf(body, name);
  if (typeof key !== 'string' || key === '' || !key.isWellFormed()) {
    throw new BadRequest(400, `${name} must be a string that is not empty`);
  }
  return checkKey(key, name, limits);
}

/** Names people give: as long as a key may be. @throws BadRequest */
export function checkKey(key: string, what: string, { maxKeyBytes }: ApiLimits): string {
  if (Buffer.byteLength(key) > maxKeyBytes) {
    throw new BadRequest(400, `${what} is longer than ${maxKeyBytes} bytes`);
  }
  return key;
}

/** @throws BadRequest */
export function parseInteger(
  body: object,
  name: string,
  [min, max]: readonly [number, number],
): number {
  const value = fieldOf(body, name);
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) {
    // JSON has a -0, and no text of an integer is one.
    return value + 0;
  }
  throw new BadRequest(400, `${name} must be an integer from ${min} to ${max}`);
}

/** How long something is kept. @throws BadRequest */
export function parseTtlMs(body: object): number {
  return parseInteger(body, 'ttlMs', [1, EXPIRY_MS_MAX]);
}
