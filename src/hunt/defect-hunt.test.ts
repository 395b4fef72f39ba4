import { expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { huntDefect } from './index.ts';

test('a hunt finds a defect, says by what, and gives the scenario that shows it', async () => {
  const { found, seeds, simulatedNs } = await huntDefect('acknowledge-before-fsync', {
    threads: 1,
    budgetNs: 600 * SECOND,
  });
  expect(found?.violation.invariant).toBe('acknowledgement-on-disk');
  expect(found?.scenario).toMatchObject({ seed: String(seeds), durationNs: 60 * SECOND });
  expect(simulatedNs).toBeGreaterThan(0);
});

test('what is not there is not found: the budget ends the hunt', async () => {
  const { found, seeds } = await huntDefect('vote-twice', {
    threads: 1,
    // Nobody else can be voted for.
    constraints: { nodes: 1, simTimeNs: SECOND },
    budgetNs: SECOND,
  });
  expect(found).toBeUndefined();
  expect(seeds).toBeGreaterThan(0);
});
