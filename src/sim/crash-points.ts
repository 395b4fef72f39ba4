import type { CrashMoment, PortCall } from './node-ports.ts';

/** A process is going to die at a call of a port. */
export interface CrashPoint {
  readonly call: PortCall | 'any';
  /** At which of these calls from now on, from 1; those of later lives count on. */
  readonly nth: number;
  readonly moment: CrashMoment;
  readonly how: 'kill' | 'power-failure';
  /** Called when it is dead. */
  readonly onCrash: () => void;
}

/** Counts the calls of a node towards its next deaths. */
export class CrashPoints {
  readonly #left = new Map<CrashPoint, number>();

  /** @returns what takes it back */
  add(point: CrashPoint): () => void {
    this.#left.set(point, point.nth);
    return () => void this.#left.delete(point);
  }

  /** @returns the one that this call makes due; it is used up */
  count(call: PortCall): CrashPoint | undefined {
    if (this.#left.size === 0) return undefined;
    let due: CrashPoint | undefined;
    for (const [point, left] of this.#left) {
      if (point.call !== 'any' && point.call !== call) continue;
      this.#left.set(point, left - 1);
      // Of two at the same call the second one waits for the next.
      if (left <= 1) due ??= point;
    }
    if (due !== undefined) this.#left.delete(due);
    return due;
  }
}
