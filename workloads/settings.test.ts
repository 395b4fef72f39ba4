import { expect, test } from 'vitest';
import { makeRandom } from '../src/lib/prng.ts';
import { UserError } from '../src/lib/user-error.ts';
import { resolveWorkloadSettings, workloads } from './index.ts';
import { register } from './register.ts';

test('what is not chosen has its default', () => {
  expect(resolveWorkloadSettings(register, {})).toEqual({ readShare: 0.5, keys: 8 });
  expect(resolveWorkloadSettings(register, { readShare: '0.9' })).toEqual({
    readShare: 0.9,
    keys: 8,
  });
});

test('a name or a value that the workload does not take is refused with what it takes', () => {
  const refused = (texts: Record<string, string>): UserError => {
    try {
      resolveWorkloadSettings(register, texts);
    } catch (error) {
      if (error instanceof UserError) return error;
    }
    throw new Error('it was not refused');
  };
  expect(refused({ readShares: '1' })).toMatchObject({ code: 'GONG-E161', kind: 'usage' });
  expect(refused({ readShares: '1' }).message).toContain('readShares');
  for (const text of ['', '0', '1.1', '-1', 'NaN', '1e-1', '0.5x', ' 0.5']) {
    expect(refused({ readShare: text }).code, text).toBe('GONG-E161');
  }
  for (const text of ['0', '8.5', '1000']) expect(refused({ keys: text }).code).toBe('GONG-E161');
  expect(() => resolveWorkloadSettings({ name: 'bare' }, { keys: '3' })).toThrow('bare');
});

test('every declared setting has a default within its own bounds, and its workload takes it', () => {
  for (const workload of workloads.values()) {
    for (const { name, fallback, min, max } of workload.settings ?? []) {
      expect(fallback).toBeGreaterThanOrEqual(min);
      expect(fallback).toBeLessThanOrEqual(max);
      for (const value of [min, max]) {
        const settings = resolveWorkloadSettings(workload, { [name]: String(value) });
        const options = { keyOps: 5, concurrency: 2, values: undefined, settings };
        const generator = workload.generator(options, makeRandom('bounds'));
        const draw = generator.next({ process: 0, client: 0, nowNs: 0 });
        expect(draw.type, `${workload.name} ${name}=${value}`).toBe('invoke');
      }
    }
  }
});
