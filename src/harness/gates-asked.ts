import type { GateFailure } from '../rundir/cluster-log.ts';
import { CUTS } from './fault-gates.ts';
import type { GateInput } from './gates.ts';

const PHASES = ['steady', 'fault', 'recovery'] as const;

/**
 * The gates that were asked of a run and that it kept, by name: CI wants to see those, too. An `f` that
 * was done too little in one phase of the run was not done enough.
 */
export function gatesKept(input: GateInput, failures: readonly GateFailure[]): readonly string[] {
  const failed = new Set(failures.map(({ gate }) => gate));
  return gatesAsked(input)
    .filter(({ names }) => !names.some((name) => failed.has(name)))
    .map(({ gate }) => gate);
}

/** A gate, and the names under which it may fail. */
interface AskedGate {
  readonly gate: string;
  readonly names: readonly string[];
}

/** All that a run with this input may fail. */
export function gatesAsked(input: GateInput): readonly AskedGate[] {
  const { functions, refusedCount = () => 0, contention, finalAnswers = [], faults } = input;
  const asked: AskedGate[] = [];
  const add = (gate: string, alias: readonly string[] = []): void => {
    asked.push({ gate, names: [gate, ...alias] });
  };
  for (const f of functions) {
    add(
      `enough-${f}`,
      PHASES.map((phase) => `enough-${f}-${phase}`),
    );
  }
  // Of an `f` that is never refused it says nothing.
  for (const f of functions) if (refusedCount(f) > 0) add(`applied-${f}`);
  if (contention !== undefined) add('overlap');
  if (contention?.readsOfOthers !== undefined) add('reads-of-others');
  for (const record of faults) {
    const name = `fault-${record.fault + 1}`;
    // One that never came is missed only when nothing of its kind did: then it is among the failures.
    if (record.outcome === 'skipped') continue;
    add(`${name}-injected`);
    if (record.outcome !== 'injected') continue;
    for (const evidence of record.required) add(`${name}-${evidence}`);
    if (record.required.some((one) => CUTS.includes(one))) add(`${name}-both-sides`);
  }
  if (finalAnswers.length > 0) add('final-reads');
  return asked;
}
