import { formatDuration, SECOND } from '../lib/duration.ts';
import type { EvidenceKind } from '../contracts/nemesis.ts';
import type { FaultRecord, GateFailure } from '../rundir/cluster-log.ts';
import { type Phase, PHASES } from '../statistics/phase.ts';
import { ELECTION_TIMEOUTS_MAX } from './fault-injection.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** Of each `f` at least this share of what its average over the whole run would give a phase. */
const SHARE_MIN = 1 / 50;
/** Phases that could serve for less time than that are not asked. */
const SERVING_NS_MIN = SECOND;

/** What was done in each phase. Phases add up to the time in which clients worked. */
export interface PhaseCounts {
  readonly okCount: (f: string, phase: Phase) => number;
  /** How long each lasted in all, in nanoseconds. */
  readonly lengthNs: (phase: Phase) => number;
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
 * nothing is asked. A cluster without a quorum serves nobody, nor does one without a leader: the time
 * of a fault, and that after it, count when the fault left a quorum, and from then on when one of that
 * quorum led. So a fault that stops most nodes fails no gate, and one that should stop a few and stops
 * all of them does.
 */
export function phaseGates(input: PhaseGateInput): readonly GateFailure[] {
  const { phases, functions, okCount } = input;
  if (phases === undefined) return [];
  const totalNs = PHASES.reduce((sum, phase) => sum + phases.lengthNs(phase), 0);
  return PHASES.flatMap((phase) => {
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

const NAMED: Readonly<Record<Phase, string>> = {
  steady: 'while no fault was in force',
  fault: 'while a fault was in force',
  recovery: 'right after faults had healed',
};

const CHANGE: Readonly<Record<Phase, string>> = {
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
  phase: Phase,
  { faults, electionTimeoutNsMax }: PhaseGateInput,
  { nodes, recoveryNs }: PhaseCounts,
): number {
  if (phase === 'steady') return Infinity;
  // Whoever does not tell how long its elections take may be in one all the time.
  if (electionTimeoutNsMax === undefined) return 0;
  const patienceNs = ELECTION_TIMEOUTS_MAX * electionTimeoutNsMax;
  return faults
    .filter((one) => one.outcome === 'injected')
    .map((record) => {
      const voters = record.voters?.length ?? nodes;
      const isAnnoying = record.required.some((kind) => ANNOYING.includes(kind));
      if (isAnnoying) return phase === 'recovery' ? recoveryNs : 0;
      if (record.required.some((kind) => STEERING.includes(kind))) {
        return phase === 'recovery' ? recoveryNs : steeredNs(record);
      }
      const isDisabling = record.required.some((kind) => DISABLING.includes(kind));
      // Without a quorum nobody is served; what a script or a partial cut leaves, nobody knows.
      if (!isDisabling || record.victims.length >= voters / 2) return 0;
      // Whoever could have served was not asked: another gate tells.
      if (record.otherOperations === 0) return 0;
      const fromNs = servesFromNs(record, patienceNs);
      if (phase === 'fault') return Math.max(0, record.healedNs - fromNs);
      return Math.max(0, Math.min(recoveryNs, record.healedNs + recoveryNs - fromNs));
    })
    .reduce((sum, ns) => sum + ns, 0);
}

/** Take their victims away from the others. */
const DISABLING: readonly EvidenceKind[] = ['cut-off-side', 'new-process', 'stopped'];
/** Change the cluster while it serves: it has no reason to stop, but for the election of another leader. */
const STEERING: readonly EvidenceKind[] = ['members-changed', 'led-by-target'];
/** Slow clients down while they last, by how much nobody says, and take nobody away. */
const ANNOYING: readonly EvidenceKind[] = ['slowed', 'connections-reset'];

/** From when the change was complete; where the leader may have been removed, from its successor on. */
function steeredNs({ leaderBefore = null, victims, members, ...record }: Injected): number {
  const { election, startedNs, healedNs } = record;
  const isDeposed =
    members !== undefined && leaderBefore !== null && victims.includes(leaderBefore);
  const fromNs = isDeposed ? (election?.atNs ?? healedNs) : startedNs;
  return Math.max(0, healedNs - fromNs);
}

/** At once when somebody else led; else from the election on, which may need patience. */
function servesFromNs(record: Injected, patienceNs: number): number {
  const { startedNs, election, leaderBefore = null, victims } = record;
  if (leaderBefore !== null && !victims.includes(leaderBefore)) return startedNs;
  return election?.atNs ?? startedNs + patienceNs;
}
