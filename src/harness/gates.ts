import type { GateFailure } from '../rundir/cluster-log.ts';
import type { FinalAnswers } from './interpreter/final-reads.ts';
import { type FaultGateInput, faultGates } from './fault-gates.ts';
import { phaseGates, type PhaseCounts } from './phase-gates.ts';

/** Fewest ok operations of each `f`, and the share of all of them, whichever is more. */
const OK_MIN = 5;
const OK_SHARE_MIN = 1 / 200;

/** How often clients met. */
export interface ContentionCounts {
  /** Operations of different processes on one key at one time. */
  readonly overlaps: number;
  /** Reads of what another process wrote; absent when that cannot be told. */
  readonly readsOfOthers?: number | undefined;
}

export interface GateInput extends FaultGateInput {
  /** Every `f` that the workload draws. */
  readonly functions: readonly string[];
  /** How many operations of an `f` ended ok. */
  readonly okCount: (f: string) => number;
  /** How many of those changed nothing: a CAS that found another value. */
  readonly refusedCount?: (f: string) => number;
  /** What the last operation of an `f` said that did not end ok. */
  readonly lastError?: (f: string) => string | undefined;
  /** False when the nodes are somebody else's: then there is no log of theirs. True by default. */
  readonly hasNodeLogs?: boolean;
  /** Absent when it is not asked: with one client nobody can meet. */
  readonly contention?: ContentionCounts | undefined;
  /** Fewest ok operations of each `f`; by default it grows with the run. */
  readonly okMin?: number | undefined;
  /** The same in each phase of the run; without it phases are not asked. */
  readonly phases?: PhaseCounts | undefined;
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
  const tooFew = operationGates(input);
  // An `f` that was done too little in all has been told.
  const others = input.functions.filter((f) => !tooFew.some(({ gate }) => gate === `enough-${f}`));
  return [
    ...tooFew,
    ...phaseGates({ ...input, functions: others }),
    ...contentionGates(input),
    ...faultGates(input),
    ...finalGates(input),
  ];
}

function operationGates(input: GateInput): GateFailure[] {
  const { functions, okCount, okMin, refusedCount = () => 0, lastError } = input;
  const said = (f: string): string => {
    const error = lastError?.(f);
    return error === undefined ? '' : ` (the last that did not succeed: ${error})`;
  };
  const total = functions.reduce((sum, f) => sum + okCount(f), 0);
  const least = okMin ?? Math.max(OK_MIN, Math.floor(total * OK_SHARE_MIN));
  const tooFew = functions
    .filter((f) => okCount(f) < least)
    .map((f) => ({
      gate: `enough-${f}`,
      sentence:
        `expected at least ${least} ok operations of ${f}, saw ${okCount(f)} of ${total} in ` +
        `all${said(f)}: let the run last longer (--duration), or see in history.jsonl why ` +
        'operations do not succeed',
    }));
  // A store that refuses every CAS was never asked to keep one.
  const neverApplied = functions
    .filter((f) => okCount(f) > 0 && refusedCount(f) >= okCount(f))
    .map((f) => ({
      gate: `applied-${f}`,
      sentence:
        `expected at least one ${f} to change something, but all ${okCount(f)} found another value ` +
        `than they expected: let the run last longer (--duration), or use fewer clients (--concurrency)`,
    }));
  return [...tooFew, ...neverApplied];
}

function contentionGates({ contention }: GateInput): GateFailure[] {
  if (contention === undefined) return [];
  const { overlaps, readsOfOthers } = contention;
  const failures: GateFailure[] = [];
  if (overlaps === 0) {
    failures.push({
      gate: 'overlap',
      sentence:
        'expected operations of different clients on one key at one time, saw none: one after the ' +
        'other they prove little; use more clients (--concurrency), a higher --rate or more --key-ops',
    });
  }
  if (readsOfOthers === 0) {
    failures.push({
      gate: 'reads-of-others',
      sentence:
        'expected at least one read of a value that another client wrote, saw none: nothing passed ' +
        'from one client to another; let the run last longer (--duration), or use more --key-ops',
    });
  }
  return failures;
}

/** After the last heal every node must serve again. One read among many may fail. */
function finalGates({ finalAnswers = [], hasNodeLogs = true }: GateInput): GateFailure[] {
  const silent = finalAnswers.filter(({ reads, ok }) => reads > 0 && ok === 0);
  if (silent.length === 0) return [];
  const names = silent.map(({ node }) => node).join(', ');
  const errors = silent.map(({ node, error }) => `${node}: ${error ?? 'it was not asked in time'}`);
  return [
    {
      gate: 'final-reads',
      sentence:
        `expected every node to answer at least one read after the last heal, but ${names} answered ` +
        `none (${errors.join('; ')}): ${hasNodeLogs ? `see logs/${silent[0]?.node}.log, and` : 'see'} ` +
        'in cluster.jsonl whether it was alive',
    },
  ];
}
