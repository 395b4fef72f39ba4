import { usageError } from './failure-message.ts';
import { sizeFlag } from './flag-values.ts';

const MEBIBYTE = 1024 ** 2;
/** What even a short run writes: logs, the nodes' first files, some seconds of history, final reads. */
const LEAST_BYTES = 8 * MEBIBYTE;

/** @returns bytes. @throws UserError (`usage`) when it is no size, or less than any run needs */
export function maxDiskFlag(text: string): number {
  const bytes = sizeFlag('--max-disk', text);
  if (bytes >= LEAST_BYTES) return bytes;
  throw usageError({
    code: 'GONG-E111',
    what: `--max-disk ${text} is too little for a run`,
    why: `a run of some seconds writes several MiB, and the least is ${LEAST_BYTES / MEBIBYTE} MiB`,
    fix: 'pass --max-disk 100MiB or more',
  });
}
