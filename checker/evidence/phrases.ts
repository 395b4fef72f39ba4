import type { Operation } from '../history.ts';
import { shortKey, show } from '../models/register.ts';

/** `read of key k17 by process 4 at 31.207 s on n2 (served by n3)`. @param at - nanoseconds */
export function named(operation: Operation, at: number = operation.invokeTime): string {
  const node = operation.node === undefined ? '' : ` on ${operation.node}`;
  const served =
    operation.servedBy === undefined || operation.servedBy === operation.node
      ? ''
      : ` (served by ${operation.servedBy})`;
  return `${operation.f}${ofTheKey(operation)} by process ${operation.process} at ${instant(at)}${node}${served}`;
}

/** ` of key k17`, or nothing where there are no keys. */
export function ofTheKey({ key }: Operation): string {
  return key === undefined ? '' : ` of key ${shortKey(key)}`;
}

/** `at 31.180 s by process 2 on n3`: who completed, and when. */
export function completedBy(operation: Operation): string {
  const node = operation.node === undefined ? '' : ` on ${operation.node}`;
  return `at ${instant(operation.returnTime)} by process ${operation.process}${node}`;
}

/** `(27.0 ms earlier)`, with a blank before; nothing where the clock says otherwise. */
export function earlier(ns: number): string {
  return ns >= 0 ? ` (${duration(ns)} earlier)` : '';
}

/** What a client was told, with its verb: `returned 3`, `of 5 was acknowledged by 1.002 s`. */
export function result(operation: Operation): string {
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
