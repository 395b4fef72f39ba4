import type { HistoryEvent, Json } from '../../checker/index.ts';

/** A stretch of the history during which a fault was in force. */
export interface FaultWindow {
  /** `partition`, `kill`, …. */
  readonly kind: string;
  /** `leader-minority`, …; null where the history does not say. */
  readonly shape: string | null;
  readonly victims: readonly string[];
  /** Nanoseconds since the run began. */
  readonly startTime: number;
  /** Null: it was still in force when the history ended. */
  readonly healTime: number | null;
  /** Positions in the order of events. */
  readonly start: number;
  readonly heal: number | null;
}

/**
 * Pairs `start` and `heal` events of the nemesis, by kind and number of the fault. Events of any other
 * shape say nothing about a window and are passed over.
 */
export function faultWindows(nemesis: readonly HistoryEvent[]): readonly FaultWindow[] {
  const windows: FaultWindow[] = [];
  const open = new Map<string, number>();
  for (const event of nemesis) {
    const phase = field(event.value, 'phase');
    const id = `${event.f} ${JSON.stringify(field(event.value, 'fault') ?? null)}`;
    if (phase === 'start') {
      const shape = field(event.value, 'shape');
      const victims = field(event.value, 'victims');
      open.set(id, windows.length);
      windows.push({
        kind: event.f,
        shape: typeof shape === 'string' ? shape : null,
        victims: Array.isArray(victims) ? victims.filter((node) => typeof node === 'string') : [],
        startTime: event.time,
        healTime: null,
        start: event.index,
        heal: null,
      });
    } else if (phase === 'heal') {
      const at = open.get(id);
      const window = at === undefined ? undefined : windows[at];
      if (at === undefined || window === undefined) continue;
      windows[at] = { ...window, healTime: event.time, heal: event.index };
      open.delete(id);
    }
  }
  return windows;
}

/** Those in force at some moment between two positions. */
export function overlapping(
  windows: readonly FaultWindow[],
  interval: { readonly from: number; readonly to: number },
): readonly FaultWindow[] {
  return windows.filter(
    (window) => window.start < interval.to && (window.heal ?? Infinity) > interval.from,
  );
}

function field(value: Json, name: string): Json | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  return (value as Readonly<Record<string, Json>>)[name];
}
