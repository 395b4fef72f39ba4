import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Bytes in the files below these directories, or in these files. What is not there, or goes while it is
 * looked at, counts for nothing.
 */
export async function diskUse(places: readonly string[]): Promise<number> {
  const sizes = await Promise.all(places.map(sizeOf));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function sizeOf(place: string): Promise<number> {
  try {
    const status = await lstat(place);
    if (!status.isDirectory()) return status.size;
    const names = await readdir(place);
    return await diskUse(names.map((name) => join(place, name)));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw error;
  }
}
