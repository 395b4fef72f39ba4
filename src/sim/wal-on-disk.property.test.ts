import { expect, test } from 'vitest';
import { isRefused, WalLives } from './testing/wal-lives.ts';

/** What must have happened at least so often, or the test proves little. */
const OCCURS = [
  'torn-none',
  'torn-prefix',
  'torn-whole',
  'torn-holes',
  'cache-kept',
  'ghost-read',
  'cache-evicted',
  'sync-failed',
  'directory-sync-failed',
  'read-failed',
  'disk-full',
  'create kept',
  'create lost',
  'rename kept',
  'rename lost',
  'remove kept',
  'remove lost',
  'conflict',
  'segment begun',
  'segment removed',
  'empty segment found',
  'torn bytes found',
  'found more than was acknowledged',
  'kill in recovery',
  'kill in work',
  'power failure in recovery',
  'power failure in work',
  'power failure while down',
  'unsynced names at kill',
  'unsynced names at power failure',
  'failed in recovery',
  'failed in work',
  'ended at list',
  'ended at read wal-N.log',
  'ended at append wal-N.log',
  'ended at sync wal-N.log',
  'ended at append wal-segment.new',
  'ended at sync wal-segment.new',
  'ended at rename wal-segment.new',
  'ended at remove wal-N.log',
  'ended at allocate wal-segment.spare',
  'ended at rename wal-segment.spare',
  'ended at remove wal-segment.spare',
  'allocation-failed',
  'ended at sync-directory',
];

function add(sum: Map<string, number>, lives: WalLives): void {
  for (const [what, count] of lives.counts) sum.set(what, (sum.get(what) ?? 0) + count);
}

test('whatever was called durable, or recovered once, is there after any crash, in order; nothing else is', async () => {
  const sum = new Map<string, number>();
  for (let seed = 1; seed <= 1500; seed++) {
    const lives = new WalLives(seed);
    try {
      await lives.run(8);
      await lives.reopen();
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
    add(sum, lives);
  }
  const rare = OCCURS.filter((what) => (sum.get(what) ?? 0) < 5);
  expect(rare, 'nothing of this is left to luck').toEqual([]);
});

test('a bit that flips in a batch with a later one behind it is refused, or did no harm', async () => {
  const counts = { refused: 0, whole: 0 };
  for (let seed = 1; seed <= 500; seed++) {
    const lives = new WalLives(seed);
    await lives.run(4);
    if (!(await lives.flip())) continue;
    const wasRefused = await isRefused(lives);
    counts[wasRefused ? 'refused' : 'whole'] += 1;
    const isRefusedAgain = await isRefused(lives);
    expect(isRefusedAgain || !wasRefused, `seed ${seed}, and again`).toBe(true);
  }
  expect(counts.refused).toBeGreaterThan(250);
  // It was in the oldest segment, of which nothing is needed any more.
  expect(counts.whole).toBeLessThan(counts.refused / 5);
});

test('a log without one of its segments is refused, or whole all the same', async () => {
  const counts = { refused: 0, whole: 0 };
  for (let seed = 1; seed <= 500; seed++) {
    const lives = new WalLives(seed);
    await lives.run(5);
    await lives.reopen();
    if (!(await lives.loseSegment())) continue;
    counts[(await isRefused(lives)) ? 'refused' : 'whole'] += 1;
  }
  expect(counts.refused).toBeGreaterThan(200);
  // A recovery left a copy of its only batch.
  expect(counts.whole).toBeGreaterThan(5);
});
