import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A process, so that a later one with the same pid is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since boot; undefined where there is no `/proc`. */
  readonly startTicks: string | undefined;
}

interface ProcessStat {
  /** One letter: `R`unning, `S`leeping, s`T`opped, `Z`ombie, … See proc_pid_stat(5). */
  readonly state: string;
  readonly startTicks: string;
}

/** Linux only; undefined elsewhere, and when there is no such process. */
export function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses, and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}

/** Whether a signal (SIGSTOP) keeps the process from running; false when there is no such process. */
export async function isStopped(pid: number): Promise<boolean> {
  if (existsSync('/proc/self/stat')) return readStat(pid)?.state === 'T';
  return isStoppedByPs(pid);
}

/** The same where there is no `/proc`. */
export async function isStoppedByPs(pid: number): Promise<boolean> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]);
    return stdout.trim().startsWith('T');
  } catch {
    // ps ends with 1 when it finds none.
    return false;
  }
}

/** To be asked while the process certainly runs. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.startTicks };
}

/** False for a zombie, too: it runs nothing and holds nothing open. */
export function isAlive(identity: ProcessIdentity): boolean {
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  if (identity.startTicks === undefined) return true;
  const stat = readStat(identity.pid);
  if (stat === undefined || stat.startTicks !== identity.startTicks) return false;
  return stat.state !== 'Z' && stat.state !== 'X';
}

/** SIGKILL, if it is still that process; resolves to whether it was gone within `limitMs`. */
export async function killAndWait(identity: ProcessIdentity, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  if (isAlive(identity)) {
    // First what it started, if it leads a group.
    trySignal(-identity.pid, 'SIGKILL');
    trySignal(identity.pid, 'SIGKILL');
  }
  while (isAlive(identity)) {
    if (performance.now() > deadline) return false;
    // Not our child: the kernel has no event for its end.
    await sleep(10);
  }
  return true;
}

/** Sends a signal; that the process may be gone already is no error. */
export function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
