import { expect, test } from 'vitest';
import type { Command } from './commands.ts';
import { EXPIRY_MS_MAX, SESSION_ANSWERS_MAX } from './limits.ts';
import type { Result } from './result.ts';
import { encodeStamped } from './stamped-command.ts';
import { type Applied, StateMachine } from './state-machine.ts';

const INCR: Command = { type: 'incr', key: 'n', by: 1 };
const OVER = { type: 'refused', reason: 'session' };

/** A machine whose entries are given one by one; time stands still unless it is said. */
class Log {
  readonly machine = new StateMachine();
  timeMs = 0;
  #index = 0;

  apply(
    command: Command,
    session?: { readonly id: number; readonly sequence: number; readonly acknowledged?: number },
  ): Applied {
    this.#index += 1;
    const { acknowledged = 0, ...client } = session ?? {};
    const data = encodeStamped({ timeMs: this.timeMs, acknowledged, command });
    const entry = { index: this.#index, data };
    const { id, sequence } = { id: undefined, sequence: undefined, ...client };
    if (id === undefined || sequence === undefined) return this.machine.apply(entry);
    return this.machine.apply({ ...entry, client: { id, sequence } });
  }

  open(expiryMs: number = 1000): number {
    const { result } = this.apply({ type: 'open-session', expiryMs });
    return result.type === 'done' ? Number(result.value) : NaN;
  }
}

function done(value: number): Result {
  return { type: 'done', applied: true, value };
}

test('a session is known by the index of the entry that opened it (thesis §6.3)', () => {
  const log = new Log();
  expect(log.open()).toBe(1);
  expect(log.open()).toBe(2);
});

test('a number takes effect once and answers its first answer, however often it comes (thesis §6.3)', () => {
  const log = new Log();
  const id = log.open();
  expect(log.apply(INCR, { id, sequence: 1 })).toMatchObject({ result: done(1) });
  expect(log.apply(INCR, { id, sequence: 2 })).toMatchObject({ result: done(2) });
  for (let again = 0; again < 3; again++) {
    expect(log.apply(INCR, { id, sequence: 1 })).toMatchObject({
      result: done(1),
      isRepeated: true,
    });
  }
  expect(log.machine.read('n')).toBe('2');
  expect(log.apply(INCR).result, 'without a session each entry counts').toEqual(done(3));
});

test('a refusal is an answer, too: what became possible since does not happen (thesis §6.3)', () => {
  const log = new Log();
  const id = log.open();
  log.apply({ type: 'put', key: 'n', value: 'x' });
  expect(log.apply(INCR, { id, sequence: 1 }).result).toMatchObject({ reason: 'conflict' });
  log.apply({ type: 'delete', key: 'n' });
  expect(log.apply(INCR, { id, sequence: 1 }).result).toMatchObject({ reason: 'conflict' });
  expect(log.machine.read('n')).toBeNull();
});

test('several numbers may be in flight, in any order', () => {
  const log = new Log();
  const id = log.open();
  for (const [i, sequence] of [5, 2, 9, 3].entries()) {
    expect(log.apply(INCR, { id, sequence }).result).toEqual(done(i + 1));
  }
  expect(log.apply(INCR, { id, sequence: 2 }).result).toEqual(done(2));
});

test('sessions do not share numbers', () => {
  const log = new Log();
  const [a, b] = [log.open(), log.open()];
  expect(log.apply(INCR, { id: a, sequence: 1 }).result).toEqual(done(1));
  expect(log.apply(INCR, { id: b, sequence: 1 }).result).toEqual(done(2));
});

test('what the client has the answers to is forgotten, and refused from then on', () => {
  const log = new Log();
  const id = log.open();
  for (const sequence of [1, 2, 3]) log.apply(INCR, { id, sequence });
  log.apply(INCR, { id, sequence: 4, acknowledged: 3 });
  expect(log.apply(INCR, { id, sequence: 3 })).toMatchObject({ isRepeated: true });
  for (const sequence of [1, 2]) {
    expect(log.apply(INCR, { id, sequence }).result).toMatchObject(OVER);
  }
  expect(log.machine.read('n')).toBe('4');
});

test('of a client that acknowledges nothing the newest answers are kept, and no more', () => {
  const log = new Log();
  const id = log.open();
  const { count } = SESSION_ANSWERS_MAX;
  for (let sequence = 0; sequence <= count; sequence++) log.apply(INCR, { id, sequence });
  expect(log.apply(INCR, { id, sequence: 0 }).result).toMatchObject(OVER);
  expect(log.apply(INCR, { id, sequence: 1 }).result).toEqual(done(2));
  expect(log.machine.read('n')).toBe(String(count + 1));
});

test('large answers count for more: they are kept up to a size, the newest always', () => {
  const log = new Log();
  const id = log.open();
  const value = 'x'.repeat(SESSION_ANSWERS_MAX.units * 0.7);
  for (const key of ['a', 'b']) log.apply({ type: 'enqueue', key, element: value });
  log.apply({ type: 'dequeue', key: 'a' }, { id, sequence: 1 });
  expect(log.apply({ type: 'dequeue', key: 'a' }, { id, sequence: 1 }).isRepeated).toBe(true);
  log.apply({ type: 'dequeue', key: 'b' }, { id, sequence: 2 });
  expect(log.apply(INCR, { id, sequence: 1 }).result).toMatchObject(OVER);
  expect(log.apply(INCR, { id, sequence: 2 }).isRepeated).toBe(true);
});

test('a write of a session that is over is an error and no second write (thesis §6.3)', () => {
  const log = new Log();
  const id = log.open(1000);
  log.apply(INCR, { id, sequence: 1 });
  log.timeMs = 999;
  expect(log.apply(INCR, { id, sequence: 2 }).result, 'a sign of life').toEqual(done(2));
  log.timeMs = 1998;
  expect(log.apply(INCR, { id, sequence: 1 }).isRepeated, 'and another').toBe(true);
  log.timeMs = 2998;
  for (const sequence of [1, 2, 3]) {
    expect(log.apply(INCR, { id, sequence }).result).toMatchObject(OVER);
  }
  expect(log.apply(INCR, { id: 777, sequence: 1 }).result, 'it never was').toMatchObject(OVER);
  expect(log.machine.read('n')).toBe('2');
});

test('a session lives on by a sign of life alone, and ends when it is closed', () => {
  const log = new Log();
  const id = log.open(1000);
  log.timeMs = 900;
  expect(log.apply({ type: 'keep-session', id }).result).toMatchObject({ applied: true });
  log.timeMs = 1800;
  expect(log.apply(INCR, { id, sequence: 1 }).result).toEqual(done(1));
  expect(log.apply({ type: 'close-session', id }).result).toMatchObject({ applied: true });
  expect(log.apply(INCR, { id, sequence: 1 }).result).toMatchObject(OVER);
  for (const type of ['keep-session', 'close-session'] as const) {
    expect(log.apply({ type, id }).result).toMatchObject({ applied: false });
  }
});

test('time is the latest that any entry told: a leader whose clock is behind takes nothing back', () => {
  const log = new Log();
  const id = log.open(1000);
  log.timeMs = 5000;
  log.apply(INCR);
  log.timeMs = 10;
  expect(log.machine.timeMs).toBe(5000);
  expect(log.apply(INCR, { id, sequence: 1 }).result).toMatchObject(OVER);
});

test('a clock that jumps to the end of numbers harms nobody', () => {
  const log = new Log();
  log.timeMs = Number.MAX_SAFE_INTEGER;
  const id = log.open(EXPIRY_MS_MAX);
  expect(log.apply({ type: 'keep-session', id }).result).toMatchObject({ type: 'done' });
  using frozen = log.machine.freeze();
  const restoring = StateMachine.restoring();
  for (let piece = frozen.next(10); piece !== undefined; piece = frozen.next(10)) {
    restoring.push(piece);
  }
  expect(restoring.finish().timeMs).toBe(Number.MAX_SAFE_INTEGER);
});

test('sessions that are over are cleared away a few at a time, with all their answers', () => {
  const log = new Log();
  const ids = Array.from({ length: 10 }, () => log.open(100));
  for (const id of ids) for (let s = 0; s < 5; s++) log.apply(INCR, { id, sequence: s });
  log.timeMs = 100;
  const expired: number[] = [];
  while (log.machine.size > 1) expired.push(log.apply(INCR).expired.sessions);
  expect(expired).toEqual([4, 4, 2]);
  const bytes = ((): number => {
    using frozen = log.machine.freeze();
    return frozen.next(1_000_000)?.length ?? 0;
  })();
  expect(bytes, 'one value is all that is left').toBeLessThan(50);
});
