import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeConfiguration } from '../core/configuration.ts';
import { logIndex, nodeId, term } from '../core/types.ts';
import {
  SnapshotDamage,
  type SnapshotHead,
  SnapshotReader,
  SnapshotWriter,
} from './snapshot-format.ts';

const HEAD: SnapshotHead = {
  clusterId: 'c',
  last: { index: logIndex(9), term: term(3) },
  configuration: makeConfiguration([nodeId('n1')]),
};
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function written(rows: readonly Uint8Array[]): Uint8Array {
  const writer = new SnapshotWriter();
  const pieces = [writer.head(HEAD), ...rows.flatMap((one) => [writer.state(one), one])];
  return Buffer.concat([...pieces, writer.end()]);
}

/** @param cuts - where the bytes are cut into portions */
function read(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
): { head: SnapshotHead | undefined; rows: string[] } {
  const found: { head: SnapshotHead | undefined; rows: string[] } = { head: undefined, rows: [] };
  const reader = new SnapshotReader({
    onHead: (head) => void (found.head = head),
    onState: (rows) => void found.rows.push(hexOf(rows)),
  });
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
  const sorted = places.toSorted((a, b) => a - b);
  for (const [at, from] of sorted.entries()) reader.push(bytes.subarray(from, sorted[at + 1]));
  reader.finish();
  return found;
}

const anyRows = fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 });

test('the bytes of a snapshot are these: files live longer than programs', () => {
  expect(hexOf(written([Uint8Array.of(1, 2, 3)]))).toMatchInlineSnapshot(
    `"47534e5001000000000000002d20a05faa3c2f31fa010000000163000000000000000900000000000000030100000001000000026e3100000000000000000000000047534e50020000000100000003f130f21e5e82ade801020347534e50030000000200000008b6ef4061ed81a1fb000000000000005a"`,
  );
});

test('what was written is read, however the bytes arrive', () => {
  fc.assert(
    fc.property(anyRows, fc.array(fc.nat(), { maxLength: 8 }), (rows, cuts) => {
      expect(read(written(rows), cuts)).toEqual({ head: HEAD, rows: rows.map(hexOf) });
    }),
  );
});

test('a bit that flips anywhere is found out, and the message says where', () => {
  fc.assert(
    fc.property(anyRows, fc.nat(), fc.nat(7), (rows, where, bit) => {
      const bytes = written(rows);
      const at = where % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      expect(() => read(bytes)).toThrow(SnapshotDamage);
      expect(() => read(bytes)).toThrow(/^at byte \d+: /);
    }),
  );
});

test('a snapshot that was cut off, or goes on behind its end, is none', () => {
  fc.assert(
    fc.property(
      anyRows,
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 40 }),
      (rows, cut, more) => {
        const bytes = written(rows);
        expect(() => read(bytes.subarray(0, cut % bytes.length))).toThrow(SnapshotDamage);
        expect(() => read(Buffer.concat([bytes, more]))).toThrow(SnapshotDamage);
      },
    ),
  );
});

test('pieces of two snapshots, mixed, are no snapshot, though each is whole', () => {
  const [one, other] = [
    [1, 2],
    [8, 2],
  ].map((ends) => written(ends.map((value) => Uint8Array.of(value)))) as [Uint8Array, Uint8Array];
  const pieces = (bytes: Uint8Array): Uint8Array[] => {
    const starts = [...bytes.keys()].filter(
      (at) => bytes.subarray(at, at + 4).join() === '71,83,78,80',
    );
    return starts.map((at, i) => bytes.subarray(at, starts[i + 1]));
  };
  const mixed = pieces(one).with(1, pieces(other)[1] ?? one);
  expect(mixed).toHaveLength(4);
  expect(() => read(Buffer.concat(mixed))).toThrow(SnapshotDamage);
});

test('pieces are handed out as soon as they are whole, and never a damaged one', () => {
  const rows = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
  const bytes = written(rows);
  bytes[bytes.length - 35] = (bytes[bytes.length - 35] ?? 0) ^ 1;
  const found: string[] = [];
  const reader = new SnapshotReader({
    onHead: () => {},
    onState: (state) => void found.push(hexOf(state)),
  });
  expect(() => reader.push(bytes)).toThrow(SnapshotDamage);
  expect(found).toEqual(['01', '02']);
});
