/** A stretch of the run, nanoseconds since it began. */
export interface Stretch {
  readonly startNs: number;
  readonly endNs: number;
  readonly durationNs: number;
}

export function stretch(startNs: number, endNs: number): Stretch {
  return { startNs, endNs, durationNs: endNs - startNs };
}

/** What two stretches share; undefined when they share less than a point. */
export function overlap(a: Stretch, b: Stretch): Stretch | undefined {
  const startNs = Math.max(a.startNs, b.startNs);
  const endNs = Math.min(a.endNs, b.endNs);
  return startNs < endNs ? stretch(startNs, endNs) : undefined;
}

/** The same time as stretches that neither touch nor overlap, in their order. */
export function joined(stretches: readonly Stretch[]): Stretch[] {
  const all: Stretch[] = [];
  for (const next of stretches.toSorted((a, b) => a.startNs - b.startNs)) {
    const last = all.at(-1);
    if (last === undefined || next.startNs > last.endNs) all.push(next);
    else all[all.length - 1] = stretch(last.startNs, Math.max(last.endNs, next.endNs));
  }
  return all;
}
