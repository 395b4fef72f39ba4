import type { RunStatisticsSnapshot } from './run-statistics.ts';

/** What load the clients put on the store, and what kept them from more. Shares are 0 … 1. */
export interface LoadReport {
  /** Operations per second that were asked for; null for a closed loop, which takes what it gets. */
  readonly askedPerSecond: number | null;
  /** Operations whose time had come when clients stopped; null for a closed loop. */
  readonly due: number | null;
  readonly started: number;
  readonly startedPerSecond: number;
  /** Due and never started. They are in no latency: nobody knows how long they would have waited. */
  readonly neverStarted: number;
  /** How long after their intended time operations started; all 0 for a closed loop. */
  readonly lateNs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Of the clients' time, how much went by with an operation under way. */
  readonly clientsBusyShare: number;
  readonly concurrency: number;
  /** Of one core, what this process's main thread used: near 1 it is the limit itself. */
  readonly generatorCpuShare: number;
}

/** `stats.json`: what was measured, and under which load. */
export type StatsFile = RunStatisticsSnapshot & { readonly load: LoadReport };
