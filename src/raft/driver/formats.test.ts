import { expect, test } from 'vitest';
import { makeConfiguration } from '../core/configuration.ts';
import {
  type Entry,
  type LogPosition,
  logIndex,
  type Message,
  nodeId,
  term,
} from '../core/types.ts';
import type { Command } from '../kv/commands.ts';
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from './peer-message.ts';
import type { Request } from './requests.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { Wal, type WalRecords } from './wal.ts';
import { segmentName } from './wal-segments.ts';

// Nodes of one version talk to nodes that were started before them, and read what those wrote.

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const position = (index: number, at: number): LogPosition => ({
  index: logIndex(index),
  term: term(at),
});
const raft = (message: Message): PeerMessage => ({ type: 'raft', message });
const command = (of: Command): Request => ({ type: 'command', command: of });

const ENTRIES: readonly Entry[] = [
  { ...position(8, 2), kind: 'noop', data: bytesOf('') },
  { ...position(9, 3), kind: 'command', data: bytesOf('zürich') },
  { ...position(10, 3), kind: 'command', data: bytesOf('x'), client: { id: 2 ** 40, sequence: 7 } },
];

test.each<[PeerMessage, string]>([
  [
    raft({ type: 'request-vote', preVote: true, term: term(2 ** 33), lastLog: position(9, 3) }),
    '000000000002000000000100000000000000090000000000000003',
  ],
  [
    raft({ type: 'vote-response', preVote: false, term: term(4), granted: true }),
    '000100000000000000040001',
  ],
  [
    raft({
      type: 'append-entries',
      term: term(3),
      prev: position(7, 2),
      entries: ENTRIES,
      leaderCommit: logIndex(6),
      round: 5,
    }),
    '000200000000000000030000000000000007000000000000000200000000000000060000000000000005' +
      '000000030100000000000000000008000000000000000200000000010100000000000000000900000000' +
      '00000003000000077ac3bc72696368010101000000000000000a00000000000000030000010000000000' +
      '00000000000000070000000178',
  ],
  [
    raft({
      type: 'append-response',
      term: term(3),
      round: 5,
      result: { success: true, matchIndex: logIndex(10) },
    }),
    '00030000000000000003000000000000000501000000000000000a',
  ],
  [
    raft({
      type: 'append-response',
      term: term(3),
      round: 0,
      result: { success: false, prevIndex: logIndex(7), hint: position(4, 1) },
    }),
    '00030000000000000003000000000000000000000000000000000700000000000000040000000000000001',
  ],
  [
    raft({
      type: 'request-vote',
      preVote: false,
      term: term(4),
      lastLog: position(9, 3),
      transfer: true,
    }),
    '000000000000000000040200000000000000090000000000000003',
  ],
  [raft({ type: 'timeout-now', term: term(4) }), '00040000000000000004'],
  [
    raft({
      type: 'install-snapshot',
      term: term(4),
      last: position(9, 3),
      configuration: makeConfiguration([nodeId('n1')], {
        outgoing: [nodeId('n2')],
        learners: [nodeId('n3')],
        addresses: new Map([[nodeId('n1'), 'h:1']]),
      }),
      offset: 5,
      data: bytesOf('xyz'),
      done: true,
    }),
    '00050000000000000004000000000000000900000000000000030100000001000000026e310000000100' +
      '0000026e320000000100000' +
      '0026e3300000001000000026e3100000003683a3100000000000000050000000378797a01',
  ],
  [
    raft({
      type: 'snapshot-response',
      term: term(4),
      last: position(9, 3),
      nextOffset: 8,
      isDamaged: true,
    }),
    '0006000000000000000400000000000000090000000000000003000000000000000801',
  ],
  [
    raft({ type: 'read-index', term: term(4), ask: 2 ** 50, lease: true }),
    '00070000000000000004000400000000000001',
  ],
  [
    raft({
      type: 'read-index-response',
      term: term(4),
      ask: 5,
      readIndex: logIndex(9),
      lease: false,
    }),
    '00080000000000000004000000000000000500010000000000000009',
  ],
  [
    raft({
      type: 'read-index-response',
      term: term(4),
      ask: 5,
      readIndex: undefined,
      lease: false,
    }),
    '0008000000000000000400000000000000050000',
  ],
  [
    { type: 'forward', id: 2, request: { type: 'transfer', to: nodeId('n2') } },
    '01000000000000000204000000026e32',
  ],
  [
    { type: 'forward', id: 2, request: { type: 'transfer', to: undefined } },
    '0100000000000000020400000000',
  ],
  [
    {
      type: 'forward',
      id: 2 ** 50,
      request: command({ type: 'cas', key: 'k', from: null, to: 'ü' }),
    },
    '010004000000000000000000000e02000000016b000100000002c3bc',
  ],
  [
    { type: 'forward', id: 1, request: command({ type: 'put', key: 'k', value: 'vvv' }) },
    '010000000000000001000000000d00000000016b00000003767676',
  ],
  [
    { type: 'forward', id: 1, request: command({ type: 'delete', key: '' }) },
    '01000000000000000100000000050100000000',
  ],
  [
    { type: 'forward', id: 2, request: { type: 'read', key: '\u{1f600}', consistency: 'stale' } },
    '010000000000000002010100000004f09f9880',
  ],
  [
    {
      type: 'answer',
      id: 3,
      answer: {
        type: 'ok',
        value: null,
        applied: true,
        servedBy: nodeId('n2'),
        term: 7,
        appliedIndex: 912,
      },
    },
    '020000000000000003000001000000026e3200000000000000070000000000000390',
  ],
  [
    {
      type: 'answer',
      id: 3,
      answer: {
        type: 'ok',
        value: 'v',
        applied: false,
        servedBy: nodeId('n2'),
        term: 7,
        appliedIndex: 912,
      },
    },
    '0200000000000000030001000000017600000000026e3200000000000000070000000000000390',
  ],
  [
    { type: 'answer', id: 4, answer: { type: 'unknown', error: 'no answer' } },
    '02000000000000000402000000096e6f20616e73776572',
  ],
  [
    {
      type: 'forward',
      id: 5,
      request: {
        type: 'command',
        command: { type: 'dequeue', key: 'q' },
        session: { id: 2 ** 33, sequence: 7, acknowledged: 6 },
      },
    },
    '0100000000000000050300000002000000000000000000000007000000000000000600000006090000000171',
  ],
  [
    {
      type: 'forward',
      id: 6,
      request: { type: 'read', of: 'lock', key: 'l', consistency: 'linearizable' },
    },
    '010000000000000006020300000000016c',
  ],
  [
    {
      type: 'answer',
      id: 7,
      answer: {
        type: 'ok',
        value: ['a', null, -5, { owner: 'me', token: 7, isHeld: true }, []],
        applied: true,
        servedBy: nodeId('n2'),
        term: 7,
        appliedIndex: 912,
      },
    },
    '020000000000000007000600000005010000000161000300000000000000050700000003000000056f77' +
      '6e657201000000026d6500000005746f6b656e02000000000000000700000006697348656c6405060000' +
      '000001000000026e3200000000000000070000000000000390',
  ],
  [
    { type: 'answer', id: 8, answer: { type: 'refused', error: 'over', reason: 'session' } },
    '0200000000000000080301000000046f766572',
  ],
])('the wire format is this, byte for byte: %j', (peerMessage, hex) => {
  const bytes = encodePeerMessage(peerMessage);
  expect(hexOf(bytes)).toBe(hex);
  expect(decodePeerMessage(bytes)).toEqual(peerMessage);
  // The bytes may stand anywhere in what arrived.
  const arrived = Buffer.from(`ff${hex}ff`, 'hex').subarray(1, -1);
  expect(decodePeerMessage(arrived)).toEqual(peerMessage);
});

test('the format of the disk is this, byte for byte', async () => {
  const disk = new MemoryDisk();
  const { wal } = await Wal.open(disk, {
    identity: { clusterId: 'c', node: nodeId('n1') },
    fsync: 'always',
    onFailure: (error) => {
      throw error;
    },
  });
  const persist = (records: WalRecords): Promise<void> =>
    new Promise((resolve) => wal.persist(records, resolve));
  await Promise.all([
    persist({ hardState: { term: term(3), votedFor: undefined }, entries: ENTRIES.slice(0, 1) }),
    persist({ hardState: { term: term(3), votedFor: nodeId('n1') } }),
    persist({ entries: ENTRIES.slice(1) }),
  ]);
  await persist({ base: position(8, 2) });
  expect(hexOf(disk.files.get(segmentName(1))?.bytes ?? new Uint8Array(0))).toBe(
    '4757414c010100000000000000010000000c5564c2e64b5960d8010000000163000000026e314757414c' +
      '0101000000000000000200000025cb79f1da4788fd5d0200000000000000030000000003010000000000' +
      '00000000080000000000000002000000004757414c01010000000000000003000000579f174a1c613c64' +
      '26020000000000000003000000026e310301010000000000000000090000000000000003000000077ac3' +
      'bc7269636803010101000000000000000a00000000000000030000010000000000000000000000000700' +
      '000001784757414c0101000000000000000400000011f9da26043fa51f9d040000000000000008000000' +
      '0000000002',
  );
});

/** Two lives of a node, as written when recovery went on in the last segment. */
const TWO_LIVES =
  '4757414c010100000000000000010000000c5564c2e64b5960d8010000000163000000026e314757414c' +
  '01010000000000000002000000274ad97d27b637b6ee020000000000000001000000026e310301000000' +
  '000000000000010000000000000001000000004757414c010100000000000000030000000daddd0a7623' +
  '63dba9020000000000000002000000004757414c010100000000000000040000001ff19414c6f7d92a57' +
  '0301010000000000000000020000000000000002000000077ac3bc72696368';

test.each(['', '4757414c0101'])(
  'a directory from before recovery began new segments is opened; torn bytes: "%s"',
  async (torn) => {
    for (const isCutHalfway of [false, true]) {
      const disk = new MemoryDisk();
      disk.append(segmentName(1), Buffer.from(TWO_LIVES + torn, 'hex'));
      // A torn segment was emptied first and removed then.
      if (isCutHalfway) disk.append(segmentName(5), new Uint8Array(0));
      for (let life = 0; life < 3; life++) {
        const { restored } = await Wal.open(disk, {
          identity: { clusterId: 'c', node: nodeId('n1') },
          fsync: 'always',
          onFailure: (error) => {
            throw error;
          },
        });
        expect(restored).toEqual({
          hardState: { term: 2, votedFor: undefined },
          base: position(0, 0),
          entries: [
            { ...position(1, 1), kind: 'noop', data: bytesOf('') },
            { ...position(2, 2), kind: 'command', data: bytesOf('zürich') },
          ],
        });
      }
    }
  },
);
