import type { NodeId } from '../contracts/names.ts';
import type { VictimOperations } from '../rundir/cluster-log.ts';
import type { FinishedOperation } from './recorder.ts';

interface FaultWindow {
  readonly fault: number;
  readonly victims: ReadonlySet<string>;
  readonly startedNs: number;
  healedNs: number;
  readonly counts: { -readonly [K in keyof VictimOperations]: number };
}

/**
 * Counts, as they complete, the operations that were sent to a fault's victims while it was in force.
 * Sent, not completed: an operation that was under way before the cut proves nothing about it, and
 * one that timed out after the heal does.
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
      counts: { ok: 0, fail: 0, info: 0, servedElsewhere: 0 },
    });
  }

  close(fault: number, healedNs: number): void {
    const window = this.#windows.find((one) => one.fault === fault);
    if (window !== undefined) window.healedNs = healedNs;
  }

  record({ invokedNs, node, completion }: FinishedOperation): void {
    const window = this.#windows.findLast((one) => one.startedNs <= invokedNs);
    if (window === undefined || invokedNs >= window.healedNs || !window.victims.has(node)) return;
    window.counts[completion.type]++;
    const { servedBy } = completion;
    if (completion.type === 'ok' && servedBy !== undefined && !window.victims.has(servedBy)) {
      window.counts.servedElsewhere++;
    }
  }

  operations(fault: number): VictimOperations {
    const window = this.#windows.find((one) => one.fault === fault);
    return { ...(window?.counts ?? { ok: 0, fail: 0, info: 0, servedElsewhere: 0 }) };
  }
}
