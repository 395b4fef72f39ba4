import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Disk } from '../driver/ports.ts';

const fdatasync = promisify(fs.fdatasync);

/**
 * A directory as a Disk. Appends are written at once (`writeSync` costs less than a round through
 * the thread pool); syncs go through the pool, so that the event loop runs on meanwhile.
 */
export function openDirectory(directory: string): Disk & Disposable {
  fs.mkdirSync(directory, { recursive: true });
  const descriptors = new Map<string, number>();
  const descriptor = (name: string): number => {
    let open = descriptors.get(name);
    if (open === undefined) {
      open = fs.openSync(path.join(directory, name), 'a', 0o600);
      descriptors.set(name, open);
    }
    return open;
  };
  const close = (name: string): void => {
    const open = descriptors.get(name);
    if (open !== undefined) fs.closeSync(open);
    descriptors.delete(name);
  };
  return {
    list: () => fs.promises.readdir(directory),
    read: (name) => fs.promises.readFile(path.join(directory, name)),
    async readAt(name, offset, length) {
      const handle = await fs.promises.open(path.join(directory, name), 'r');
      try {
        const bytes = new Uint8Array(length);
        let end = 0;
        while (end < length) {
          const { bytesRead } = await handle.read(bytes, end, length - end, offset + end);
          if (bytesRead === 0) break;
          end += bytesRead;
        }
        return bytes.subarray(0, end);
      } finally {
        await handle.close();
      }
    },
    append(name, bytes) {
      const open = descriptor(name);
      for (let at = 0; at < bytes.length;) at += fs.writeSync(open, bytes, at);
    },
    sync: (name) => fdatasync(descriptor(name)),
    async rename(from, to) {
      close(from);
      // What is appended to that name next belongs to the new file.
      close(to);
      await fs.promises.rename(path.join(directory, from), path.join(directory, to));
    },
    async remove(name) {
      close(name);
      await fs.promises.unlink(path.join(directory, name));
    },
    async syncDirectory() {
      const handle = await fs.promises.open(directory, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
    [Symbol.dispose]() {
      for (const name of descriptors.keys()) close(name);
    },
  };
}
