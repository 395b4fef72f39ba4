import type { Operation } from '../history.ts';
import type { Model } from '../models/model.ts';
import { show } from '../models/register.ts';
import type { Stuck } from '../verdict.ts';
import type { StaleRead } from './stale-read.ts';

/**
 * What happened on a key, from its evidence alone: every clause is proved by the history. A stale
 * read is named when the operation that could not be placed is one, for it says more.
 */
export function sentenceOf(stuck: Stuck, staleReads: readonly StaleRead[], model: Model): string {
  const stale = staleReads.find(({ read }) => read.id === stuck.operation.id);
  return stale === undefined ? stuckSentence(stuck, model) : staleSentence(stale);
}

/**
 * `read of key k17 by process 4 at 31.207 s on n2 returned 3, but 5 had been acknowledged at 31.180 s
 * by process 2 on n3 (27.0 ms earlier)`.
 */
export function staleSentence(stale: StaleRead): string {
  const { read, value, overwrittenBy, newerValue, staleByNs } = stale;
  const returned = value === null ? 'found it absent' : `returned ${show(value)}`;
  const newer = newerValue === null ? 'its deletion' : show(newerValue);
  const earlier = staleByNs >= 0 ? ` (${duration(staleByNs)} earlier)` : '';
  return (
    `${named(read, read.invokeTime)} ${returned}, but ${newer} had been acknowledged at ` +
    `${instant(overwrittenBy.returnTime)} by process ${overwrittenBy.process}` +
    `${overwrittenBy.node === undefined ? '' : ` on ${overwrittenBy.node}`}${earlier}`
  );
}

function stuckSentence(stuck: Stuck, model: Model): string {
  const { operation } = stuck;
  const what = `${named(operation, operation.invokeTime)} ${result(operation)}`;
  if (!stuck.isExact) {
    return `${what}: the history is not linearizable, and no order found gets beyond this operation`;
  }
  const note = stuck.note === undefined ? '' : `: ${stuck.note}`;
  const left = model.describeState(stuck.state);
  return (
    `${what}${note}; no order of the operations allows that, while all that completed before it is ` +
    `linearizable (one such order ends with ${left})`
  );
}

function named(operation: Operation, at: number): string {
  const key = operation.key === undefined ? '' : ` of key ${operation.key}`;
  const node = operation.node === undefined ? '' : ` on ${operation.node}`;
  const served =
    operation.servedBy === undefined || operation.servedBy === operation.node
      ? ''
      : ` (served by ${operation.servedBy})`;
  return `${operation.f}${key} by process ${operation.process} at ${instant(at)}${node}${served}`;
}

function result(operation: Operation): string {
  const until = `by ${instant(operation.returnTime)}`;
  if (operation.f === 'read' || operation.f === 'get') return `returned ${show(operation.output)}`;
  if (!operation.applied) return `of ${show(operation.input)} found another value ${until}`;
  return operation.input === null
    ? `was acknowledged ${until}`
    : `of ${show(operation.input)} was acknowledged ${until}`;
}

/** Seconds since the run began, as reports name instants: `31.207 s`. */
export function instant(ns: number): string {
  return `${(ns / 1e9).toFixed(3)} s`;
}

/** Three significant digits and a unit that fits: `27.0 ms`. */
export function duration(ns: number): string {
  const units: readonly (readonly [number, string])[] = [
    [1e9, 's'],
    [1e6, 'ms'],
    [1e3, 'µs'],
  ];
  for (const [size, unit] of units) {
    if (ns >= size) {
      const value = ns / size;
      return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${unit}`;
    }
  }
  return `${Math.round(ns)} ns`;
}
