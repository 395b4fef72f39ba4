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

test('what was taken from a writer stays as it is, whatever is written after it', () => {
  fc.assert(
    fc.property(fc.array(fc.array(part)), fc.integer({ min: 0, max: 9 }), (texts, capacity) => {
      const shared = new ByteWriter(capacity);
      const write = (writer: ByteWriter, parts: (typeof texts)[number]): Uint8Array => {
        for (const { type, value } of parts) {
          if (type === 'text') writer.text(value);
          else if (type === 'block') writer.block(value);
          else writer[type](value);
        }
        return writer.take();
      };
      const taken = texts.map((parts) => write(shared, parts));
      const alone = texts.map((parts) => write(new ByteWriter(), parts));
      expect(taken).toEqual(alone);
    }),
  );
});

test('an encoding that threw leaves nothing behind', () => {
  const writer = ByteWriter.shared();
  expect(writer.begin().u8(7).take()).toEqual(Uint8Array.of(7));
  expect(() => writer.begin().u8(1).u53(-1)).toThrow(RangeError);
  expect(writer.begin().u8(2).take()).toEqual(Uint8Array.of(2));
});

test('a copy outlives what was read, and a later copy does not touch it', () => {
  const bytes = new ByteWriter().block(Uint8Array.of(1, 2)).block(Uint8Array.of(3)).take();
  const reader = new ByteReader(bytes);
  const [first, second] = [reader.block(), reader.block()];
  bytes.fill(0);
  expect([first, second]).toEqual([Uint8Array.of(1, 2), Uint8Array.of(3)]);
});

test('a text is the same text however often and from wherever it is read', () => {
  const texts = [
    '',
    'n1',
    'n2',
    'key17',
    'zürich',
    '\u007f',
    '\u0080',
    '\ufeffvalue',
    'x'.repeat(64),
    'x'.repeat(65),
  ];
  const writer = new ByteWriter();
  for (let round = 0; round < 3; round++) for (const text of texts) writer.text(text);
  const bytes = writer.take();
  for (const reader of [new ByteReader(bytes), new ByteReader(Buffer.from(bytes))]) {
    for (let round = 0; round < 3; round++) {
      expect(texts.map(() => reader.text())).toEqual(texts);
    }
  }
});
