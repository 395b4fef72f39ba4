import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { generateHistory, type HistoryOptions } from './history.ts';

/** One run of a program. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly seconds: number;
  /** The most memory that its processes held, together; sampled every 10 ms from /proc. */
  readonly mebibytes: number;
}

/** Writes a generated history. */
export function writeHistory(options: HistoryOptions, file: string): void {
  const descriptor = openSync(file, 'w');
  try {
    for (const text of generateHistory(options)) writeSync(descriptor, text);
  } finally {
    closeSync(descriptor);
  }
}

const SAMPLE_MS = 10;

/**
 * Runs a program to its end, in a process group of its own.
 *
 * @param limitMs - it is killed when it takes longer; the exit code is null then
 */
export async function measure(
  command: string,
  args: readonly string[],
  limitMs: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Run> {
  const began = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], detached: true, env });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let mebibytes = 0;
  const { pid } = child;
  const sample = (): void => {
    if (pid !== undefined) mebibytes = Math.max(mebibytes, residentOf(pid) / 1024);
  };
  const kill = (): void => {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  };
  const sampling = setInterval(sample, SAMPLE_MS);
  const limit = setTimeout(kill, limitMs);
  try {
    await once(child, 'close');
  } finally {
    clearInterval(sampling);
    clearTimeout(limit);
  }
  const seconds = (performance.now() - began) / 1000;
  return { code: child.exitCode, stdout, seconds, mebibytes };
}

/** Most memory that the processes of a group held, in KiB: the sum of their high-water marks. */
function residentOf(group: number): number {
  let sum = 0;
  for (const pid of [group, ...childrenOf(group)]) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      sum += Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    } catch {
      // It ended while we looked, or there is no /proc.
    }
  }
  return sum;
}

function childrenOf(pid: number): readonly number[] {
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    const children = tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '),
    );
    const direct = children.filter((text) => text.trim() !== '').map(Number);
    return [...direct, ...direct.flatMap(childrenOf)];
  } catch {
    return [];
  }
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >>> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
