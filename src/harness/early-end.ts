import type { Clock } from '../contracts/clock.ts';
import { type DiskBudget, untilSpent } from './disk-budget.ts';
import type { EarlyEnd } from '../rundir/cluster-log.ts';
import type { RunningJudge } from './run-options.ts';

interface EarlyEndParts {
  readonly clock: Clock;
  readonly judge: RunningJudge | undefined;
  readonly disk: DiskBudget | undefined;
  /** Told once, when there is a reason to end. */
  readonly onEnd: (end: EarlyEnd) => void;
}

/** Watches, while clients run, for what ends a run before its time: a violation, or a full disk budget. */
export class EarlyEndWatch {
  readonly #parts: EarlyEndParts;
  readonly #ended = new AbortController();
  #end: EarlyEnd | undefined;

  constructor(parts: EarlyEndParts) {
    this.#parts = parts;
  }

  /** The first reason. */
  get end(): EarlyEnd | undefined {
    return this.#end;
  }

  /** Aborted when there is one. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Watches until the signal, or the first reason. @throws what `usedBytes` of the budget throws */
  async run(signal: AbortSignal): Promise<void> {
    const { judge, disk, clock } = this.#parts;
    const stop = AbortSignal.any([signal, this.signal]);
    const onViolation = (): void => this.#noteViolation();
    judge?.violated.addEventListener('abort', onViolation, { once: true });
    if (judge?.violated.aborted === true) onViolation();
    try {
      if (disk === undefined) return await aborted(stop);
      const usedBytes = await untilSpent(disk, clock, stop);
      if (usedBytes === undefined) return;
      this.#note({ type: 'disk', atNs: clock.now(), usedBytes, maxBytes: disk.maxBytes });
    } finally {
      judge?.violated.removeEventListener('abort', onViolation);
    }
  }

  #noteViolation(): void {
    const { judge, clock } = this.#parts;
    const violation = judge?.violation;
    if (violation === undefined) return;
    this.#note({ type: 'violation', atNs: clock.now(), violation });
  }

  #note(end: EarlyEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#parts.onEnd(end);
    this.#ended.abort();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
