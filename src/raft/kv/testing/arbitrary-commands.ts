import fc from 'fast-check';
import type { Command } from '../commands.ts';
import type { StampedCommand } from '../stamped-command.ts';
import type { Operation } from '../transaction.ts';

/** Few names and small numbers, so that commands meet; or anything that can be written. */
export interface Choices {
  readonly key: fc.Arbitrary<string>;
  readonly value: fc.Arbitrary<string>;
  readonly integer: fc.Arbitrary<number>;
  /** Tokens, ids, times. */
  readonly natural: fc.Arbitrary<number>;
}

export const ANYTHING: Choices = {
  key: fc.string({ unit: 'binary' }),
  value: fc.string({ unit: 'binary', maxLength: 100 }),
  integer: fc.maxSafeInteger(),
  natural: fc.maxSafeNat(),
};

export const FEW: Choices = {
  key: fc.constantFrom('a', 'b', '1:a', ''),
  value: fc.oneof(fc.constantFrom('', '7', '-1', '007', 'x', 'a', '1:a'), fc.string()),
  integer: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constant(Number.MAX_SAFE_INTEGER)),
  natural: fc.nat(40),
};

const of = <T extends string>(type: T): fc.Arbitrary<T> => fc.constant(type);

export function commands({ key, value, integer, natural }: Choices): fc.Arbitrary<Command> {
  const maybe = fc.option(value);
  const operation: fc.Arbitrary<Operation> = fc.oneof(
    fc.record({ type: of('get'), key }),
    fc.record({ type: of('put'), key, value }),
    fc.record({ type: of('delete'), key }),
    fc.record({ type: of('incr'), key, by: integer }),
    fc.record({ type: of('append'), key, value }),
  );
  const is = fc.constantFrom('=' as const, '!=' as const);
  const few = { maxLength: 4 };
  return fc.oneof(
    fc.record({ type: of('put'), key, value }),
    fc.record({ type: of('delete'), key }),
    fc.record({ type: of('cas'), key, from: maybe, to: maybe }),
    fc.record({ type: of('incr'), key, by: integer }),
    fc.record({ type: of('append'), key, value }),
    fc.record({
      type: of('txn'),
      compares: fc.array(fc.record({ key, is, value: maybe }), few),
      success: fc.array(operation, few),
      failure: fc.array(operation, few),
    }),
    fc.record({ type: of('set-add'), key, element: value }),
    fc.record({ type: of('set-remove'), key, element: value }),
    fc.record({ type: of('enqueue'), key, element: value }),
    fc.record({ type: of('dequeue'), key }),
    fc.record({ type: of('acquire'), key, owner: value, ttlMs: natural }),
    fc.record({ type: of('renew'), key, token: natural, ttlMs: natural }),
    fc.record({ type: of('release'), key, token: natural }),
    fc.record({ type: of('open-session'), expiryMs: natural }),
    fc.record({ type: of('keep-session'), id: natural }),
    fc.record({ type: of('close-session'), id: natural }),
  );
}

export function stamped(choices: Choices): fc.Arbitrary<StampedCommand> {
  return fc.record({
    timeMs: choices.natural,
    acknowledged: choices.natural,
    command: commands(choices),
  });
}
