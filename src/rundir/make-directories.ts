import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/**
 * The directory, and those above it that are not there. Node's own way asks for ever where a directory
 * that is there answers ENOENT for whatever is made in it, as /proc does.
 *
 * @throws what the operating system says
 */
export async function makeDirectories(directory: string): Promise<void> {
  const absolute = path.resolve(directory);
  const failure = await make(absolute);
  if (failure === undefined) return;
  const parent = path.dirname(absolute);
  if (codeOf(failure) !== 'ENOENT' || parent === absolute) throw failure;
  // Asked for rather than looked at: somebody else may be making it at this moment.
  await makeDirectories(parent);
  const again = await make(absolute);
  if (again !== undefined) throw again;
}

/** @returns why it is not there */
async function make(absolute: string): Promise<unknown> {
  try {
    await mkdir(absolute);
    return undefined;
  } catch (error) {
    return codeOf(error) === 'EEXIST' && (await isDirectory(absolute)) ? undefined : error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

async function isDirectory(name: string): Promise<boolean> {
  return stat(name).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
