import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecodeError } from '../../lib/bytes.ts';
import {
  decodeHandshake,
  encodeFrame,
  encodeHandshake,
  FRAME_BYTES_MAX,
  FrameReader,
} from './frames.ts';

test('frames survive any cutting of the stream', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(60), { maxLength: 12 }),
      (payloads, cuts) => {
        const stream = Buffer.concat(payloads.map((payload) => encodeFrame('message', payload)));
        const reader = new FrameReader();
        const got: Uint8Array[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          const end = Math.min(stream.length, at + cut);
          for (const frame of reader.push(stream.subarray(at, end)))
            got.push(new Uint8Array(frame.payload));
          at = end;
        }
        expect(got).toEqual(payloads);
      },
    ),
  );
});

/** What a reader makes of it; nothing when it refuses. */
function framesOf(bytes: Uint8Array): readonly unknown[] {
  try {
    return [...new FrameReader().push(bytes)];
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

test('a flipped bit is never read as a frame', () => {
  const whole = encodeFrame(
    'message',
    Uint8Array.from({ length: 30 }, (_, i) => i),
  );
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const damaged = whole.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(framesOf(damaged)).toEqual([]);
  }
});

test('a claim of a huge frame is refused before anything is kept', () => {
  const claim = new Uint8Array(10);
  new DataView(claim.buffer).setUint32(0, FRAME_BYTES_MAX + 1);
  expect(() => [...new FrameReader().push(claim)]).toThrow(DecodeError);
  const small = new FrameReader(100);
  expect(() => [...small.push(encodeFrame('message', new Uint8Array(99)))]).toThrow(DecodeError);
  expect([...new FrameReader(101).push(encodeFrame('message', new Uint8Array(99)))]).toHaveLength(
    1,
  );
});

test('a handshake says which cluster, who dials, and whom', () => {
  const handshake = {
    clusterId: 'c',
    from: 'n1',
    to: 'n2',
    clientUrl: 'http://127.0.0.1:7000',
    token: '',
  };
  const [frame] = new FrameReader().push(encodeHandshake(handshake));
  expect(frame?.kind).toBe('handshake');
  expect(decodeHandshake(frame?.payload ?? new Uint8Array(0))).toEqual(handshake);
});

test('what is allowed after a frame counts for the next one, also of the same chunk', () => {
  const reader = new FrameReader(20);
  const stream = Buffer.concat([
    encodeFrame('handshake', new Uint8Array(4)),
    encodeFrame('message', new Uint8Array(1000)),
  ]);
  const lengths: number[] = [];
  for (const { payload } of reader.push(stream)) {
    lengths.push(payload.length);
    reader.allow(2000);
  }
  expect(lengths).toEqual([4, 1000]);
});
