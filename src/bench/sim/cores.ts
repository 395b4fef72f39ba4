import { spawnSync } from 'node:child_process';

/** The cores that this process may use, as `taskset` tells; undefined where there is no such program. */
function cores(): readonly number[] | undefined {
  const { status, stdout } = spawnSync('taskset', ['-cp', String(process.pid)], {
    encoding: 'utf8',
  });
  const list = /: *([\d,-]+)\s*$/.exec(stdout ?? '')?.[1];
  if (status !== 0 || list === undefined) return undefined;
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

function restrictTo(list: readonly number[]): boolean {
  const args = ['-acp', list.join(','), String(process.pid)];
  return spawnSync('taskset', args, { encoding: 'utf8' }).status === 0;
}

/**
 * Does something on so many cores: all threads of the process, those included that compile and collect
 * garbage, and those that are started meanwhile.
 *
 * @returns what it gave, and whether the process could be restricted
 */
export async function onCores<T>(
  count: number,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly isRestricted: boolean }> {
  const all = cores();
  const isRestricted = all !== undefined && restrictTo(all.slice(0, count));
  try {
    return { value: await work(), isRestricted };
  } finally {
    if (all !== undefined && isRestricted) restrictTo(all);
  }
}
