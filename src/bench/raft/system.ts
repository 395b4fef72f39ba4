import type { ServerProcess } from './server-process.ts';

/** What clients do. `stale` is what etcd calls serializable: answered by the node that is asked. */
export const OPERATIONS = ['write', 'linearizable read', 'stale read'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One HTTP request, as often as it is sent. */
export interface PreparedRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly body?: string;
}

/** A store that runs and is measured. */
export interface System extends AsyncDisposable {
  readonly name: string;
  /** Where load goes: the leader's address, looked up before each measurement. */
  leaderUrl(): Promise<string>;
  /** Over all keys, in turn. */
  requestsFor(operation: Operation): readonly PreparedRequest[];
  readonly pids: readonly number[];
  /** Syncs of the leader's log since it began; undefined where nothing is stored. */
  syncs(): Promise<number | undefined>;
}

/** A leader that got SIGKILL. */
export interface Killed {
  readonly killedMs: number;
  /** Starts that node again. */
  readonly restart: () => Promise<void>;
}

/** Keys and the value that every write has: the same for all systems. */
export const KEYS: readonly string[] = Array.from({ length: 32 }, (_, i) => `bench-${100 + i}`);
export const VALUE: string = 'v'.repeat(64);

/** @throws Error when the answer is not 200 */
export async function fetchJson(
  url: string,
  init?: { readonly method: string; readonly body: string },
): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(2000) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Readonly<Record<string, unknown>>;
}

/** Asks until the answer is no error and not undefined. @throws Error after `limitMs` */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  limitMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (let cause: unknown; ;) {
    try {
      const found = await ask();
      if (found !== undefined) return found;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not in ${limitMs} ms`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ends all, even when one of them cannot be ended. */
export async function endAll(processes: Iterable<ServerProcess>): Promise<void> {
  await Promise.allSettled([...processes].map((one) => one[Symbol.asyncDispose]()));
}

/** `--name value` for each; a list repeats its flag. */
export function flagsOf(values: Readonly<Record<string, string | readonly string[]>>): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).flatMap((one) => [`--${name}`, one]),
  );
}
