/**
 * The supervisor of a local cluster, a process of its own, started by the harness: it runs the link
 * proxies (away from the clients' event loop), is the parent of the nodes, and guards them: when the
 * harness is gone, whatever ended it, it kills every node by pid and ends.
 */
import { rm } from 'node:fs/promises';
import { assertNever } from '../../lib/assert.ts';
import { LinkTable } from './link-table.ts';
import { NodeProcesses } from './node-processes.ts';
import type { Failure, FromSupervisor, Request, Result, ToSupervisor } from './protocol.ts';

/** How long the guardian waits for killed nodes before it leaves them to the kernel. */
const GONE_LIMIT_MS = 5_000;

const links = new LinkTable();
const nodes = new NodeProcesses(send);
/** From the command line, so that it knows of them before anything can go wrong. */
const removeOnExit: readonly string[] = process.argv.slice(2);
let isEnding = false;

function send(message: FromSupervisor): void {
  // When the channel is closed the guardian acts on that; the message belongs to nobody.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

async function handle(request: Request): Promise<Result> {
  switch (request.type) {
    case 'open':
      await links.open(request.links);
      return null;
    case 'start':
      await nodes.start(request.node, request.spec, request.logFile);
      return null;
    case 'kill':
      await nodes.kill(request.node);
      return null;
    case 'pause':
      await nodes.pause(request.node);
      return null;
    case 'resume':
      await nodes.resume(request.node);
      return null;
    case 'cut':
      links.cut(request.fault, request.links);
      return null;
    case 'slow':
      links.slow(request.fault, request.links, request.delay);
      return null;
    case 'reset-every':
      links.resetEvery(request.fault, request.links, request.everyNs);
      return null;
    case 'heal':
      links.heal(request.fault);
      return null;
    case 'heal-all':
      links.healAll();
      return null;
    case 'reset':
      return links.reset(request.links);
    case 'traffic':
      return links.traffic(request.link);
    case 'stop':
      await nodes.stopAll(request.graceMs);
      await links[Symbol.asyncDispose]();
      return null;
    default:
      return assertNever(request);
  }
}

async function answer({ id, request }: ToSupervisor): Promise<void> {
  let message: FromSupervisor;
  try {
    message = { type: 'done', id, result: await handle(request) };
  } catch (error) {
    message = { type: 'failed', id, failure: toFailure(error) };
  }
  if (request.type !== 'stop' || message.type !== 'done') {
    send(message);
    return;
  }
  // The last word: nothing is left to guard.
  isEnding = true;
  process.send?.(message, undefined, undefined, () => process.exit(0));
}

function toFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  return {
    message: error.message,
    ...(code === undefined ? {} : { errno: code }),
    ...(port === undefined ? {} : { port }),
  };
}

/** Kills every node and ends; directories go only when nobody is left who might want to read them. */
async function end(options: { harnessIsGone: boolean; exitCode: number }): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  nodes.killAllNow();
  try {
    await nodes.waitUntilGone(GONE_LIMIT_MS);
    if (options.harnessIsGone) {
      for (const directory of removeOnExit) await rm(directory, { recursive: true, force: true });
    }
  } finally {
    process.exit(options.exitCode);
  }
}

process.on('disconnect', () => {
  void end({ harnessIsGone: true, exitCode: 0 });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    void end({ harnessIsGone: false, exitCode: 0 });
  });
}
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  void end({ harnessIsGone: false, exitCode: 70 });
});
process.on('message', (message) => {
  // The other end is Gong's own, of the same version: its messages are what their types say.
  void answer(message as ToSupervisor);
});
if (process.connected) {
  send({ type: 'ready' });
} else {
  // The harness died while this file was being loaded, before anyone listened to `disconnect`.
  void end({ harnessIsGone: true, exitCode: 0 });
}
