import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { exampleOf } from '../targets/testing/readme-example.ts';
import type { PlantedFaults } from '../targets/testing/small-store.ts';
import { ROOT, start } from './gong.ts';

export const STORE_PROGRAM: string = path.join(ROOT, 'src/targets/testing/small-store-main.ts');

/** A store of somebody's own: it belongs to no run, and carries a mark of its own. */
export interface OwnStore extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

export async function startStore(id: string, planted: PlantedFaults = {}): Promise<OwnStore> {
  const args = [STORE_PROGRAM, '0', JSON.stringify(planted)];
  const { child, ended } = start(args, { id: `${id}-store` });
  if (child.stdout === null || child.pid === undefined) throw new Error('the store did not start');
  const [line] = await once(child.stdout, 'data');
  return {
    url: String(line).trim(),
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      // SIGKILL: a script may have left it stopped.
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The README's example, as a user would have it in a file. */
export function example(root: string = ROOT): string {
  return exampleOf(readFileSync(path.join(root, 'README.md'), 'utf8'));
}

/** @returns its path */
export async function writeScript(directory: string, name: string, body: string): Promise<string> {
  const file = path.join(directory, name);
  await writeFile(file, `#!/bin/bash\ncd "$(dirname "$0")"\necho "$*" >> ${name}.calls\n${body}\n`);
  await chmod(file, 0o755);
  return file;
}

/** With what a script was called so far, a line each. */
export function callsOf(script: string): readonly string[] {
  try {
    return readFileSync(`${script}.calls`, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}
