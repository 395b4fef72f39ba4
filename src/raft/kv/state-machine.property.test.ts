import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DecodeError } from '../../lib/bytes.ts';
import type { Result } from './result.ts';
import { type FrozenState, READS, StateMachine } from './state-machine.ts';
import { encodeStamped, type StampedCommand } from './stamped-command.ts';
import { commands, FEW } from './testing/arbitrary-commands.ts';
import { NaiveMachine } from './testing/naive-machine.ts';

const KEYS = ['a', 'b', '1:a', ''] as const;

/** One entry of a log. Times go forward mostly; sessions and tokens are indexes of entries before. */
interface Step extends StampedCommand {
  readonly client: { readonly id: number; readonly sequence: number } | undefined;
}

const step: fc.Arbitrary<Step> = fc.record({
  timeMs: fc.nat(200),
  acknowledged: fc.oneof(fc.constant(0), fc.nat(4)),
  command: fc.oneof(
    commands(FEW),
    // Ids and tokens are what meets least often.
    fc.record({
      type: fc.constant('open-session' as const),
      expiryMs: fc.integer({ min: 20, max: 90 }),
    }),
    fc.record({
      type: fc.constant('acquire' as const),
      key: FEW.key,
      owner: FEW.value,
      ttlMs: fc.integer({ min: 10, max: 80 }),
    }),
  ),
  client: fc.option(fc.record({ id: fc.nat(40), sequence: fc.nat(6) }), { nil: undefined }),
});

const log = fc
  .array(step, { maxLength: 120 })
  .map((steps) =>
    steps.map((one, i): Step => ({ ...one, timeMs: Math.max(0, i * 3 - 50 + (one.timeMs % 60)) })),
  );

function apply(machine: StateMachine, index: number, { client, ...stamped }: Step): Result {
  const data = encodeStamped(stamped);
  return machine.apply({ index, data, ...(client === undefined ? {} : { client }) }).result;
}

function withoutText(result: Result): Result {
  return result.type === 'refused' ? { ...result, error: '' } : result;
}

function* piecesOf(frozen: FrozenState, bytesMax: number): Generator<Uint8Array> {
  for (let piece = frozen.next(bytesMax); piece !== undefined; piece = frozen.next(bytesMax)) {
    yield piece;
  }
}

function bytesOf(machine: StateMachine): string {
  using frozen = machine.freeze();
  return hexOf(piecesOf(frozen, 100_000));
}

function hexOf(pieces: Iterable<Uint8Array>): string {
  return Array.from(pieces, (piece) => Buffer.from(piece).toString('hex')).join('');
}

function restore(pieces: Iterable<Uint8Array>): StateMachine {
  const restoring = StateMachine.restoring();
  for (const piece of pieces) restoring.push(piece);
  return restoring.finish();
}

test('the machine does what a naive one does: answers, reads, expiry, sessions', () => {
  fc.assert(
    fc.property(log, (steps) => {
      const machine = new StateMachine();
      const naive = new NaiveMachine();
      for (const [i, one] of steps.entries()) {
        const result = apply(machine, i + 1, one);
        expect(withoutText(result)).toEqual(naive.apply(i + 1, one, one.client));
        expect(machine.timeMs).toBe(naive.timeMs);
      }
      for (const key of KEYS) {
        for (const of of READS) expect(machine.read(key, of)).toEqual(naive.read(key, of));
      }
    }),
    { numRuns: 500 },
  );
});

test('a machine restored from a frozen one goes on as that did when it was frozen', () => {
  fc.assert(
    fc.property(log, fc.nat(120), fc.integer({ min: 1, max: 200 }), (steps, at, bytesMax) => {
      const machine = new StateMachine();
      for (const [i, one] of steps.slice(0, at).entries()) apply(machine, i + 1, one);
      const expected = bytesOf(machine);
      using frozen = machine.freeze();
      const pieces: Uint8Array[] = [];
      const rest = steps.slice(at);
      const results = rest.map((one, i) => {
        // What was frozen is read in bits, while commands go on.
        const piece = i % 3 === 0 ? frozen.next(bytesMax) : undefined;
        if (piece !== undefined) pieces.push(piece);
        return apply(machine, at + i + 1, one);
      });
      pieces.push(...piecesOf(frozen, bytesMax));
      expect(hexOf(pieces), 'neither the cuts nor what was applied meanwhile shows').toBe(expected);
      const restored = restore(pieces);
      expect(bytesOf(restored)).toBe(expected);
      const again = rest.map((one, i) => apply(restored, at + i + 1, one));
      expect(again).toEqual(results);
      expect(bytesOf(restored), 'they stay the same from then on').toBe(bytesOf(machine));
    }),
    { numRuns: 300 },
  );
});

test('a state that is cut off, damaged in its order or goes on behind its end is refused', () => {
  fc.assert(
    fc.property(log, fc.nat(), (steps, cut) => {
      const machine = new StateMachine();
      for (const [i, one] of steps.entries()) apply(machine, i + 1, one);
      using frozen = machine.freeze();
      const pieces = [...piecesOf(frozen, 1)];
      const whole = Buffer.from(hexOf(pieces), 'hex');
      expect(() => restore([whole.subarray(0, cut % whole.length)])).toThrow(DecodeError);
      expect(() => restore([whole, whole])).toThrow(DecodeError);
      expect(() => restore(pieces.toSpliced(cut % pieces.length, 1))).toThrow(DecodeError);
      if (pieces.length < 3) return;
      const at = cut % (pieces.length - 1);
      const [one, other] = [pieces[at], pieces[at + 1]];
      if (one === undefined || other === undefined) return;
      expect(() => restore(pieces.toSpliced(at, 2, other, one))).toThrow(DecodeError);
    }),
  );
});

test('freezing and taking a piece cost no walk over the state', () => {
  const machine = new StateMachine();
  for (let i = 1; i <= 20_000; i++) {
    apply(machine, i, {
      timeMs: i,
      acknowledged: 0,
      client: undefined,
      command: { type: 'put', key: `key ${(i * 7919) % 20_000}`, value: 'v' },
    });
  }
  using frozen = machine.freeze();
  const sizes = Array.from(piecesOf(frozen, 4096), (piece) => piece.length);
  expect(sizes.length).toBeGreaterThan(50);
  // Whole rows: at most one row beyond.
  expect(Math.max(...sizes)).toBeLessThan(4096 + 32);
  expect(frozen.next(4096)).toBeUndefined();
});

test('a frozen state that was disposed of gives nothing more', () => {
  const machine = new StateMachine();
  const frozen = machine.freeze();
  frozen[Symbol.dispose]();
  expect(frozen.next(1000)).toBeUndefined();
});
