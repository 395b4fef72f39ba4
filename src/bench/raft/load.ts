import autocannon from 'autocannon';
import { cpuSecondsOf, cpuSecondsOfMachine } from './server-process.ts';
import type { Operation, System } from './system.ts';

export interface LoadOptions {
  readonly operation: Operation;
  readonly connections: number;
  /** Under load before it counts. */
  readonly leadInMs: number;
  readonly measuredMs: number;
}

/** One measurement of one system. Times are in the units that their names say. */
export interface Measurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of all processes of the system, for one request. */
  readonly serverMicroseconds: number;
  /** CPU of the load generator, for one request. */
  readonly generatorMicroseconds: number;
  /** Cores that neither the system nor the generator used. */
  readonly othersCores: number;
  /** Requests for each sync of the leader's log; undefined where it did not sync. */
  readonly requestsPerSync: number | undefined;
  /** Answers other than 200, time-outs, and connections that broke. */
  readonly failures: number;
}

/**
 * Closed-loop load on one system from this process.
 *
 * autocannon rounds its own latencies to milliseconds, hence the `response` event, which gives
 * fractions; and it loses a request silently when the server closes a connection, hence the count
 * of those that were sent.
 */
export async function measureLoad(system: System, options: LoadOptions): Promise<Measurement> {
  const { operation, connections, leadInMs, measuredMs } = options;
  const url = await system.leaderUrl();
  const latenciesMs: number[] = [];
  let isCounting = false;
  let failures = 0;
  const done = Promise.withResolvers<autocannon.Result>();
  const run = autocannon(
    {
      url,
      connections,
      requests: system.requestsFor(operation).map((request) => ({ ...request })),
      headers: { 'content-type': 'application/json' },
      // Longer than it is meant to take: `stop` ends it.
      duration: 60 + (leadInMs + measuredMs) / 1000,
      sampleInt: 20,
    },
    (error: unknown, result) => (error === null ? done.resolve(result) : done.reject(error)),
  );
  run.on('response', (_client, statusCode, _bytes, responseTimeMs) => {
    if (statusCode !== 200) failures += 1;
    if (isCounting) latenciesMs.push(responseTimeMs);
  });
  run.on('reqError', () => (failures += 1));
  await elapse(leadInMs);
  const syncsBefore = operation === 'write' ? await system.syncs() : undefined;
  const before = readClocks(system);
  isCounting = true;
  await elapse(measuredMs);
  isCounting = false;
  const after = readClocks(system);
  const syncsAfter = operation === 'write' ? await system.syncs() : undefined;
  const syncedMs = performance.now() - before.atMs;
  run.stop();
  const result = await done.promise;
  failures += lostRequests(result, connections);
  const seconds = (after.atMs - before.atMs) / 1000;
  const count = latenciesMs.length;
  const serverSeconds = after.server - before.server;
  const generatorSeconds = after.generator - before.generator;
  const others = after.machine - before.machine - serverSeconds - generatorSeconds;
  const syncs = syncsOf(syncsBefore, syncsAfter);
  const sorted = Float64Array.from(latenciesMs).sort();
  return {
    requestsPerSecond: count / seconds,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    serverMicroseconds: (serverSeconds / count) * 1e6,
    generatorMicroseconds: (generatorSeconds / count) * 1e6,
    othersCores: Math.max(0, others / seconds),
    // The second count comes a little later than the last request that counts.
    requestsPerSync:
      syncs === undefined ? undefined : (count * (syncedMs / 1000 / seconds)) / syncs,
    failures,
  };
}

function readClocks(system: System): {
  readonly atMs: number;
  readonly server: number;
  readonly generator: number;
  readonly machine: number;
} {
  const { user, system: kernel } = process.cpuUsage();
  return {
    atMs: performance.now(),
    server: system.pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
    generator: (user + kernel) / 1e6,
    machine: cpuSecondsOfMachine(),
  };
}

function syncsOf(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined || after <= before
    ? undefined
    : after - before;
}

/** One is on the way on each connection when it ends. */
function lostRequests(result: autocannon.Result, connections: number): number {
  return Math.max(0, result.requests.sent - result.requests.total - connections);
}

/** @param sorted - ascending */
function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
}

function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
