import { parseThreshold, type Threshold, type ThresholdProblem } from '../harness/threshold.ts';
import { assertNever } from '../lib/assert.ts';
import { usageError } from './failure-message.ts';

/**
 * Reads every `--threshold`.
 *
 * @param run - what it will do: a threshold on what cannot occur in it would be broken by every run
 * @throws UserError (`usage`): GONG-E171 not a threshold, GONG-E172 an unknown operation, GONG-E173 a
 *   value that does not go with the metric, GONG-E174 a phase that the run will not have
 */
export function thresholdFlags(
  texts: readonly string[],
  run: {
    readonly functions: readonly string[];
    readonly workload: string;
    readonly hasFaults: boolean;
  },
): readonly Threshold[] {
  return texts.map((text) => {
    const parsed = parseThreshold(text, run.functions);
    if (!parsed.ok) throw notUnderstood(text, parsed.problem, run.workload);
    const { threshold } = parsed;
    const phase = threshold.metric.type === 'unavailable' ? undefined : threshold.metric.phase;
    if (!run.hasFaults && (phase === 'fault' || phase === 'recovery')) {
      throw usageError({
        code: 'GONG-E174',
        what: `--threshold '${text}' asks about the phase ${phase} of a run without faults`,
        why: 'nothing would be measured there, and every such run would break it',
        fix: 'pass --nemesis with the faults to inject, or leave the phase out',
      });
    }
    return threshold;
  });
}

function notUnderstood(text: string, problem: ThresholdProblem, workload: string): Error {
  const { type, position, found, expected } = problem;
  const at =
    found === '' ? `ends at position ${position}` : `has '${found}' at position ${position}`;
  return usageError({
    code: CODES[type],
    what: `--threshold '${text}' ${at}`,
    why: `expected there: ${expected}`,
    fix: fixOf(type, workload),
  });
}

const CODES: Readonly<Record<ThresholdProblem['type'], string>> = {
  grammar: 'GONG-E171',
  function: 'GONG-E172',
  value: 'GONG-E173',
};

function fixOf(type: ThresholdProblem['type'], workload: string): string {
  switch (type) {
    case 'grammar':
      return `for example --threshold 'p99(read) < 50ms', 'unavailable < 3s' or 'ok > 99%'`;
    case 'function':
      return `name one of them, or another --workload than ${workload}`;
    case 'value':
      return `for example --threshold 'p99(*) < 50ms', 'ok(*) >= 99.9%' or 'rate(*) > 500/s'`;
    default:
      return assertNever(type);
  }
}
