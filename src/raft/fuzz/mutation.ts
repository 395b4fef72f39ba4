import fc from 'fast-check';
import { assertNever } from '../../lib/assert.ts';

/** One damage to a run of bytes. Places are taken modulo the length of what is damaged. */
export type Mutation =
  | { readonly type: 'flip'; readonly at: number; readonly bit: number }
  | { readonly type: 'zero'; readonly at: number; readonly length: number }
  | { readonly type: 'number'; readonly at: number; readonly value: number }
  | { readonly type: 'copy'; readonly at: number; readonly from: number; readonly length: number }
  | { readonly type: 'truncate'; readonly at: number }
  | { readonly type: 'remove'; readonly at: number; readonly length: number }
  | { readonly type: 'insert'; readonly at: number; readonly bytes: Uint8Array };

/** From the first byte to behind the last that may be another one now. */
export interface Touched {
  readonly start: number;
  readonly end: number;
}

const at = fc.nat({ max: 0xff_ffff });
const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 4096 }));
/** What lengths, counts, versions and kinds are wrong with. */
const number = fc.constantFrom(0, 1, 2, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff);

export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('flip'), at, bit: fc.nat({ max: 7 }) }) },
  fc.record({ type: fc.constant('zero'), at, length }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('number'), at, value: number }) },
  fc.record({ type: fc.constant('copy'), at, from: at, length }),
  fc.record({ type: fc.constant('truncate'), at }),
  fc.record({ type: fc.constant('remove'), at, length }),
  fc.record({
    type: fc.constant('insert'),
    at,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  }),
);

/** At least one. */
export const mutations: fc.Arbitrary<Mutation[]> = fc.array(mutation, {
  minLength: 1,
  maxLength: 4,
});

/** A damaged copy, and where it may differ; places of the original, to its end where they moved. */
export function mutate(
  original: Uint8Array,
  list: readonly Mutation[],
): { readonly bytes: Uint8Array; readonly touched: Touched } {
  let bytes = new Uint8Array(original);
  let touched: Touched = { start: original.length, end: 0 };
  for (const one of list) {
    if (bytes.length === 0 && one.type !== 'insert') continue;
    const start = bytes.length === 0 ? 0 : one.at % bytes.length;
    const result = apply(bytes, one, start);
    bytes = result.bytes;
    touched = {
      start: Math.min(touched.start, start),
      end: Math.max(touched.end, result.end),
    };
  }
  return { bytes, touched };
}

function apply(
  bytes: Uint8Array<ArrayBuffer>,
  one: Mutation,
  start: number,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly end: number } {
  switch (one.type) {
    case 'flip':
      bytes[start] = (bytes[start] ?? 0) ^ (1 << one.bit);
      return { bytes, end: start + 1 };
    case 'zero': {
      const end = Math.min(bytes.length, start + one.length);
      return { bytes: bytes.fill(0, start, end), end };
    }
    case 'number': {
      const big = Uint8Array.of(
        one.value >>> 24,
        (one.value >>> 16) & 255,
        (one.value >>> 8) & 255,
        one.value & 255,
      );
      const end = Math.min(bytes.length, start + 4);
      bytes.set(big.subarray(0, end - start), start);
      return { bytes, end };
    }
    case 'copy': {
      const from = one.from % bytes.length;
      const part = bytes.slice(from, Math.min(from + one.length, from + bytes.length - start));
      bytes.set(part, start);
      return { bytes, end: start + part.length };
    }
    case 'truncate':
      return { bytes: bytes.slice(0, start), end: Infinity };
    case 'remove':
      return {
        bytes: joined(bytes.subarray(0, start), bytes.subarray(start + one.length)),
        end: Infinity,
      };
    case 'insert':
      return {
        bytes: joined(bytes.subarray(0, start), one.bytes, bytes.subarray(start)),
        end: Infinity,
      };
    default:
      return assertNever(one);
  }
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}
