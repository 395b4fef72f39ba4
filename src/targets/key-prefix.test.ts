import { expect, test } from 'vitest';
import type { Invocation } from '../contracts/client.ts';
import type { Target } from '../contracts/target.ts';
import { withKeyPrefix } from './key-prefix.ts';

test('clients put the prefix before every key, and everything else stays as it is', async () => {
  const asked: Invocation[] = [];
  let isClosed = false;
  const target: Target = {
    name: 'some',
    readModes: ['a'],
    functions: ['read'],
    promises: () => ({ consistency: 'linearizable' }),
    resolveSettings: (settings) => settings,
    probe: async () => ({}),
    connect: () => ({
      async invoke(invocation) {
        asked.push(invocation);
        return { type: 'ok', value: 1 };
      },
      [Symbol.asyncDispose]: async () => void (isClosed = true),
    }),
  };
  const prefixed = withKeyPrefix(target, 'run7-');
  expect(prefixed).toMatchObject({ name: 'some', readModes: ['a'] });
  {
    await using client = prefixed.connect('x:', {
      readMode: 'a',
      model: 'cas-register',
      inSessions: false,
    });
    const ok = await client.invoke({ f: 'read', key: 'k1', value: null }, 1);
    expect(ok).toEqual({ type: 'ok', value: 1 });
    await client.invoke({ f: 'add', value: 2 }, 1);
  }
  expect(asked).toEqual([
    { f: 'read', key: 'run7-k1', value: null },
    { f: 'add', key: 'run7-', value: 2 },
  ]);
  expect(isClosed).toBe(true);
});
