import { defined } from '../../lib/assert.ts';
import type { HardState, Input, LogChange, NodeId, Ready } from '../../raft/core/types.ts';
import { term } from '../../raft/core/types.ts';
import type { WalRecords } from '../../raft/driver/wal.ts';
import type { Life, SimObserver } from '../observer.ts';
import type { Violation } from '../violation.ts';
import { makeAcknowledgedOnMajority } from './acknowledged-on-majority.ts';
import {
  allVoters,
  type Configuration,
  isSameSet,
  makeConfiguration,
  NO_CONFIGURATION,
} from '../../raft/core/configuration.ts';
import { electedByQuorum, oneChangeAtATime, whoLeftLeadsNoMore } from './configuration-changes.ts';
import { acknowledgementIsOnDisk } from './acknowledgement-on-disk.ts';
import { Committed } from './committed.ts';
import { makeElectionSafety } from './election-safety.ts';
import { EntryTree } from './entry-tree.ts';
import { leaderAppendOnly } from './leader-append-only.ts';
import { makeLeaseExclusive } from './lease-exclusive.ts';
import { makeLeaderCompleteness } from './leader-completeness.ts';
import { logMatching, restoredLogMatching } from './log-matching.ts';
import { commitNeverBack, termNeverBack } from './never-back.ts';
import { nodeFailed } from './node-failed.ts';
import { NodeView } from './node-view.ts';
import { makeReadConfirmed } from './read-confirmed.ts';
import { makeReadReflectsAcknowledged } from './reads.ts';
import { makeReport, type Stage } from './report.ts';
import { appliedSafety, committedSafety } from './state-machine-safety.ts';
import { makeStateMachineInvariants } from './state-machine.ts';
import { makeSnapshotSafety } from './snapshots.ts';
import { syncedFoundAgain } from './synced-found-again.ts';
import { hardStateKept, ownVoteIsOnDisk, voteIsForCompleteLog, voteIsOnDisk } from './votes.ts';

export interface Invariants extends SimObserver {
  /** The first that broke, if one did. */
  readonly broken: Violation | undefined;
}

/**
 * Holds every invariant of `INVARIANTS` after every event of a simulated run, and ends the run at
 * the first that breaks. Each event costs what it changes, never a walk over logs.
 *
 * @param parts.nodes - all that there are, running or not, members or not
 * @param parts.initial - what the cluster begins with; by default all of them
 */
export function makeInvariants(parts: {
  readonly sim: Stage;
  readonly nodes: readonly NodeId[];
  readonly initial?: Configuration | undefined;
}): Invariants {
  const { initial = makeConfiguration(parts.nodes) } = parts;
  let broken: Violation | undefined;
  const report = makeReport(parts.sim, (violation) => {
    broken = violation;
  });
  const views = parts.nodes.map(
    (node) => new NodeView(node, initial.voters.includes(node) ? initial : NO_CONFIGURATION),
  );
  const byNode = new Map(views.map((view) => [view.node, view]));
  const of = (node: NodeId): NodeView => defined(byNode.get(node), () => 'one of the nodes');
  const tree = new EntryTree();
  const committed = new Committed();
  const elections = makeElectionSafety(report);
  const completeness = makeLeaderCompleteness(report, tree, views);
  const majorities = makeAcknowledgedOnMajority(report, views, committed, initial);
  const reads = makeReadReflectsAcknowledged(report);
  const rounds = makeReadConfirmed(report, views);
  const machines = makeStateMachineInvariants(report);
  const snapshots = makeSnapshotSafety(report, committed, initial);
  const leases = makeLeaseExclusive(report);
  const lastHard = new Map<NodeId, HardState>();
  const damaged = new Set<NodeId>();

  const received = (view: NodeView, inputs: readonly Input[]): void => {
    for (const input of inputs) {
      if (input.type !== 'message') continue;
      const { message } = input;
      const from = byNode.get(input.from);
      if (message.type === 'append-response') acknowledgementIsOnDisk(report, view, from, message);
      else if (message.type === 'request-vote') ownVoteIsOnDisk(report, from, message);
      else if (message.type === 'vote-response' && view.role === 'candidate') {
        voteIsOnDisk(report, view.node, from, message);
      }
    }
  };
  const isSoleVoter = ({ node, disk }: NodeView): boolean =>
    isSameSet(allVoters(disk.log.configuration), [node]);
  const stepped = ({ node }: Life, inputs: readonly Input[], ready: Ready): void => {
    const view = of(node);
    received(view, inputs);
    rounds.received(view, inputs);
    leaderAppendOnly(report, view, ready);
    oneChangeAtATime(report, view, ready);
    whoLeftLeadsNoMore(report, view, ready);
    const { last, configuration } = view.log;
    if (ready.logChange !== undefined) changeLog(view, ready.logChange);
    if (ready.entries.length > 0) logMatching(report, tree, view, ready.entries);
    if (ready.write !== undefined || ready.hardState !== undefined || ready.logChange) {
      view.disk.handed(handedRecords(ready));
    }
    if (ready.installed !== undefined) {
      snapshots.installed(view, ready.installed, ready.logChange?.configuration);
      view.commitIndex = ready.installed.index;
      view.applied = ready.installed.index;
    }
    voteIsForCompleteLog(report, last, view, inputs, ready);
    const isElected =
      ready.role === 'leader' && (view.role !== 'leader' || view.term !== ready.term);
    if (ready.term !== view.term) {
      termNeverBack(report, view, ready);
      view.term = ready.term;
    }
    view.role = ready.role;
    if (isElected) {
      elections.elected(view);
      completeness.elected(view);
      electedByQuorum(report, view, views);
      reads.elected(view);
      leases.elected(view);
    }
    rounds.stepped(view, ready);
    leases.stepped(view, ready);
    if (ready.commitIndex === view.commitIndex) return;
    commitNeverBack(report, view, ready);
    const from = view.commitIndex;
    view.commitIndex = ready.commitIndex;
    committedSafety(report, committed, view, from);
    if (ready.role !== 'leader') return;
    completeness.committed(view);
    majorities.committed(view, configuration);
  };

  return {
    get broken() {
      return broken;
    },
    started(life, restored) {
      const view = of(life.node);
      syncedFoundAgain(report, view, restored);
      if (isSoleVoter(view)) {
        // It leads before its term is on its disk. What a crash takes away then nobody has.
        tree.forget(view.node, restored.hardState.term);
        elections.forget(view.node, restored.hardState.term);
      }
      restoredLogMatching(report, tree, view, restored);
      lastHard.set(life.node, restored.hardState);
      view.begin(life, restored);
    },
    stopped(life, stop) {
      of(life.node).disk.isCacheLost = stop.type === 'power-failure';
      reads.stopped(life.node);
      rounds.stopped(life.node);
      machines.stopped(life.node);
      nodeFailed(report, life, stop, { isDamaged: damaged.has(life.node) });
    },
    stepped,
    written({ node }, file, end, records) {
      snapshots.written(of(node), records);
      of(node).disk.written(file, end, records);
      const last = lastHard.get(node) ?? { term: term(0), votedFor: undefined };
      lastHard.set(node, hardStateKept(report, node, last, records));
    },
    synced(node, file, bytes) {
      const view = of(node);
      snapshots.synced(view, file, bytes, parts.sim.now());
      const from = view.disk.synced(file, bytes);
      if (from < Infinity) majorities.replaced(view, from);
    },
    applied({ node }, entry, applied) {
      appliedSafety(report, committed, of(node), entry);
      if (applied !== undefined) machines.applied(node, entry, applied);
    },
    snapshot({ node }, event) {
      snapshots.happened(of(node), event, { isDamaged: damaged.has(node) });
    },
    submitted({ node }, request, what) {
      reads.submitted(node, request, what);
      machines.submitted(node, request, what);
    },
    answered({ node }, request, answer) {
      const index = reads.answered(node, request, answer);
      if (index > 0) majorities.acknowledged(node, index);
      machines.answered(node, request, answer);
    },
    happened({ kind, node }) {
      if (node === undefined) return;
      if (kind === 'bit-flipped') damaged.add(node);
      if (kind === 'power-failure-while-down') of(node).disk.isCacheLost = true;
    },
  };
}

function changeLog({ log }: NodeView, { type, base, configuration }: LogChange): void {
  if (type === 'replaced') log.reset(base, [], configuration);
  else log.compact(base);
}

/** What a step gives to the write-ahead log. */
function handedRecords({ hardState, logChange, entries }: Ready): WalRecords {
  if (logChange === undefined) return { hardState, entries };
  const { type, base, configuration } = logChange;
  return {
    hardState,
    base,
    configuration,
    entries,
    ...(type === 'replaced' ? { isReplaced: true } : {}),
  };
}
