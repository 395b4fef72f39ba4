/**
 * Largest history, in bytes, for which a run writes `ops.csv` by itself: more would keep its user
 * waiting, and fill the disk once more. `gong report` writes it of any.
 */
export const OPS_CSV_HISTORY_BYTES_MAX: number = 64 * 1024 * 1024;

/** For people, when the run left `ops.csv` out; depends on the history alone. */
export function opsCsvNote(historyBytes: number | undefined): string | undefined {
  if (historyBytes === undefined || historyBytes <= OPS_CSV_HISTORY_BYTES_MAX) return undefined;
  const mib = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`;
  return (
    `ops.csv is not written by a run with more than ${mib(OPS_CSV_HISTORY_BYTES_MAX)} of history ` +
    `(here ${mib(historyBytes)}): gong report DIR writes it`
  );
}
