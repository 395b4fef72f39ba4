import type { Completion } from '../contracts/client.ts';
import type { NodeId } from '../contracts/names.ts';
import { MILLISECOND } from '../lib/duration.ts';
import type { VictimOperations } from '../rundir/cluster-log.ts';
import type { Reaches } from './open-paths.ts';
import type { StartedOperation } from './interpreter/ports.ts';
import type { FinishedOperation } from './recorder.ts';

/** An operation that waited so long in a window, or a quarter of a shorter one, was held up. */
const DELAYED_NS = 250 * MILLISECOND;

type Counts = Required<VictimOperations>;

const none: Counts = {
  ok: 0,
  fail: 0,
  info: 0,
  servedElsewhere: 0,
  leaked: 0,
  delayed: 0,
  answered: 0,
  slowed: 0,
};

const ANSWERED: Completion = { type: 'ok', value: null };

/** A fault that has taken effect. */
export interface OpenedFault {
  readonly victims: readonly NodeId[];
  readonly startedNs: number;
  /** Of a fault that cuts links: who still reaches whom. By default victims reach victims only. */
  readonly reaches?: Reaches | undefined;
  /** Of a fault that slows links: by how much at least. */
  readonly delayNs?: number | undefined;
}

/** What clients have seen of a fault that is in force. */
interface SoFar {
  readonly victims: Counts;
  readonly others: number;
  readonly asked: readonly string[];
}

interface FaultWindow {
  readonly fault: number;
  readonly victims: ReadonlySet<string>;
  readonly reaches: Reaches;
  readonly delayNs: number;
  readonly startedNs: number;
  healedNs: number;
  /** The latest heal of this window and of all that were opened before it. */
  healedUpToNs: number;
  readonly counts: { -readonly [K in keyof Counts]: number };
  others: number;
  /** Every node at which an operation was under way. */
  readonly asked: Set<string>;
}

/**
 * Counts, as they complete, the operations that were sent to a fault's victims while it was in force.
 * Sent, not completed: one that timed out after the heal shows the cut. One that was under way when the
 * fault began counts only when it was held up, since a cut that is shorter than a client's patience shows
 * in nothing else.
 */
export class FaultWindows {
  /** In the order of their beginnings. The heal of one may still be under way when the next begins. */
  readonly #windows: FaultWindow[] = [];
  /** Operations that have begun and not ended; as many as there are clients at most. */
  readonly #underWay = new Set<StartedOperation>();

  open(fault: number, { victims, startedNs, reaches, delayNs }: OpenedFault): void {
    const hit = new Set<string>(victims);
    this.#windows.push({
      fault,
      victims: hit,
      reaches: reaches ?? ((_, to) => hit.has(to)),
      delayNs: delayNs ?? Infinity,
      startedNs,
      healedNs: Infinity,
      healedUpToNs: Infinity,
      counts: { ...none },
      others: 0,
      asked: new Set(),
    });
  }

  close(fault: number, healedNs: number): void {
    let healedUpToNs = 0;
    for (const window of this.#windows) {
      if (window.fault === fault) window.healedNs = healedNs;
      healedUpToNs = Math.max(healedUpToNs, window.healedNs);
      window.healedUpToNs = healedUpToNs;
    }
  }

  /** To be told of each operation before it is sent, and of its end with `ended`. */
  started(operation: StartedOperation): void {
    this.#underWay.add(operation);
  }

  /** To be called after `record`. @param operation - the same object as for `started` */
  ended(operation: StartedOperation): void {
    this.#underWay.delete(operation);
  }

  record(operation: FinishedOperation): void {
    for (let i = this.#windows.length - 1; i >= 0; i--) {
      const window = this.#windows[i];
      // The earlier ones were over when it was sent, too.
      if (window === undefined || operation.invokedNs >= window.healedUpToNs) return;
      count(window, operation);
    }
  }

  /** At the victims. */
  operations(fault: number): Counts {
    return { ...(this.#find(fault)?.counts ?? none) };
  }

  /** How many at nodes that are no victims were under way while the fault was in force. */
  otherOperations(fault: number): number {
    return this.#find(fault)?.others ?? 0;
  }

  /** The nodes at which operations were under way while the fault was in force, in order. */
  asked(fault: number): readonly string[] {
    return [...(this.#find(fault)?.asked ?? [])].toSorted();
  }

  /**
   * What all of these would say if the fault healed now, and whatever is under way were answered right after:
   * how long an operation has waited is known before it ends.
   */
  soFar(fault: number, nowNs: number): SoFar {
    const window = this.#find(fault);
    if (window === undefined) return { victims: { ...none }, others: 0, asked: [] };
    const { counts, asked } = window;
    const trial = { ...window, healedNs: nowNs, counts: { ...counts }, asked: new Set(asked) };
    for (const operation of this.#underWay) {
      count(trial, { ...operation, completedNs: nowNs, completion: ANSWERED });
    }
    return { victims: trial.counts, others: trial.others, asked: [...trial.asked].toSorted() };
  }

  #find(fault: number): FaultWindow | undefined {
    return this.#windows.find((one) => one.fault === fault);
  }
}

function count(window: FaultWindow, operation: FinishedOperation): void {
  const { invokedNs, completedNs, node } = operation;
  if (invokedNs >= window.healedNs || completedNs < window.startedNs) return;
  window.asked.add(node);
  if (!window.victims.has(node)) {
    window.others++;
    return;
  }
  if (invokedNs >= window.startedNs) countSent(window, operation);
  if (isDelayed(window, operation)) window.counts.delayed++;
  if (waitedNs(window, operation) >= window.delayNs) window.counts.slowed++;
}

function countSent({ counts, reaches, victims, healedNs }: FaultWindow, sent: FinishedOperation) {
  const { completion, completedNs, node } = sent;
  counts[completion.type]++;
  if (completion.type !== 'ok') return;
  const isInside = completedNs < healedNs;
  if (isInside) counts.answered++;
  const { servedBy } = completion;
  if (servedBy === undefined) return;
  if (!victims.has(servedBy)) counts.servedElsewhere++;
  if (isInside && !reaches(node, servedBy)) counts.leaked++;
}

function isDelayed(window: FaultWindow, operation: FinishedOperation): boolean {
  const { startedNs, healedNs } = window;
  const { invokedNs, completedNs, completion } = operation;
  const isAnsweredInside = completion.type === 'ok' && completedNs < healedNs;
  const isCountedAlready = completion.type !== 'ok' && invokedNs >= startedNs;
  if (isAnsweredInside || isCountedAlready) return false;
  return waitedNs(window, operation) >= Math.min(DELAYED_NS, (healedNs - startedNs) / 4);
}

/** How much of its time an operation spent in the window. */
function waitedNs({ startedNs, healedNs }: FaultWindow, operation: FinishedOperation): number {
  return Math.min(operation.completedNs, healedNs) - Math.max(operation.invokedNs, startedNs);
}
