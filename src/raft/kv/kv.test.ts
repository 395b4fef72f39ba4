import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Command, decodeCommand, encodeCommand } from './commands.ts';
import { StateMachine } from './state-machine.ts';

const value = fc.option(fc.string({ unit: 'binary' }));
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    type: fc.constant('put' as const),
    key: fc.string(),
    value: fc.string({ unit: 'binary' }),
  }),
  fc.record({ type: fc.constant('delete' as const), key: fc.string() }),
  fc.record({ type: fc.constant('cas' as const), key: fc.string(), from: value, to: value }),
);

test('a command survives its encoding', () => {
  fc.assert(
    fc.property(command, (c) => {
      expect(decodeCommand(encodeCommand(c))).toEqual(c);
    }),
  );
});

test('damaged commands are refused, never misread beyond their end', () => {
  fc.assert(
    fc.property(command, fc.nat(), (c, cut) => {
      const bytes = encodeCommand(c);
      expect(() => decodeCommand(bytes.slice(0, cut % bytes.length))).toThrow();
    }),
  );
});

test('put, delete and cas do what they say; null means absent', () => {
  const machine = new StateMachine();
  expect(machine.read('a')).toBeNull();
  expect(machine.apply({ type: 'cas', key: 'a', from: null, to: '1' })).toEqual({ applied: true });
  expect(machine.apply({ type: 'cas', key: 'a', from: null, to: '2' })).toEqual({ applied: false });
  expect(machine.read('a')).toBe('1');
  expect(machine.apply({ type: 'put', key: 'a', value: '' })).toEqual({ applied: true });
  expect(machine.read('a')).toBe('');
  expect(machine.apply({ type: 'cas', key: 'a', from: '', to: null })).toEqual({ applied: true });
  expect(machine.read('a')).toBeNull();
  machine.apply({ type: 'put', key: 'b', value: 'x' });
  expect(machine.apply({ type: 'delete', key: 'b' })).toEqual({ applied: true });
  expect(machine.size).toBe(0);
});
