import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';

/** Of what a script says so much is kept. */
export const OUTPUT_BYTES_MAX: number = 64 * 1024;
/** A script's output may still be on its way when it has ended. */
const DRAIN_MS = 200;

export interface ScriptRequest {
  /** Absolute path of an executable file. */
  readonly script: string;
  /** `['start', '4711']` or `['heal']`. */
  readonly words: readonly string[];
  /** Added to the environment of this process. */
  readonly env: Readonly<Record<string, string>>;
  /** Then its process group is killed. */
  readonly limitMs: number;
  /** Every call is written down here: when, what, how it ended, what it said. */
  readonly logFile: string;
}

/** How a script's call ended. */
export interface ScriptEnd {
  /** Null when a signal ended it, or when it did not start. */
  readonly code: number | null;
  readonly signal: string | null;
  /** The time limit passed, and its process group was killed. */
  readonly isTimedOut: boolean;
  /** Why it could not be started. */
  readonly spawnError?: string;
  /** Standard output and error as they came, at most `OUTPUT_BYTES_MAX`. */
  readonly output: string;
}

/** A call that is under way. */
export interface ScriptCall {
  /** Also the id of its process group; undefined when it did not start. */
  readonly pid: number | undefined;
  readonly ended: Promise<ScriptEnd>;
  /** SIGKILL to its process group: whatever it started goes with it, unless that left the group. */
  kill(): void;
}

/** Calls a script without a shell, in a process group of its own. Never throws. */
export function callScript(request: ScriptRequest): ScriptCall {
  try {
    return begin(request);
  } catch (error) {
    // Some errors of the operating system are thrown, others come as an event.
    const spawnError = error instanceof Error ? error.message : String(error);
    const end = { code: null, signal: null, isTimedOut: false, spawnError, output: '' };
    note(request.logFile, request, end);
    return { pid: undefined, ended: Promise.resolve(end), kill: () => {} };
  }
}

function begin(request: ScriptRequest): ScriptCall {
  const { script, words, env, limitMs, logFile } = request;
  const child = spawn(script, words, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const { pid } = child;
  const output = new BoundedText(OUTPUT_BYTES_MAX);
  child.stdout.on('data', (chunk: Buffer) => output.append(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.append(chunk));
  let isTimedOut = false;
  const timer = setTimeout(() => {
    isTimedOut = true;
    killGroup(pid);
  }, limitMs);
  const ended = endOf(child).then((end): ScriptEnd => {
    clearTimeout(timer);
    // What it left running in the background may go on writing: that must not hold up anybody's end.
    for (const stream of [child.stdout, child.stderr]) {
      if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
    }
    const result = { ...end, isTimedOut, output: output.text() };
    note(logFile, request, result);
    return result;
  });
  return { pid, ended, kill: () => killGroup(pid) };
}

async function endOf(
  child: ChildProcess,
): Promise<Pick<ScriptEnd, 'code' | 'signal' | 'spawnError'>> {
  const { promise, resolve } = Promise.withResolvers<Pick<ScriptEnd, 'code' | 'signal'>>();
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  child.once('exit', (code, signal) => resolve({ code, signal }));
  const failed = new Promise<string>((done) => {
    child.once('error', (error) => done(error.message));
  });
  if (child.pid === undefined) return { code: null, signal: null, spawnError: await failed };
  const end = await promise;
  // Not only `close`: it does not come while a background process holds the pipes.
  const drained = new Promise<void>((done) => setTimeout(done, DRAIN_MS));
  await Promise.race([closed, drained]);
  return end;
}

/** SIGKILL to every process of the group; that there is none left is no error. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/** Whether a process group has a process left; as long as it does, nobody else gets its number. */
export function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

class BoundedText {
  readonly #bytesMax: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  append(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#bytesMax - this.#bytes);
    if (kept.length === 0) return;
    this.#chunks.push(Buffer.from(kept));
    this.#bytes += kept.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}

/** The log is for people; that it cannot be written must not cost a heal. */
function note(logFile: string, { script, words }: ScriptRequest, end: ScriptEnd): void {
  const { output } = end;
  const tail = output === '' || output.endsWith('\n') ? '' : '\n';
  const line = `${new Date().toISOString()} ${script} ${words.join(' ')}: ${describeEnd(end)}\n`;
  try {
    appendFileSync(logFile, `${line}${output}${tail}`);
  } catch {
    // A full disk, or a run directory that was deleted.
  }
}

/** `exit 3`, `killed at its time limit`, … */
export function describeEnd({ code, signal, isTimedOut, spawnError }: ScriptEnd): string {
  if (spawnError !== undefined) return `did not start: ${spawnError}`;
  if (isTimedOut) return 'killed at its time limit';
  return signal === null ? `exit ${code}` : `ended by ${signal}`;
}
