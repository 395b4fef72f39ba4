import { assert } from '../lib/assert.ts';
import { FailureSelection } from './failure-selection.ts';
import type { JudgeVerdict, ReportedFailure } from './verdict.ts';

/**
 * Nothing masks a violation: one that was proved while the history grew stays one when the whole is
 * judged anew and its budget ends, or somebody interrupts, before that key is decided again.
 *
 * @throws InvariantError when the whole is valid in spite of it (a bug in Gong)
 */
export function withSeen(verdict: JudgeVerdict, failure: ReportedFailure): JudgeVerdict {
  if (verdict.valid === false) return verdict;
  assert(
    verdict.valid === 'unknown',
    `a violation that was seen while the run went on is gone: ${failure.sentence}`,
  );
  const unknown = verdict.unknown.filter(({ key }) => key !== failure.key);
  const { keys } = verdict;
  // An interrupted reader may not have come to that key.
  const isCounted = unknown.length < verdict.unknown.length;
  const selection = new FailureSelection();
  selection.add(failure);
  const engines = { ...verdict.engines };
  for (const { key, engine } of verdict.unknown) {
    if (key === failure.key && engine !== null) engines[engine] = (engines[engine] ?? 1) - 1;
  }
  engines[failure.engine] = (engines[failure.engine] ?? 0) + 1;
  const { failures, stale } = selection.selected(failure.duringFaults);
  return {
    ...verdict,
    valid: false,
    keys: {
      ...keys,
      total: keys.total + (isCounted ? 0 : 1),
      invalid: 1,
      unknown: unknown.length,
    },
    engines,
    failures,
    stale,
    unknown,
  };
}
