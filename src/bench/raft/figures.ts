import { defined } from '../../lib/assert.ts';
import { median } from '../checker/measure.ts';
import type { Measurement } from './load.ts';
import type { Operation } from './system.ts';

/** What is measured side by side: one operation at one number of connections. */
export interface Cell {
  readonly operation: Operation;
  readonly connections: number;
}

/** The systems one right after the other, so that the machine was the same for all. */
export interface Repetition {
  readonly gong: Measurement;
  /** Undefined where etcd is not installed. */
  readonly etcd: Measurement | undefined;
  readonly bare: Measurement;
}

/** Others on the machine may use so many cores before a repetition is marked. */
export const OTHERS_CORES_MAX = 0.35;

export function isQuiet({ gong, etcd, bare }: Repetition): boolean {
  return [gong, etcd, bare].every(
    (one) => one === undefined || one.othersCores <= OTHERS_CORES_MAX,
  );
}

/** A median with the extremes. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Undefined for no numbers. */
export function spreadOf(numbers: readonly number[]): Spread | undefined {
  if (numbers.length === 0) return undefined;
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** What the repetitions of a cell say together. */
export interface CellFigures {
  readonly cell: Cell;
  /** All of them that count: the quiet ones, or all when none was quiet. */
  readonly counted: number;
  readonly quiet: number;
  readonly gong: Measurement;
  readonly etcd: Measurement | undefined;
  readonly bare: Measurement;
  /** Ours to etcd's, within each repetition. */
  readonly throughputToEtcd: Spread | undefined;
  readonly p99ToEtcd: Spread | undefined;
  /** Of server CPU for a request: who shares the host's cores only ever adds to it. */
  readonly gongMicroseconds: Spread;
  readonly etcdMicroseconds: Spread | undefined;
  readonly throughputToBare: Spread | undefined;
}

/** @param repetitions - at least one */
export function figuresOf(cell: Cell, repetitions: readonly Repetition[]): CellFigures {
  const quiet = repetitions.filter(isQuiet);
  const counted = quiet.length > 0 ? quiet : repetitions;
  const toEtcd = (field: 'requestsPerSecond' | 'p99Ms'): Spread | undefined =>
    spreadOf(
      counted.flatMap(({ gong, etcd }) => (etcd === undefined ? [] : gong[field] / etcd[field])),
    );
  const etcds = counted.flatMap(({ etcd }) => etcd ?? []);
  return {
    cell,
    counted: counted.length,
    quiet: quiet.length,
    gong: medianOf(counted.map(({ gong }) => gong)),
    etcd: etcds.length === 0 ? undefined : medianOf(etcds),
    bare: medianOf(counted.map(({ bare }) => bare)),
    throughputToEtcd: toEtcd('requestsPerSecond'),
    p99ToEtcd: toEtcd('p99Ms'),
    gongMicroseconds: defined(
      spreadOf(counted.map(({ gong }) => gong.serverMicroseconds)),
      'at least one repetition',
    ),
    etcdMicroseconds: spreadOf(etcds.map((etcd) => etcd.serverMicroseconds)),
    throughputToBare: spreadOf(
      counted.map(({ gong, bare }) => gong.requestsPerSecond / bare.requestsPerSecond),
    ),
  };
}

/** Field by field: each figure is the median of its own. */
function medianOf(measurements: readonly Measurement[]): Measurement {
  const of = (read: (one: Measurement) => number): number => median(measurements.map(read));
  const synced = measurements.flatMap(({ requestsPerSync }) => requestsPerSync ?? []);
  return {
    requestsPerSecond: of((one) => one.requestsPerSecond),
    p50Ms: of((one) => one.p50Ms),
    p99Ms: of((one) => one.p99Ms),
    serverMicroseconds: of((one) => one.serverMicroseconds),
    generatorMicroseconds: of((one) => one.generatorMicroseconds),
    othersCores: of((one) => one.othersCores),
    requestsPerSync: synced.length === 0 ? undefined : median(synced),
    failures: measurements.reduce((sum, { failures }) => sum + failures, 0),
  };
}
