import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { marked } from './processes.ts';

export const ROOT: string = path.resolve(import.meta.dirname, '../..');
export const DOOR: string = path.join(ROOT, 'src/cli/gong.mjs');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said on standard error so far. */
  readonly said: () => string;
}

export interface StartOptions {
  readonly id: string;
  readonly command?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a program whose processes carry the mark `id`. */
export function start(args: readonly string[], options: StartOptions): Started {
  const began = performance.now();
  const child = spawn(options.command ?? process.execPath, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...marked(options.id), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr?.on('data', (chunk) => (stderr += String(chunk)));
  const ended = once(child, 'close').then((): Ended => {
    return { code: child.exitCode, stdout, stderr, seconds: (performance.now() - began) / 1000 };
  });
  return { child, ended, said: () => stderr };
}

/** Runs `gong` to its end. */
export async function gong(args: readonly string[], options: StartOptions): Promise<Ended> {
  return start([DOOR, ...args], options).ended;
}

/** What the gates said that failed, of a result as JSON: all of it would be too long to be read. */
export function gatesIn(json: string): string {
  if (json === '') return '';
  const { gateFailures = [] }: { gateFailures?: readonly { sentence: string }[] } =
    JSON.parse(json);
  return gateFailures.map(({ sentence }) => sentence).join('\n');
}

/** PATH without this project's own programs: what a fresh shell has. */
export function machinePath(): string {
  const parts = (process.env['PATH'] ?? '').split(path.delimiter);
  return parts.filter((part) => !part.includes('node_modules')).join(path.delimiter);
}

/** The machine's own Node when it is too old for Gong's sources, so that the door must hand over. */
export function oldNode(): string | undefined {
  for (const folder of machinePath().split(path.delimiter)) {
    const candidate = path.join(folder, 'node');
    const { status, stdout } = spawnSync(candidate, ['--version'], { encoding: 'utf8' });
    if (status === 0) return Number(/^v(\d+)/.exec(stdout)?.[1]) < 26 ? candidate : undefined;
  }
  return undefined;
}

const temporaries = new Set<string>();
process.on('exit', () => {
  for (const directory of temporaries) rmSync(directory, { recursive: true, force: true });
});

/** A directory of one scenario's own, removed at its end, or with this program. */
export async function temporary(): Promise<{ readonly path: string } & AsyncDisposable> {
  const directory = await mkdtemp(path.join(tmpdir(), 'gong-acceptance-'));
  temporaries.add(directory);
  return {
    path: directory,
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true, force: true });
      temporaries.delete(directory);
    },
  };
}
