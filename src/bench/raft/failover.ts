import { setTimeout as sleep } from 'node:timers/promises';
import type { EtcdNodes } from './etcd-nodes.ts';
import type { GongNodes } from './gong-nodes.ts';
import { eventually, type PreparedRequest } from './system.ts';
import { longestGapMs, SteadyWriter } from './writer.ts';

export type Nodes = GongNodes | EtcdNodes;

/** Nobody is without a leader for so long: then something else is wrong. */
const LIMIT_MS = 20_000;
const KILL_WRITES_EVERY_MS = 10;
const TRANSFER_WRITES_EVERY_MS = 2;

/**
 * SIGKILL to the leader while a client writes: milliseconds until a write that was sent after it, to one of
 * the others, is acknowledged. The killed node runs again, and serves, when this resolves.
 *
 * @throws Error when no write succeeds any more
 */
export async function killLeader(nodes: Nodes): Promise<number> {
  const requests = nodes.requestsFor('write');
  const urls = await nodes.urls();
  const [, ...others] = urls;
  using writer = new SteadyWriter({ urls, requests, everyMs: KILL_WRITES_EVERY_MS });
  await inTime(writer.nextAcknowledged(performance.now()));
  // At any moment between two heartbeats.
  await sleep(200 + Math.random() * 200);
  writer.turnTo(others);
  const { killedMs, restart } = await nodes.killLeader();
  const { acknowledgedMs } = await inTime(writer.nextAcknowledged(killedMs));
  await restart();
  await allServe(urls, requests);
  return acknowledgedMs - killedMs;
}

/**
 * Another node is made the leader while a client writes: the longest time in milliseconds in which no write
 * was acknowledged, and the same just before, with nothing going on.
 *
 * @throws Error when the transfer is refused
 */
export async function transferLeader(
  nodes: Nodes,
): Promise<{ readonly gapMs: number; readonly calmGapMs: number }> {
  const requests = nodes.requestsFor('write');
  const urls = await nodes.urls();
  using writer = new SteadyWriter({ urls, requests, everyMs: TRANSFER_WRITES_EVERY_MS });
  await inTime(writer.nextAcknowledged(performance.now()));
  await sleep(500);
  const fromMs = performance.now();
  await sleep(500);
  const beforeMs = performance.now();
  await nodes.transferLeadership();
  await sleep(500);
  await inTime(writer.nextAcknowledged(performance.now()));
  const times = writer.acknowledged.map(({ acknowledgedMs }) => acknowledgedMs);
  return {
    gapMs: longestGapMs(times.filter((at) => at > beforeMs - 100)),
    calmGapMs: longestGapMs(times.filter((at) => at > fromMs && at <= beforeMs)),
  };
}

/** Each node takes a write, and so knows its leader. */
async function allServe(
  urls: readonly string[],
  [request]: readonly PreparedRequest[],
): Promise<void> {
  for (const url of urls) {
    await eventually(`a write through ${url}`, async () => {
      if (request === undefined) return true;
      const { method, path, body = '' } = request;
      const signal = AbortSignal.timeout(1000);
      return (await fetch(url + path, { method, body, signal })).ok || undefined;
    });
  }
}

async function inTime<T>(promise: Promise<T>): Promise<T> {
  const cancelled = new AbortController();
  const late = sleep(LIMIT_MS, undefined, { signal: cancelled.signal }).then(() => {
    throw new Error(`no write succeeded for ${LIMIT_MS} ms`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancelled.abort();
  }
}
