import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { decodeCommand, encodeCommand } from './commands.ts';
import { type Datum, readDatum, writeDatum } from './datum.ts';
import { readResult, type Result, writeResult } from './result.ts';
import { decodeStamped, encodeStamped } from './stamped-command.ts';
import { ANYTHING, commands, stamped } from './testing/arbitrary-commands.ts';

const datum: fc.Arbitrary<Datum> = fc.letrec<{ datum: Datum }>((tie) => ({
  datum: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.array(tie('datum'), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie('datum'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).datum;

const result: fc.Arbitrary<Result> = fc.oneof(
  fc.record({ type: fc.constant('done' as const), applied: fc.boolean(), value: datum }),
  fc.record({
    type: fc.constant('refused' as const),
    reason: fc.constantFrom('conflict' as const, 'session' as const),
    error: fc.string(),
  }),
);

test('a command survives its encoding', () => {
  fc.assert(
    fc.property(commands(ANYTHING), (command) => {
      expect(decodeCommand(encodeCommand(command))).toEqual(command);
    }),
  );
});

test('so does one with its stamp, and what an answer holds', () => {
  fc.assert(
    fc.property(stamped(ANYTHING), result, (one, its) => {
      expect(decodeStamped(encodeStamped(one))).toEqual(one);
      const writer = new ByteWriter();
      writeResult(writer, its);
      expect(readResult(new ByteReader(writer.finish()))).toEqual(its);
    }),
  );
});

test('an entry from before there were stamps is read, as of time 0', () => {
  fc.assert(
    fc.property(commands(ANYTHING), (command) => {
      const read = decodeStamped(encodeCommand(command));
      expect(read).toEqual({ timeMs: 0, acknowledged: 0, command });
    }),
  );
  const put = Uint8Array.of(0, 0, 0, 0, 1, 107, 0, 0, 0, 1, 118);
  expect(decodeStamped(put).command).toEqual({ type: 'put', key: 'k', value: 'v' });
});

test('damaged commands are refused, never misread beyond their end', () => {
  fc.assert(
    fc.property(stamped(ANYTHING), fc.nat(), (one, cut) => {
      for (const bytes of [encodeStamped(one), encodeCommand(one.command)]) {
        expect(() => decodeStamped(bytes.slice(0, cut % bytes.length))).toThrow(DecodeError);
        expect(() => decodeStamped(Uint8Array.from([...bytes, 0]))).toThrow(DecodeError);
      }
    }),
  );
});

test('any bytes are a command or refused as damaged, at no more cost than their length', () => {
  const anyBytes = fc.oneof(
    fc.uint8Array(),
    fc
      .tuple(fc.constantFrom(0, 5, 10, 0x81, 0x82), fc.uint8Array({ maxLength: 200 }))
      .map(([first, rest]) => Uint8Array.of(first, ...rest)),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      let refusal: unknown;
      try {
        decodeStamped(bytes);
      } catch (error) {
        refusal = error;
      }
      expect(refusal === undefined || refusal instanceof DecodeError).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('what is nested without end is refused', () => {
  const writer = new ByteWriter();
  for (let depth = 0; depth < 100_000; depth++) writer.u8(6).u32(1);
  expect(() => readDatum(new ByteReader(writer.finish()))).toThrow(DecodeError);
  writeDatum(writer.begin(), [[[['deep']]]]);
  expect(readDatum(new ByteReader(writer.finish()))).toEqual([[[['deep']]]]);
});
