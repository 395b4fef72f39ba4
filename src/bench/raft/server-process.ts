import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** Processes of this program that run: none outlives it, however it ends. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** So long a process has to end by itself, as it must to write its profile. */
const STOP_LIMIT_MS = 3000;

/** A server that is measured: one process, started here and ended here, gently on disposal. */
export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  /** SIGKILL, and its end. */
  kill(): Promise<void>;
}

/**
 * @param logFile - gets what it prints, appended
 * @throws Error when the command cannot be run
 */
export async function startProcess(
  command: string,
  args: readonly string[],
  logFile: string,
): Promise<ServerProcess> {
  const log = openSync(logFile, 'a');
  // Its standard input stays open as long as this process lives: nodes end with it.
  const child = spawn(command, args, { stdio: ['pipe', log, log] });
  closeSync(log);
  running.add(child);
  const ended = once(child, 'exit').finally(() => running.delete(child));
  // Rejects when the command cannot be run, which `spawn` below tells of.
  ended.catch(() => {});
  await once(child, 'spawn');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  if (child.pid === undefined) throw new Error(`${command} has no process id`);
  const stop = async (): Promise<void> => {
    const giveUp = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(giveUp);
  };
  return { pid: child.pid, kill, [Symbol.asyncDispose]: stop };
}

/** Of Linux on every architecture that Node runs on (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/** User and system time that a process has used since it began, in seconds to 10 ms. */
export function cpuSecondsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command in parentheses, and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** What all processes of the machine, and whoever stole time from it, have used together. */
export function cpuSecondsOfMachine(): number {
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .slice(0, 400)
    .split(/\s+/)
    .map(Number);
  const ticks = [user, nice, system, irq, softirq, steal];
  return ticks.reduce<number>((sum, value) => sum + (value ?? 0), 0) / TICKS_PER_SECOND;
}
