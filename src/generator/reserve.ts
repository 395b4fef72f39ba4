import type { Source } from '../contracts/workload.ts';
import { assert, defined } from '../lib/assert.ts';
import { DONE, WAIT_FOR_COMPLETION } from './draws.ts';
import { tellAll } from './listeners.ts';

export interface Range {
  /** How many logical clients, from 1. */
  readonly clients: number;
  /** What they do; to it they are numbered from 0. */
  readonly source: Source;
}

/**
 * Ranges of clients that do something of their own; those that are left over do `rest`. A client keeps
 * its range when its process id changes.
 *
 * @param concurrency - how many clients ask here; the ranges must not need more
 */
export function reserve(concurrency: number, ranges: readonly Range[], rest: Source): Source {
  const taken = ranges.reduce((sum, { clients }) => sum + clients, 0);
  assert(taken <= concurrency, `${taken} clients are reserved, there are ${concurrency}`);
  const left = { clients: concurrency - taken, source: rest };
  const parts = [...ranges, ...(left.clients > 0 ? [left] : [])];
  const places = parts.flatMap((part) =>
    Array.from({ length: part.clients }, (_, client) => ({ part, client })),
  );
  const open = new Set(parts);
  return {
    next(asked) {
      const place = places[asked.client];
      const { part, client } = defined(place, 'clients are numbered below the concurrency');
      if (open.has(part)) {
        const draw = part.source.next({ ...asked, client });
        if (draw.type !== 'done') return draw;
        open.delete(part);
      }
      // Exhausted means for everybody: while others go on this client has to wait for them.
      return open.size === 0 ? DONE : WAIT_FOR_COMPLETION;
    },
    ...tellAll(parts.map(({ source }) => source)),
  };
}
