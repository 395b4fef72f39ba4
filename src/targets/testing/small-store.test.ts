import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startSmallStore } from './small-store.ts';

const PROGRAM = fileURLToPath(new URL('./small-store-main.ts', import.meta.url));

async function put(url: string, key: string, body: string): Promise<number> {
  return (await fetch(`${url}/kv/${key}`, { method: 'PUT', body })).status;
}

test('it keeps what it acknowledged, compares before it sets, and counts what it was asked', async () => {
  await using store = await startSmallStore();
  expect((await fetch(`${store.url}/kv/a`)).status).toBe(404);
  expect(await put(store.url, 'a', '1')).toBe(204);
  const cas = async (from: string | null, to: string): Promise<unknown> => {
    const body = JSON.stringify({ from, to });
    return (await fetch(`${store.url}/kv/a/cas`, { method: 'POST', body })).json();
  };
  expect(await cas('1', '2')).toEqual({ applied: true });
  expect(await cas('1', '3')).toEqual({ applied: false });
  expect(await (await fetch(`${store.url}/kv/a`)).text()).toBe('2');
  expect(store.counts()).toEqual({ reads: 2, writes: 1, cas: 2 });
});

test('as a program it takes what is planted, and loses every second write that it acknowledges', async () => {
  const child = spawn(process.execPath, [PROGRAM, '0', '{"loseEvery":2}'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = await once(child.stdout, 'data');
  const url = String(line).trim();
  expect(await put(url, 'a', '1')).toBe(204);
  expect(await put(url, 'a', '2')).toBe(204);
  expect(await (await fetch(`${url}/kv/a`)).text()).toBe('1');
});
