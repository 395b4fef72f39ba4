import type { GateFailure } from '../rundir/cluster-log.ts';
import type { FinalAnswers } from './interpreter/final-reads.ts';
import { type FaultGateInput, faultGates } from './fault-gates.ts';

/** Fewest ok operations of each `f`, and the share of all of them, whichever is more. */
const OK_MIN = 5;
const OK_SHARE_MIN = 1 / 200;

export interface GateInput extends FaultGateInput {
  /** Every `f` that the workload draws. */
  readonly functions: readonly string[];
  /** How many operations of an `f` ended ok. */
  readonly okCount: (f: string) => number;
  /** Fewest ok operations of each `f`; by default it grows with the run. */
  readonly okMin?: number | undefined;
  /** What each node made of the reads at the end. */
  readonly finalAnswers?: readonly FinalAnswers[];
}

/**
 * Finds out whether the run proved anything: enough was done, and every planned fault left the
 * evidence that it bit. A run that fails a gate is no pass, whatever its verdict.
 *
 * @returns the gates that failed; empty when the run counts
 */
export function checkGates(input: GateInput): readonly GateFailure[] {
  return [...operationGates(input), ...faultGates(input), ...finalGates(input)];
}

function operationGates({ functions, okCount, okMin }: GateInput): GateFailure[] {
  const total = functions.reduce((sum, f) => sum + okCount(f), 0);
  const least = okMin ?? Math.max(OK_MIN, Math.floor(total * OK_SHARE_MIN));
  return functions
    .filter((f) => okCount(f) < least)
    .map((f) => ({
      gate: `enough-${f}`,
      sentence:
        `expected at least ${least} ok operations of ${f}, saw ${okCount(f)} of ${total} in all: ` +
        `let the run last longer (--duration), or see in run.log why operations do not succeed`,
    }));
}

/** After the last heal every node must serve again. One read among many may fail. */
function finalGates({ finalAnswers = [] }: GateInput): GateFailure[] {
  const silent = finalAnswers.filter(({ reads, ok }) => reads > 0 && ok === 0);
  if (silent.length === 0) return [];
  const names = silent.map(({ node }) => node).join(', ');
  const errors = silent.map(({ node, error }) => `${node}: ${error ?? 'it was not asked in time'}`);
  return [
    {
      gate: 'final-reads',
      sentence:
        `expected every node to answer at least one read after the last heal, but ${names} answered ` +
        `none (${errors.join('; ')}): see logs/${silent[0]?.node}.log, and in cluster.jsonl whether ` +
        'it was alive',
    },
  ];
}
