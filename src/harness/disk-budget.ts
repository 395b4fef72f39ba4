import type { Clock } from '../contracts/clock.ts';
import { SECOND } from '../lib/duration.ts';

const INTERVAL_NS = SECOND;
/** For what is written after the clients have stopped: final reads, the last of the logs, the verdict. */
const RESERVE_BYTES = 1024 ** 2;

/** The next second, and those that clients may take to end. */
const SECONDS_AHEAD = 3;

/** How much a run may write. */
export interface DiskBudget {
  readonly maxBytes: number;
  /** What it has written so far, in bytes. */
  readonly usedBytes: () => Promise<number>;
}

/**
 * Looks once a second at what the run has written.
 *
 * @returns what was used when the budget was as good as spent: with what the next second and the end
 *   of the clients add at this rate it would be; undefined when the signal came before
 * @throws what `usedBytes` throws
 */
export async function untilSpent(
  { maxBytes, usedBytes }: DiskBudget,
  clock: Clock,
  signal: AbortSignal,
): Promise<number | undefined> {
  let before = await usedBytes();
  let used = before;
  while (!signal.aborted) {
    const growth = Math.max(0, used - before);
    if (used + SECONDS_AHEAD * growth + RESERVE_BYTES >= maxBytes) return used;
    before = used;
    await clock.sleep(INTERVAL_NS, signal);
    if (!signal.aborted) used = await usedBytes();
  }
  return undefined;
}
