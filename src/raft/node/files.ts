import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Disk } from '../driver/ports.ts';

const fdatasync = promisify(fs.fdatasync);
const write = promisify(fs.write);

/** Never written to. */
const ZEROS = new Uint8Array(64 * 1024);

interface OpenFile {
  readonly descriptor: number;
  /** Where the next append goes. */
  end: number;
  /** With the zeros behind it. */
  size: number;
}

/**
 * A directory as a Disk. Appends are written at once (`writeSync` costs less than a round through
 * the thread pool); syncs go through the pool, so that the event loop runs on meanwhile.
 */
export function openDirectory(directory: string): Disk & Disposable {
  fs.mkdirSync(directory, { recursive: true });
  const files = new Map<string, OpenFile>();
  const open = (name: string): OpenFile => {
    let file = files.get(name);
    if (file === undefined) {
      const { O_CREAT, O_WRONLY } = fs.constants;
      const descriptor = fs.openSync(path.join(directory, name), O_CREAT | O_WRONLY, 0o600);
      const { size } = fs.fstatSync(descriptor);
      file = { descriptor, end: size, size };
      files.set(name, file);
    }
    return file;
  };
  const close = (name: string): void => {
    const file = files.get(name);
    if (file !== undefined) fs.closeSync(file.descriptor);
    files.delete(name);
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
      const file = open(name);
      for (let at = 0; at < bytes.length;) {
        const count = fs.writeSync(file.descriptor, bytes, at, bytes.length - at, file.end);
        at += count;
        file.end += count;
      }
      file.size = Math.max(file.size, file.end);
    },
    async allocate(name, bytes) {
      const file = open(name);
      for (const end = file.size + bytes; file.size < end;) {
        const length = Math.min(ZEROS.length, end - file.size);
        const { bytesWritten } = await write(file.descriptor, ZEROS, 0, length, file.size);
        file.size += bytesWritten;
      }
      await fdatasync(file.descriptor);
    },
    sync: (name) => fdatasync(open(name).descriptor),
    async rename(from, to) {
      // What is appended to that name next belongs to the new file, behind what it holds.
      close(to);
      await fs.promises.rename(path.join(directory, from), path.join(directory, to));
      const file = files.get(from);
      files.delete(from);
      if (file !== undefined) files.set(to, file);
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
      for (const name of files.keys()) close(name);
    },
  };
}
