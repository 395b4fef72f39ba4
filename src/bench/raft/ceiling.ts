import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess } from './server-process.ts';
import { eventually, type Operation, type PreparedRequest, type System } from './system.ts';

const MAIN = fileURLToPath(new URL('./bare-server.ts', import.meta.url));

/** What the machine and node:http allow at most: our requests, and our answers as they were. */
export async function startCeiling(options: {
  readonly directory: string;
  readonly port: number;
  readonly requestsFor: (operation: Operation) => readonly PreparedRequest[];
  /** A node's own answers. */
  readonly answers: { readonly write: string; readonly read: string };
}): Promise<System> {
  const { directory, port, answers } = options;
  mkdirSync(directory, { recursive: true });
  const args = [MAIN, '--port', String(port), '--write', answers.write, '--read', answers.read];
  const server = await startProcess(process.execPath, args, path.join(directory, 'bare.log'));
  const url = `http://127.0.0.1:${port}`;
  await eventually('the bare server', async () => (await fetch(url)).ok || undefined);
  return {
    name: 'bare node:http',
    leaderUrl: async () => url,
    requestsFor: options.requestsFor,
    pids: [server.pid],
    syncs: async () => undefined,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
