import { lockRoute, queueRoute, setRoute } from './objects.ts';
import type { Route } from './call.ts';
import { sessionRoute } from './sessions.ts';
import { transactionRoute } from './transactions.ts';
import { transferRoute } from './transfer.ts';
import { valueRoute } from './values.ts';

export type { Call, Route, RouteOptions } from './call.ts';

/** The routes of what the cluster keeps, by the first part of the path. */
export const ROUTES: ReadonlyMap<string, Route> = new Map([
  ['kv', valueRoute],
  ['txn', transactionRoute],
  ['set', setRoute],
  ['queue', queueRoute],
  ['lock', lockRoute],
  ['sessions', sessionRoute],
  ['cluster', transferRoute],
]);
