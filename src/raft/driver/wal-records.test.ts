import { expect, test } from 'vitest';
import { ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { logIndex, nodeId, term } from '../core/types.ts';
import { FRESH_HARD_STATE, WalContents, writeHead, writeRecords } from './wal-records.ts';

const HEAD = {
  identity: { clusterId: 'c', node: nodeId('n1') },
  hardState: FRESH_HARD_STATE,
  configuration: undefined,
};

/** A segment that goes on behind entry 5, and an entry in it. */
function replayed(index: number): WalContents {
  const writer = new ByteWriter();
  writeHead(writer, { ...HEAD, last: { index: logIndex(5), term: term(1) } });
  const entry = {
    index: logIndex(index),
    term: term(1),
    kind: 'noop',
    data: new Uint8Array(),
  } as const;
  writeRecords(writer, [{ entries: [entry] }]);
  const contents = new WalContents();
  contents.replay(writer.finish());
  return contents;
}

test('an entry may replace what stood in segments that are gone, down to the first of all', () => {
  expect(replayed(6)).toMatchObject({ base: { index: 5 }, missingUpTo: 5 });
  expect(replayed(3)).toMatchObject({ base: { index: 2 }, missingUpTo: 2 });
  expect(replayed(1)).toMatchObject({ base: { index: 0 }, missingUpTo: 0 });
});

test('an entry with the index 0 is damage: nothing is before the first', () => {
  expect(() => replayed(0)).toThrow(DecodeError);
});
