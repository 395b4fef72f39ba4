import { formatDuration, SECOND } from '../lib/duration.ts';
import type { FaultRecord, GateFailure } from '../rundir/cluster-log.ts';
import { ELECTION_TIMEOUTS_MAX } from './fault-injection.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** Where in the life of a run an operation falls: undisturbed, during a fault, soon after one. */
export type RunPhase = 'steady' | 'fault' | 'recovery';

/** Of each `f` at least this share of what its average over the whole run would give a phase. */
const SHARE_MIN = 1 / 50;
/** Phases that could serve for less time than that are not asked. */
const SERVING_NS_MIN = SECOND;

/** What was done in each phase. Phases add up to the time in which clients worked. */
export interface PhaseCounts {
  readonly okCount: (f: string, phase: RunPhase) => number;
  /** How long each lasted in all, in nanoseconds. */
  readonly lengthNs: (phase: RunPhase) => number;
  /** How long after the heal of a fault its recovery lasts. */
  readonly recoveryNs: number;
  /** How many nodes the cluster has. */
  readonly nodes: number;
}

export interface PhaseGateInput {
  readonly functions: readonly string[];
  readonly okCount: (f: string) => number;
  readonly phases?: PhaseCounts | undefined;
  readonly faults: readonly FaultRecord[];
  readonly electionTimeoutNsMax?: number | undefined;
}

/**
 * Finds out whether clients got something done in each phase: a history without operations under
 * faults says nothing of them, however long it is.
 *
 * What is asked grows with rate and duration: a fiftieth of the ok operations that the time in which
 * the cluster could serve would hold at the average of the run. Of few operations that is none, and
 * nothing is asked. A cluster without a quorum serves nobody, and so the time of a fault counts only
 * when it left one, from the election on that it brought; the time after a fault that left none does
 * not count either, since its nodes may need all of it to find each other.
 */
export function phaseGates(input: PhaseGateInput): readonly GateFailure[] {
  const { phases, functions, okCount } = input;
  if (phases === undefined) return [];
  const totalNs = ALL.reduce((sum, phase) => sum + phases.lengthNs(phase), 0);
  return ALL.flatMap((phase) => {
    const servingNs = Math.min(phases.lengthNs(phase), servingTime(phase, input, phases));
    if (servingNs < SERVING_NS_MIN) return [];
    return functions.flatMap((f) => {
      const least = Math.floor(okCount(f) * (servingNs / totalNs) * SHARE_MIN);
      const seen = phases.okCount(f, phase);
      if (seen >= least) return [];
      return [
        {
          gate: `enough-${f}-${phase}`,
          sentence:
            `expected at least ${least} ok operations of ${f} ${NAMED[phase]} (in ` +
            `${formatDuration(servingNs)} of it the cluster could serve), saw ${seen} of ` +
            `${okCount(f)} in all: ${CHANGE[phase]}`,
        },
      ];
    });
  });
}

const ALL: readonly RunPhase[] = ['steady', 'fault', 'recovery'];

const NAMED: Readonly<Record<RunPhase, string>> = {
  steady: 'while no fault was in force',
  fault: 'while a fault was in force',
  recovery: 'right after faults had healed',
};

const CHANGE: Readonly<Record<RunPhase, string>> = {
  steady:
    'leave more time between faults (--nemesis-interval), or let the run last longer (--duration)',
  fault:
    'use more clients (--concurrency) than nodes, and see in the logs of the nodes that were not hit ' +
    'why they did not serve',
  recovery:
    'leave more time between faults (--nemesis-interval), and see in the logs of the nodes why they ' +
    'did not serve again',
};

/** For how much of a phase the cluster had no reason not to serve. */
function servingTime(
  phase: RunPhase,
  { faults, electionTimeoutNsMax }: PhaseGateInput,
  { nodes, recoveryNs }: PhaseCounts,
): number {
  if (phase === 'steady') return Infinity;
  const injected = faults.filter((one) => one.outcome === 'injected');
  // Whoever does not tell how long its elections take may be in one all the time.
  if (electionTimeoutNsMax === undefined) return 0;
  const patienceNs = ELECTION_TIMEOUTS_MAX * electionTimeoutNsMax;
  const times = injected.map((record) => {
    if (!leavesQuorum(record, nodes)) return 0;
    return phase === 'recovery' ? recoveryNs : servingNsDuring(record, patienceNs);
  });
  return times.reduce((sum, ns) => sum + ns, 0);
}

/** From the election on; without one that was seen, an old leader or a new one needs patience. */
function servingNsDuring(record: Injected, patienceNs: number): number {
  // What slows or resets links slows clients as well, by how much nobody says.
  if (!isDisabling(record)) return 0;
  const { startedNs, healedNs, election } = record;
  return Math.max(0, healedNs - (election?.atNs ?? startedNs + patienceNs));
}

/** Whether most of the nodes were left to each other. What a script does to them nobody knows. */
function leavesQuorum(record: Injected, nodes: number): boolean {
  if (record.required.includes('hook-output')) return false;
  return !isDisabling(record) || record.victims.length < nodes / 2;
}

/** Takes its victims away from the others. */
function isDisabling({ required }: Injected): boolean {
  return required.some(
    (kind) => kind === 'cut-off-side' || kind === 'new-process' || kind === 'stopped',
  );
}
