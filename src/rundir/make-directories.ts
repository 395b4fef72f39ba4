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
  try {
    await mkdir(absolute);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST' && (await isDirectory(absolute))) return;
    const parent = path.dirname(absolute);
    if (code !== 'ENOENT' || (await isDirectory(parent))) throw error;
    await makeDirectories(parent);
    // Somebody else may have made it meanwhile.
    await makeDirectories(absolute);
  }
}

async function isDirectory(name: string): Promise<boolean> {
  return stat(name).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
