/** How an operation ended: happened, certainly did not, may have. */
export type Outcome = 'ok' | 'fail' | 'info';

export const OUTCOMES: readonly Outcome[] = ['ok', 'fail', 'info'];

export type OutcomeCounts = Readonly<Record<Outcome, number>>;

export function totalOf(counts: OutcomeCounts): number {
  return counts.ok + counts.fail + counts.info;
}

export function addCounts(a: OutcomeCounts, b: OutcomeCounts): OutcomeCounts {
  return { ok: a.ok + b.ok, fail: a.fail + b.fail, info: a.info + b.info };
}
