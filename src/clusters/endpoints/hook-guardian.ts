/**
 * Calls the user's fault scripts for gong, as a process of its own, and guards them: when gong is gone,
 * whatever ended it, it kills the script that runs, calls `heal` of every script, and ends. A cut that
 * stays behind on somebody's cluster is the worst that a fault can leave.
 */
import { assertNever } from '../../lib/assert.ts';
import type { FromGuardian, GuardianParts, ToGuardian } from './hook-protocol.ts';
import { callScript, isGroupAlive, killGroup, type ScriptCall } from './script-call.ts';

// The other end is Gong's own, of the same version: what it sends is what the types say.
const parts = JSON.parse(process.argv[2] ?? '') as GuardianParts;
let current: ScriptCall | undefined;
let isEnding = false;
/** Groups of scripts that left somebody running in the background: they go at the end. */
const left = new Set<number>();

function send(message: FromGuardian): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

async function call(message: Extract<ToGuardian, { type: 'call' }>): Promise<void> {
  const { id, script, words, env } = message;
  const { limitMs, logFile } = parts;
  const running = callScript({
    script,
    words,
    env: { ...parts.env, ...env },
    limitMs,
    logFile,
  });
  current = running;
  send({ type: 'called', id, pid: running.pid ?? null });
  const end = await running.ended;
  if (current === running) current = undefined;
  keep(running);
  send({ type: 'ended', id, end });
}

function keep({ pid }: ScriptCall): void {
  if (pid !== undefined && isGroupAlive(pid)) left.add(pid);
}

function killLeft(): void {
  for (const pid of left) killGroup(pid);
}

/** Gong is gone, or somebody wants this process to end: heal, whatever was going on. */
async function heal(): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  try {
    current?.kill();
    await current?.ended;
    for (const script of parts.scripts) {
      const { env, limitMs, logFile } = parts;
      const healing = callScript({ script, words: ['heal'], env, limitMs, logFile });
      await healing.ended;
      keep(healing);
    }
  } finally {
    killLeft();
    process.exit(0);
  }
}

/** Everything has healed. */
function release(): void {
  isEnding = true;
  killLeft();
  process.exit(0);
}

process.on('disconnect', () => void heal());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void heal());
}
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  void heal();
});
process.on('message', (received) => {
  const message = received as ToGuardian;
  switch (message.type) {
    case 'call':
      if (!isEnding) void call(message);
      break;
    case 'kill':
      current?.kill();
      break;
    case 'release':
      release();
      break;
    default:
      assertNever(message);
  }
});
if (process.connected) send({ type: 'ready' });
else void heal();
