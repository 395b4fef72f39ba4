import { DecodeError } from '../../lib/bytes.ts';
import type { Restored } from '../core/core.ts';
import type { LogPosition } from '../core/types.ts';
import { checkEntry } from './peer-check.ts';
import { WalDamage } from './wal-segments.ts';

/**
 * Refuses a log that was read whole and cannot be a log: written by a bug, by another version, or on
 * purpose. A node that believed it would stop later, when it applies what nobody can.
 *
 * @throws WalDamage that names the entry
 */
export function checkRestored({ hardState, base, entries }: Restored): void {
  let before: LogPosition = base;
  for (const entry of entries) {
    const { index, term } = entry;
    if (term < before.term) {
      throw new WalDamage(
        `entry ${index} of the log: its term ${term} is older than the one before`,
      );
    }
    try {
      // What was believed once is there, and a node may have counted on from the greatest that a peer may say.
      checkEntry(entry, Number.MAX_SAFE_INTEGER);
    } catch (cause) {
      if (!(cause instanceof DecodeError)) throw cause;
      throw new WalDamage(`entry ${index} of the log: ${cause.message}`, { cause });
    }
    before = entry;
  }
  if (hardState.term < before.term) {
    throw new WalDamage(
      `the term ${hardState.term} on disk does not go with entry ${before.index} of term ${before.term}`,
    );
  }
}
