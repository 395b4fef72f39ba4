import type { EvidenceKind } from '../contracts/nemesis.ts';
import { assertNever } from '../lib/assert.ts';
import { formatDuration, formatInstant } from '../lib/duration.ts';
import type { FaultRecord, GateFailure } from '../rundir/cluster-log.ts';

/** Fewest ok operations of each `f`, and the share of all of them, whichever is more. */
const OK_MIN = 5;
const OK_SHARE_MIN = 1 / 200;

export interface GateInput {
  /** Every `f` that the workload draws. */
  readonly functions: readonly string[];
  /** How many operations of an `f` ended ok. */
  readonly okCount: (f: string) => number;
  readonly faults: readonly FaultRecord[];
  /** Fewest ok operations of each `f`; by default it grows with the run. */
  readonly okMin?: number | undefined;
}

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/**
 * Finds out whether the run proved anything: enough was done, and every planned fault left the
 * evidence that it bit. A run that fails a gate is no pass, whatever its verdict.
 *
 * @returns the gates that failed; empty when the run counts
 */
export function checkGates(input: GateInput): readonly GateFailure[] {
  return [...operationGates(input), ...input.faults.flatMap(faultGates)];
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

function faultGates(record: FaultRecord): GateFailure[] {
  const name = `fault ${record.fault + 1} (${record.kind}:${record.shape})`;
  const gate = (what: string): string => `fault-${record.fault + 1}-${what}`;
  switch (record.outcome) {
    case 'skipped':
      return [
        {
          gate: gate('injected'),
          sentence:
            `expected ${name} to be injected, but the run ended before its turn: ` +
            `let it last longer (--duration)`,
        },
      ];
    case 'unresolved':
      return [
        {
          gate: gate('injected'),
          sentence:
            `expected ${name} to find its victims, but no leader was known for ` +
            `${formatDuration(record.waitedNs)}: see in cluster.jsonl what the nodes said, and leave ` +
            `more time between faults (--nemesis-interval)`,
        },
      ];
    case 'injected':
      return record.required.flatMap((kind) => {
        const missing = missingEvidence(kind, record);
        return missing === undefined
          ? []
          : [{ gate: gate(kind), sentence: `expected of ${name} on ${where(record)} ${missing}` }];
      });
    default:
      return assertNever(record);
  }
}

/** Undefined when the evidence is there; else what was expected, what was seen, what to change. */
function missingEvidence(kind: EvidenceKind, record: Injected): string | undefined {
  switch (kind) {
    case 'election':
      if (record.election !== null) return undefined;
      return (
        'another node to lead a higher term before the heal, saw none: see in cluster.jsonl what ' +
        'the nodes said, and leave more time (--nemesis-interval)'
      );
    case 'new-process': {
      const same = record.processes.filter(
        ({ pidBefore, pidAfter }) =>
          pidBefore === null || pidAfter === null || pidBefore === pidAfter,
      );
      if (same.length > 0) {
        const pids = same.map(
          (one) => `${one.node} had pid ${one.pidBefore ?? 'none'}, then ${one.pidAfter ?? 'none'}`,
        );
        return `a new process, saw that ${pids.join('; ')}: see the logs of the nodes`;
      }
      return missingDisturbance(record);
    }
    case 'cut-off-side':
      return missingDisturbance(record);
    default:
      return assertNever(kind);
  }
}

/** Clients of a victim must have felt it: a failure, no answer, or an answer from elsewhere. */
function missingDisturbance({ victimOperations, victims }: Injected): string | undefined {
  const { ok, fail, info, servedElsewhere } = victimOperations;
  if (fail + info + servedElsewhere > 0) return undefined;
  const expected = 'an operation sent there to fail, time out or be served elsewhere';
  return ok === 0
    ? `${expected}, but none was sent: use more clients (--concurrency) than nodes`
    : `${expected}, but all ${ok} were answered by ${victims.join(', ')}: ` +
        'the fault was not felt, see the logs of the nodes';
}

function where({ victims, startedNs, healedNs }: Injected): string {
  return `${victims.join(', ')} from ${formatInstant(startedNs)} to ${formatInstant(healedNs)}`;
}
