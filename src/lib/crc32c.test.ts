import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';

const text = (value: string) => new TextEncoder().encode(value);

test('the check value and the vectors of RFC 3720, B.4', () => {
  expect(crc32c(text('123456789'))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

test('a part of an array has the checksum of its copy, at every alignment', () => {
  const bytes = Uint8Array.from({ length: 50 }, (_, i) => (i * 37) & 0xff);
  for (let start = 0; start < 9; start++) {
    for (let end = start; end <= 50; end++) {
      expect(crc32c(bytes, start, end)).toBe(crc32c(bytes.slice(start, end)));
    }
  }
});
