import { openDirectory } from '../../node/files.ts';
import type { Disk } from '../../driver/ports.ts';

/**
 * A directory whose unsynced bytes stay in this process's memory: killing the process loses them,
 * as a power failure loses the page cache. SIGKILL alone says nothing about fsync, since the kernel
 * keeps what was written.
 */
export function openVolatileDirectory(directory: string): Disk {
  const disk = openDirectory(directory);
  /** Appended and not synced, by file. */
  const unsynced = new Map<string, Uint8Array[]>();
  const flush = (name: string): void => {
    for (const bytes of unsynced.get(name) ?? []) disk.append(name, bytes);
    unsynced.delete(name);
  };
  return {
    ...disk,
    append(name, bytes) {
      const waiting = unsynced.get(name) ?? [];
      waiting.push(bytes.slice());
      unsynced.set(name, waiting);
    },
    sync(name) {
      flush(name);
      return disk.sync(name);
    },
    async read(name) {
      flush(name);
      return disk.read(name);
    },
    async readAt(name, offset, length) {
      flush(name);
      return disk.readAt(name, offset, length);
    },
    async rename(from, to) {
      flush(from);
      unsynced.delete(to);
      await disk.rename(from, to);
    },
    async remove(name) {
      flush(name);
      await disk.remove(name);
    },
  };
}
