import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter, DecodeError } from './bytes.ts';

const part = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({ type: fc.constant('u53' as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('text' as const), value: fc.string({ unit: 'binary' }) }),
  fc.record({ type: fc.constant('block' as const), value: fc.uint8Array({ maxLength: 50 }) }),
);

test('what was written is read again, however often the buffer had to grow', () => {
  fc.assert(
    fc.property(fc.array(part), fc.integer({ min: 0, max: 9 }), (parts, capacity) => {
      const writer = new ByteWriter(capacity);
      for (const { type, value } of parts) {
        if (type === 'text') writer.text(value);
        else if (type === 'block') writer.block(value);
        else writer[type](value);
      }
      const reader = new ByteReader(writer.finish().slice());
      for (const { type, value } of parts) expect(reader[type]()).toEqual(value);
      reader.end();
    }),
  );
});

test('nothing is read beyond the end, and no number beyond 2^53', () => {
  expect(() => new ByteReader(Uint8Array.of(1, 2, 3)).u32()).toThrow(DecodeError);
  expect(() => new ByteReader(Uint8Array.of(0, 0, 0, 9, 1)).block()).toThrow(/8 bytes are missing/);
  expect(() => new ByteReader(new Uint8Array(8).fill(255)).u53()).toThrow(DecodeError);
  expect(() => new ByteReader(Uint8Array.of(0, 0, 0, 1, 0xff)).text()).toThrow(DecodeError);
  expect(() => new ByteReader(Uint8Array.of(1)).end()).toThrow(/1 bytes too many/);
  expect(() => new ByteWriter().u53(-1)).toThrow(RangeError);
});
