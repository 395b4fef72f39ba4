import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { cannotWrite } from './write-error.ts';

/**
 * Writes a file so that readers see the old one or all of the new one, also after a crash: into a
 * neighbour first, synced, then renamed over.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeWhole(path: string, text: string): Promise<void> {
  await writeWholeFrom(path, text);
}

/**
 * The same from pieces, each of which is asked for when the one before it is written: a file may be
 * larger than memory. When a piece cannot be had, the file stays as it was.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeWholeFrom(
  path: string,
  pieces: string | AsyncIterable<string>,
): Promise<void> {
  const neighbour = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    {
      await using file = await open(neighbour, 'wx');
      await file.writeFile(pieces);
      await file.sync();
    }
    await rename(neighbour, path);
  } catch (cause) {
    await rm(neighbour, { force: true }).catch(() => undefined);
    throw cannotWrite(path, cause);
  }
}

/** Writes a JSON document for people and programs: two spaces, a newline at the end. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeWhole(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
