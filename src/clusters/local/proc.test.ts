import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { defined } from '../../lib/assert.ts';
import { isStopped, isStoppedByPs } from './proc.ts';

const hasPs = ['/bin/ps', '/usr/bin/ps'].some(existsSync);

test.runIf(hasPs)('/proc and ps agree on whether a process is stopped', async () => {
  const child = spawn('sleep', ['60']);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = defined(child.pid, 'it runs');
  const both = async (): Promise<boolean[]> => [await isStopped(pid), await isStoppedByPs(pid)];
  expect(await both()).toEqual([false, false]);
  child.kill('SIGSTOP');
  await vi.waitFor(async () => expect(await both()).toEqual([true, true]), { timeout: 10_000 });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await both()).toEqual([false, false]);
});
