import { readdirSync, readFileSync } from 'node:fs';

/** Every process that a scenario starts carries this in its environment, and so do its children. */
const MARK = 'GONG_ACCEPTANCE';

export function marked(id: string): NodeJS.ProcessEnv {
  return { ...process.env, [MARK]: id };
}

export interface Left {
  readonly pid: number;
  readonly command: string;
}

/** Processes of this mark that run now, this one left out. */
export function processesOf(id: string): readonly Left[] {
  const found: Left[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0');
      if (!environment.includes(`${MARK}=${id}`)) continue;
      // A zombie has no memory left, and so no command.
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (command !== '') found.push({ pid: Number(name), command });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** Resolves when `isDone`, looking every 50 ms. @throws after `limitMs`, saying what was awaited */
export async function until(
  what: string,
  limitMs: number,
  isDone: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A signal for every process of this mark. */
export function signalAll(id: string, signal: NodeJS.Signals): void {
  for (const { pid } of processesOf(id)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It ended by itself.
    }
  }
}

/** What a harness does at Ctrl-C takes so long at most. */
const INTERRUPTED_MS = 10_000;

/** Ends every process of this mark: as Ctrl-C does, so that they clean up, and then without asking. */
export async function endAll(id: string): Promise<void> {
  signalAll(id, 'SIGINT');
  await until('processes to end', INTERRUPTED_MS, () => processesOf(id).length === 0).catch(() =>
    signalAll(id, 'SIGKILL'),
  );
}

/** @throws when a process of this mark still runs after `limitMs` */
export async function nothingLeft(id: string, limitMs: number = 5000): Promise<void> {
  try {
    await until('every process to end', limitMs, () => processesOf(id).length === 0);
  } catch (cause) {
    const left = processesOf(id).map(({ pid, command }) => `${pid} ${command}`);
    throw new Error(`left running: ${left.join('; ')}`, { cause });
  }
}
