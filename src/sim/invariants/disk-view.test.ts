import { expect, test } from 'vitest';
import { LOG_START } from '../../raft/core/log.ts';
import type { Restored } from '../../raft/core/core.ts';
import { DiskView } from './disk-view.ts';
import { hard, logOf } from './testing/told-cluster.ts';

const found = (...terms: readonly number[]): Restored => ({
  hardState: hard(0),
  base: LOG_START,
  entries: logOf(...terms),
});

test('what a node was about to write when it died may be there in part: batches are cut anywhere', () => {
  for (const [there, isExplained] of [
    [[], true],
    [[1], true],
    [[1, 1], true],
    [[1, 1, 1], true],
    [[2], false],
    [[1, 1, 1, 1], false],
  ] as const) {
    const view = new DiskView();
    for (const entry of logOf(1, 1, 1)) view.handed({ entries: [entry] });
    expect(view.explains(found(...there)), there.join()).toBe(isExplained);
  }
});
