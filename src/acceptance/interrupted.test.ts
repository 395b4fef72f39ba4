import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempDisposableSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { processesOf, until } from './processes.ts';

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s ends what the scenarios have started, and leaves no directory',
  async (by, code) => {
    using here = mkdtempDisposableSync(path.join(tmpdir(), 'gong-'));
    const main = path.join(import.meta.dirname, 'main.ts');
    const child = spawn(process.execPath, [main, 'membership', '--short'], {
      env: { ...process.env, TMPDIR: here.path },
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    const id = `membership-${child.pid}`;
    // Of all that it starts nothing ends by a signal to the runner alone.
    await until('nodes', 30_000, () => {
      return processesOf(id).filter(({ command }) => command.includes('--data-dir')).length >= 3;
    });
    expect(readdirSync(here.path)).not.toEqual([]);
    child.kill(by);
    expect(await ended).toEqual([code, null]);
    expect(processesOf(id)).toEqual([]);
    expect(readdirSync(here.path)).toEqual([]);
  },
);
