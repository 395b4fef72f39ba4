import { SECOND } from '../lib/duration.ts';
import { hunt, type HuntFailure, type HuntOptions } from './hunt.ts';

/** What came of a hunt for a planted defect. */
export interface DefectHunt {
  readonly defect: string;
  /** Undefined: not found within the budget. */
  readonly found: HuntFailure | undefined;
  /** Seeds up to the one that found it. */
  readonly seeds: number;
  readonly simulatedNs: number;
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly isInterrupted: boolean;
}

const BUDGET_NS = 60 * SECOND;

/**
 * Looks for a planted defect over seeds 1, 2, 3, … until one fails.
 *
 * @param defect - its name in `DEFECTS`
 * @param options - `budgetNs`: of wall time, 60 s by default
 */
export async function huntDefect(
  defect: string,
  options: Omit<HuntOptions, 'seeds' | 'defect'> = {},
): Promise<DefectHunt> {
  const { ran, firstFailure, simulatedNs, cpuNs, wallNs, isInterrupted } = await hunt({
    budgetNs: BUDGET_NS,
    ...options,
    seeds: counting(),
    defect,
  });
  return { defect, found: firstFailure, seeds: ran, simulatedNs, cpuNs, wallNs, isInterrupted };
}

function* counting(): Generator<string> {
  for (let seed = 1; ; seed++) yield String(seed);
}
