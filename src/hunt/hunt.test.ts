import { expect, test } from 'vitest';
import { InvariantError } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { hunt, type HuntOptions, type HuntResult } from './index.ts';

const seeds = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1));

/** A hunt whose seeds say themselves what becomes of them. */
function pretend(words: Iterable<string>, options: Partial<HuntOptions> = {}): Promise<HuntResult> {
  const program = new URL('./testdata/fake-thread.ts', import.meta.url);
  return hunt({ seeds: words, program, ...options });
}

function* forEver(word: string): Generator<string> {
  for (let i = 0; ; i++) yield `${i}-${word}`;
}

test('the same seeds on one thread and on two do the same, event by event', async () => {
  const constraints = { simTimeNs: 5 * SECOND };
  const one = await hunt({ seeds: seeds(6), constraints, threads: 1 });
  const two = await hunt({ seeds: seeds(6), constraints, threads: 2 });
  const seen = ({ outcomes }: HuntResult) =>
    outcomes.map(({ seed, digest, events, violation }) => ({ seed, digest, events, violation }));
  expect(seen(two)).toEqual(seen(one));
  expect(new Set(seen(one).map(({ digest }) => digest)).size).toBe(6);
  expect(one).toMatchObject({ ran: 6, firstFailure: undefined, isInterrupted: false });
  expect(one.simulatedNs).toBeGreaterThan(30 * SECOND);
});

test.each([1, 2, 3])(
  'of the seeds that fail the first in order is reported, on %i threads',
  async (threads) => {
    // The later one is known first where there are two threads.
    const words = ['1-ok', '2-slow-fail', '3-fail', '4-ok', '5-fail'];
    const { ran, firstFailure, simulatedNs } = await pretend(words, { threads });
    expect({ ran, simulatedNs }).toEqual({ ran: 2, simulatedNs: 2_000 });
    expect(firstFailure).toMatchObject({
      seed: '2-slow-fail',
      violation: { invariant: 'planted' },
      scenario: { seed: '2-slow-fail' },
    });
  },
);

test('what is under way behind the first failure is ended, though it would never end', async () => {
  const { ran, firstFailure } = await pretend(['1-slow-fail', '2-hang', '3-ok'], { threads: 2 });
  expect(ran).toBe(1);
  expect(firstFailure?.seed).toBe('1-slow-fail');
});

test('a signal ends a hunt that would go on for ever', async () => {
  const interrupted = new AbortController();
  const { ran, isInterrupted, firstFailure } = await pretend(forEver('ok'), {
    threads: 2,
    signal: interrupted.signal,
    onProgress: ({ done }) => {
      if (done >= 20) interrupted.abort();
    },
  });
  expect(ran).toBeGreaterThanOrEqual(20);
  expect(isInterrupted).toBe(true);
  expect(firstFailure).toBeUndefined();
  const before = await pretend(['1-hang'], { signal: AbortSignal.abort() });
  expect(before).toMatchObject({ ran: 0, isInterrupted: true });
});

test('no seed begins after the budget', async () => {
  const { ran, wallNs } = await pretend(forEver('ok'), { threads: 2, budgetNs: 300 * MILLISECOND });
  expect(ran).toBeGreaterThan(0);
  expect(wallNs).toBeGreaterThanOrEqual(300 * MILLISECOND);
});

test('a thread that dies or is stuck is reported with its seed', async () => {
  const gone = { code: 'GONG-E158', kind: 'infrastructure' };
  await expect(pretend(['1-ok', '2-die', '3-ok'], { threads: 1 })).rejects.toMatchObject({
    ...gone,
    message: expect.stringContaining('2-die') as unknown,
  });
  await expect(
    pretend(['1-ok', '2-hang'], { threads: 1, patienceNs: 2 * SECOND }),
  ).rejects.toMatchObject({ ...gone, why: expect.stringContaining('silent') as unknown });
});

test('what a run throws is a bug in Gong, unless a seed before it fails', async () => {
  const words = ['1-ok', '2-throw', '3-fail'];
  await expect(pretend(words, { threads: 2 })).rejects.toThrow(InvariantError);
  const { firstFailure } = await pretend(['1-slow-fail', '2-throw'], { threads: 2 });
  expect(firstFailure?.seed).toBe('1-slow-fail');
});
