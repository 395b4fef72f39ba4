import { assert, assertNever, defined } from '../lib/assert.ts';
import { NO_CONFIGURATION } from '../raft/core/configuration.ts';
import { decodeConfiguration } from '../raft/core/configuration-codec.ts';
import type { NodeId } from '../raft/core/types.ts';
import { COVERAGE, COVERAGE_NAMES, type CoverageName } from './coverage-names.ts';
import { countStep, type SeenCluster, type SeenNode } from './coverage-steps.ts';
import {
  countSnapshot,
  countSnapshotStep,
  countSnapshotStop,
  type SeenSnapshots,
} from './coverage-snapshots.ts';
import { TIMED_OUT } from '../raft/driver/pending.ts';
import { countApplied, SeenSessions } from './coverage-entries.ts';
import type { Life, SimObserver, Stop } from './observer.ts';

export { COVERAGE, COVERAGE_NAMES, type Counter, type CoverageName } from './coverage-names.ts';

/** How often each thing happened, by the names of `COVERAGE`. */
export type Counts = Record<CoverageName, number>;

export interface Coverage extends SimObserver {
  /** So far; a copy. */
  counts(): Counts;
}

/** All of them, at 0. */
export function noCounts(): Counts {
  return Object.fromEntries(COVERAGE_NAMES.map((name) => [name, 0])) as Counts;
}

/** Counts are summed over the runs of a search. */
export function addCounts(sum: Counts, counts: Counts): void {
  for (const name of COVERAGE_NAMES) sum[name] += counts[name];
}

/**
 * What a large search should have met and did not, by name.
 *
 * @param nodes - the size of all clusters, where it was one: some things need more nodes
 */
export function neverCounted(counts: Counts, nodes: number = Infinity): readonly CoverageName[] {
  return COVERAGE_NAMES.filter((name) => {
    const { nodes: nodesMin = 1 } = COVERAGE[name];
    return counts[name] === 0 && nodes >= nodesMin;
  });
}

interface SeenLife extends SeenNode {
  /** The segment that it wrote to last. */
  file: string | undefined;
  /** It has read its disk. */
  isServing: boolean;
  /** Requests without an answer: true for those that were handed to the leader. */
  requests: Map<number, boolean>;
  readonly snapshots: SeenSnapshots;
}

/** Counts what happens in a simulated run: what faults and chance tell, and what steps show. */
export function makeCoverage(parts: { readonly nodes: readonly NodeId[] }): Coverage {
  const counts = noCounts();
  const lives = new Map(parts.nodes.map((node): [NodeId, SeenLife] => [node, seenLife(node)]));
  const cluster: SeenCluster = {
    nodes: [...lives.values()],
    committed: 0,
    candidacies: new Map(),
  };
  let lastApplied = 0;
  const sessions = new SeenSessions(counts);
  const of = (node: NodeId): SeenLife => defined(lives.get(node), 'one of the nodes');
  return {
    counts: () => ({ ...counts }),
    snapshot({ node }, event) {
      countSnapshot(counts, of(node).snapshots, event);
    },
    started({ node, number }, { hardState, base, configuration, entries }, tornBytes) {
      const seen = of(node);
      seen.isServing = true;
      seen.role = 'follower';
      seen.term = hardState.term;
      seen.leader = undefined;
      seen.transferee = undefined;
      seen.transferTerm = 0;
      seen.votedFor = hardState.votedFor;
      seen.terms = [];
      seen.terms[base.index] = base.term;
      seen.configuration = configuration ?? NO_CONFIGURATION;
      seen.configurationIndex = base.index;
      for (const entry of entries) {
        seen.terms[entry.index] = entry.term;
        if (entry.kind !== 'configuration') continue;
        seen.configuration = decodeConfiguration(entry.data);
        seen.configurationIndex = entry.index;
      }
      if (number > 1) counts.restarted += 1;
      if (tornBytes > 0) counts['torn-tail-cut'] += 1;
      seen.unanswered.clear();
      seen.proposals.clear();
      seen.file = undefined;
    },
    stopped(life, stop) {
      const seen = of(life.node);
      countStop(counts, seen, stop);
      countSnapshotStop(counts, seen.snapshots);
      seen.isServing = false;
      counts['request-lost-with-node'] += seen.requests.size;
      seen.requests.clear();
      sessions.stopped(life.node);
    },
    stepped({ node }, inputs, ready) {
      const seen = of(node);
      countSnapshotStep(counts, seen.snapshots, inputs, ready);
      countStep(counts, cluster, seen, inputs, ready);
    },
    written({ node }, file, _end, records) {
      const seen = of(node);
      if (records.length > 1) counts['group-commit'] += 1;
      if (seen.file !== undefined && seen.file !== file) counts['segment-rotated'] += 1;
      seen.file = file;
    },
    applied({ node }: Life, entry, applied) {
      const { index, term } = entry;
      if (applied !== undefined && index > lastApplied) {
        lastApplied = index;
        countApplied(counts, entry, applied);
      }
      const { proposals } = of(node);
      if (proposals.size === 0) return;
      const proposed = proposals.get(index);
      if (proposed === undefined) return;
      proposals.delete(index);
      if (proposed !== term) counts['proposal-replaced'] += 1;
    },
    submitted({ node }, request, what) {
      const { leader, requests } = of(node);
      const isStale = what.type === 'read' && what.consistency === 'stale';
      const isForwarded = what.type !== 'read' && leader !== undefined && leader !== node;
      if (isForwarded) counts['request-forwarded'] += 1;
      if (!isStale && leader === undefined) counts['request-without-leader'] += 1;
      requests.set(request, isForwarded);
      sessions.submitted(node, request, what);
    },
    answered({ node }, request, answer) {
      const { requests } = of(node);
      const isForwarded = requests.get(request) === true;
      requests.delete(request);
      sessions.answered(node, request, answer);
      if (answer.type !== 'ok' && answer.error === TIMED_OUT) {
        counts[isForwarded ? 'forwarded-answer-lost' : 'request-timed-out'] += 1;
      }
    },
    happened({ kind, detail }) {
      counts[kind] += 1;
      if (kind !== 'crashed-at-port') return;
      const call = `crashed-at-${detail?.split(' ').at(-1)}`;
      assert(call in counts, `${call} is a name of COVERAGE`);
      counts[call as CoverageName] += 1;
    },
  };
}

function seenLife(node: NodeId): SeenLife {
  return {
    node,
    role: 'follower',
    term: 0,
    leader: undefined,
    votedFor: undefined,
    terms: [0],
    unanswered: new Map(),
    round: -1,
    waitingReads: 0,
    transferee: undefined,
    transferTerm: 0,
    proposals: new Map(),
    configuration: NO_CONFIGURATION,
    configurationIndex: 0,
    file: undefined,
    isServing: false,
    requests: new Map(),
    snapshots: { isTaking: false, receiving: 'nothing', installing: Infinity },
  };
}

function countStop(counts: Counts, { isServing }: SeenLife, stop: Stop): void {
  if (!isServing) counts['crashed-in-recovery'] += 1;
  switch (stop.type) {
    case 'killed':
      counts.killed += 1;
      return;
    case 'power-failure':
      counts['power-failure'] += 1;
      return;
    case 'failed':
      counts[isServing ? 'stopped-by-disk' : 'start-failed'] += 1;
      return;
    case 'refused':
      counts['start-refused'] += 1;
      return;
    default:
      assertNever(stop);
  }
}
