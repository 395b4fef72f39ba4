import { expect, test } from 'vitest';
import type { Command } from './commands.ts';
import { StateMachine } from './state-machine.ts';
import { decodeStamped, encodeStamped } from './stamped-command.ts';

// Nodes of one version read the logs and the snapshots of those before it.

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

/** As they were written, in the order in which they are applied below. */
const COMMANDS: readonly [Command, string][] = [
  [{ type: 'put', key: 'k', value: 'ü' }, '81000000020000000000000000016b00000002c3bc'],
  [{ type: 'delete', key: 'gone' }, '8100000002000000000100000004676f6e65'],
  [
    { type: 'cas', key: 'k', from: 'ü', to: 'v' },
    '81000000020000000002000000016b0100000002c3bc010000000176',
  ],
  [{ type: 'incr', key: 'n', by: -3 }, '81000000020000000003000000016e010000000000000003'],
  [{ type: 'append', key: 'k', value: 'w' }, '81000000020000000004000000016b0000000177'],
  [
    {
      type: 'txn',
      compares: [
        { key: 'k', is: '=', value: 'vw' },
        { key: 'gone', is: '!=', value: null },
      ],
      success: [{ type: 'put', key: 'k', value: 'x' }],
      failure: [
        { type: 'get', key: 'k' },
        { type: 'incr', key: 'n', by: 2 },
        { type: 'append', key: 'k', value: 'y' },
        { type: 'delete', key: 'z' },
      ],
    },
    '8100000002000000000500000002000000016b000100000002767700000004676f6e6501000000000101' +
      '000000016b00000001780000000400000000016b03000000016e00000000000000000204000000016b00' +
      '0000017902000000017a',
  ],
  [{ type: 'set-add', key: 's', element: 'e' }, '8100000002000000000600000001730000000165'],
  [{ type: 'set-add', key: 's', element: 'f' }, '8100000002000000000600000001730000000166'],
  [{ type: 'set-remove', key: 's', element: 'e' }, '8100000002000000000700000001730000000165'],
  [{ type: 'enqueue', key: 'q', element: '1' }, '8100000002000000000800000001710000000131'],
  [{ type: 'enqueue', key: 'q', element: '2' }, '8100000002000000000800000001710000000132'],
  [{ type: 'dequeue', key: 'q' }, '810000000200000000090000000171'],
  [
    { type: 'acquire', key: 'l', owner: 'me', ttlMs: 5000 },
    '8100000002000000000a000000016c000000026d650000000000001388',
  ],
  [
    { type: 'renew', key: 'l', token: 13, ttlMs: 9000 },
    '8100000002000000000b000000016c000000000000000d0000000000002328',
  ],
  [{ type: 'release', key: 'l', token: 12 }, '8100000002000000000c000000016c000000000000000c'],
  [{ type: 'open-session', expiryMs: 60_000 }, '8100000002000000000d000000000000ea60'],
  [{ type: 'keep-session', id: 16 }, '8100000002000000000e0000000000000010'],
  [{ type: 'close-session', id: 2 ** 40 }, '8100000002000000000f0000010000000000'],
];

test.each(COMMANDS)('an entry is this, byte for byte: %j', (command, hex) => {
  const stamped = { timeMs: 2 ** 33, acknowledged: 0, command };
  expect(hexOf(encodeStamped(stamped))).toBe(hex);
  expect(decodeStamped(bytesOf(hex))).toEqual(stamped);
});

test('an entry of a session says what its client has the answers to', () => {
  const stamped = { timeMs: 7, acknowledged: 5, command: { type: 'dequeue', key: 'q' } } as const;
  const hex = '8200000000000000070000000000000005090000000171';
  expect(hexOf(encodeStamped(stamped))).toBe(hex);
  expect(decodeStamped(bytesOf(hex))).toEqual(stamped);
});

/** The state after these commands and two writes of session 16, one of which it refused. */
const STATE =
  '000100000000000007d001000000016b0000000376777901000000016e0000000130020000000173' +
  '000000000000000100000000000000020300000004313a7366040000000171000000000000000100' +
  '00000000000002050000000e313a713030303030303030303031000000013206000000016c000000' +
  '000000000d000000026d65000000000000271d000000000000177c070000000b3030303030303030' +
  '303067000000000000ea60000000000000f230000000000000ee5700000000000000000000000000' +
  '00000200000000000000580800000016303030303030303030306730303030303030303030330002' +
  '00000000000000000800000016303030303030303030306730303030303030303030340200000000' +
  '177468652076616c7565206973206e6f20696e7465676572090000000d3030303030303030346e30' +
  '6c6c09000000173030303030303031623276733030303030303030303067ff000000000000000c';

test('a frozen state is this, byte for byte, and is read', () => {
  const machine = new StateMachine();
  for (const [i, [command]] of COMMANDS.entries()) {
    const data = encodeStamped({ timeMs: 1000 + i, acknowledged: 0, command });
    machine.apply({ index: i + 1, data });
  }
  const writes: readonly Command[] = [
    { type: 'incr', key: 'n', by: 1 },
    { type: 'incr', key: 'k', by: 1 },
  ];
  for (const [i, command] of writes.entries()) {
    const data = encodeStamped({ timeMs: 2000, acknowledged: 0, command });
    machine.apply({ index: 19 + i, data, client: { id: 16, sequence: 3 + i } });
  }
  using frozen = machine.freeze();
  expect(hexOf(frozen.next(Infinity) ?? bytesOf(''))).toBe(STATE);
  const restoring = StateMachine.restoring();
  restoring.push(bytesOf(STATE));
  const restored = restoring.finish();
  expect(restored.read('n')).toBe('0');
  expect(restored.read('l', 'lock')).toEqual({ owner: 'me', token: 13, leftMs: 8013 });
  const again = encodeStamped({
    timeMs: 0,
    acknowledged: 0,
    command: { type: 'delete', key: 'n' },
  });
  const client = { id: 16, sequence: 3 };
  expect(restored.apply({ index: 21, data: again, client }), 'the first answer').toMatchObject({
    isRepeated: true,
    result: { type: 'done', applied: true, value: 0 },
  });
});
