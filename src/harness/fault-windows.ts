import type { NodeId } from '../contracts/names.ts';
import { MILLISECOND } from '../lib/duration.ts';
import type { VictimOperations } from '../rundir/cluster-log.ts';
import type { FinishedOperation } from './recorder.ts';

/** An operation that waited so long in a window, or a quarter of a shorter one, was held up. */
const DELAYED_NS = 250 * MILLISECOND;

type Counts = Required<VictimOperations>;

const none: Counts = { ok: 0, fail: 0, info: 0, servedElsewhere: 0, leaked: 0, delayed: 0 };

interface FaultWindow {
  readonly fault: number;
  readonly victims: ReadonlySet<string>;
  readonly startedNs: number;
  healedNs: number;
  readonly counts: { -readonly [K in keyof Counts]: number };
}

/**
 * Counts, as they complete, the operations that were sent to a fault's victims while it was in force.
 * Sent, not completed: one that timed out after the heal shows the cut. One that was under way when the
 * fault began counts only when it was held up, since a cut that is shorter than a client's patience shows
 * in nothing else.
 */
export class FaultWindows {
  /** In the order of their times; they do not overlap. */
  readonly #windows: FaultWindow[] = [];

  open(fault: number, victims: readonly NodeId[], startedNs: number): void {
    this.#windows.push({
      fault,
      victims: new Set<string>(victims),
      startedNs,
      healedNs: Infinity,
      counts: { ...none },
    });
  }

  close(fault: number, healedNs: number): void {
    const window = this.#windows.find((one) => one.fault === fault);
    if (window !== undefined) window.healedNs = healedNs;
  }

  record(operation: FinishedOperation): void {
    for (let i = this.#windows.length - 1; i >= 0; i--) {
      const window = this.#windows[i];
      if (window === undefined || operation.invokedNs >= window.healedNs) return;
      if (!window.victims.has(operation.node)) continue;
      if (operation.invokedNs >= window.startedNs) countSent(window, operation);
      if (isDelayed(window, operation)) window.counts.delayed++;
    }
  }

  operations(fault: number): Counts {
    const window = this.#windows.find((one) => one.fault === fault);
    return { ...(window?.counts ?? none) };
  }
}

function countSent({ counts, victims, healedNs }: FaultWindow, operation: FinishedOperation): void {
  const { completion, completedNs } = operation;
  counts[completion.type]++;
  const { servedBy } = completion;
  if (completion.type !== 'ok' || servedBy === undefined || victims.has(servedBy)) return;
  counts.servedElsewhere++;
  if (completedNs < healedNs) counts.leaked++;
}

function isDelayed({ startedNs, healedNs }: FaultWindow, operation: FinishedOperation): boolean {
  const { invokedNs, completedNs, completion } = operation;
  const isAnsweredInside = completion.type === 'ok' && completedNs < healedNs;
  const isCountedAlready = completion.type !== 'ok' && invokedNs >= startedNs;
  if (isAnsweredInside || isCountedAlready) return false;
  const waitedNs = Math.min(completedNs, healedNs) - Math.max(invokedNs, startedNs);
  return waitedNs >= Math.min(DELAYED_NS, (healedNs - startedNs) / 4);
}
