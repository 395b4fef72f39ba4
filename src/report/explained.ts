import { formatInstant } from '../lib/duration.ts';
import type { StoredFault, StoredOperation, StoredVerdict } from './verdict-file.ts';

/**
 * What an explanation reads of a verdict beyond what other reports do. Parts that older verdicts do not
 * have are optional.
 */
export interface ExplainedVerdict extends Pick<
  StoredVerdict,
  'valid' | 'completed' | 'crashed' | 'model' | 'keys'
> {
  readonly failures: readonly ExplainedFailure[];
  readonly stale: StoredVerdict['stale'];
}

export interface ExplainedFailure {
  readonly key: string | null;
  readonly sentence: string;
  readonly couldNotPlace: TimedOperation;
  readonly counterexample?: ExplainedCounterexample | null;
  readonly stuck: {
    readonly isExact: boolean;
    readonly placed: number;
    readonly lastPlaced: readonly TimedOperation[];
    readonly rejection: string | null;
    readonly note: string | null;
  };
  readonly duringFaults: readonly StoredFault[];
}

export interface TimedOperation extends StoredOperation {
  readonly invokeTime: number;
  /** Null where it never completed. */
  readonly returnTime: number | null;
}

export interface ExplainedOperation extends TimedOperation {
  /** Position of its completion in the history: instants may be equal. Null for a weak one. */
  readonly returnIndex: number | null;
  readonly isWeak: boolean;
  readonly isOwn: boolean;
}

export interface ExplainedCounterexample {
  readonly isMinimal: boolean;
  /** The state that all that happened before it had left, where it begins in the middle. */
  readonly before: string | null;
  readonly operations: readonly ExplainedOperation[];
}

/** One operation as a bar: from where to where, in the order of events. */
export interface Bar {
  readonly operation: ExplainedOperation;
  /** Its number in the table, from 1. */
  readonly number: number;
  /** Place of its invocation among the events that are drawn, from 0. */
  readonly begin: number;
  /** Place of its completion; undefined for a weak one, which may take effect until the end. */
  readonly end: number | undefined;
  /** True for the one that no order can hold. */
  readonly isCulprit: boolean;
}

export interface Lane {
  readonly title: string;
  /** From left to right. */
  readonly bars: readonly Bar[];
}

/** What both timelines draw. */
export interface Timeline {
  readonly lanes: readonly Lane[];
  /** The instant of each event that is drawn, in order, nanoseconds; undefined for the checker's own. */
  readonly instants: readonly (number | undefined)[];
}

/**
 * Orders the events of a counterexample: a lane for each process, the checker's own write first. Events are
 * drawn one after the other; how long it took between two is told, not drawn, since it may be microseconds
 * here and minutes there.
 *
 * @param culprit - id of the operation that no order can hold
 */
export function timelineOf(operations: readonly ExplainedOperation[], culprit: number): Timeline {
  const events = operations
    .flatMap(({ id, returnIndex, invokeTime, returnTime }, i) => {
      const begin = { i, time: invokeTime, position: id, isEnd: false };
      if (returnIndex === null || returnTime === null) return [begin];
      return [begin, { i, time: returnTime, position: returnIndex, isEnd: true }];
    })
    .toSorted((a, b) => a.position - b.position);
  const begins = new Map<number, number>();
  const completes = new Map<number, number>();
  for (const [place, { i, isEnd }] of events.entries()) (isEnd ? completes : begins).set(i, place);
  const lanes = new Map<string, Bar[]>();
  for (const [i, operation] of operations.entries()) {
    const title = laneOf(operation);
    const bar: Bar = {
      operation,
      number: i + 1,
      begin: begins.get(i) ?? 0,
      end: completes.get(i),
      isCulprit: operation.id === culprit,
    };
    const bars = lanes.get(title);
    if (bars === undefined) lanes.set(title, [bar]);
    else bars.push(bar);
  }
  return {
    lanes: [...lanes].map(([title, bars]) => ({ title, bars })),
    instants: events.map(({ time, i }) => (operations[i]?.isOwn === true ? undefined : time)),
  };
}

function laneOf({ isOwn: isCheckers, process }: ExplainedOperation): string {
  return isCheckers ? 'before' : `process ${process}`;
}

/** What a bar says: the call and its answer, without the key that all share. */
export function labelOf({ operation }: Bar): string {
  const { description, key } = operation;
  return key === null ? description : description.replace(` of ${key}`, '');
}

/** `0.010 s`, to the microsecond where milliseconds do not tell the events apart. */
export function instantsText(instants: readonly (number | undefined)[]): readonly string[] {
  const short = instants.map((ns) => (ns === undefined ? '' : formatInstant(ns)));
  const isClear = new Set(short).size === new Set(instants).size;
  if (isClear) return short;
  return instants.map((ns) => (ns === undefined ? '' : `${(ns / 1e9).toFixed(6)} s`));
}
