import type { MessagePort } from 'node:worker_threads';
import type { FromThread, ThreadData, ToThread } from './pool-messages.ts';
import { planted } from './planted.ts';
import { outcomeOf, runSeed } from './run-seed.ts';

/** Between two words of a thread that is at work. */
const TELL_MS = 200;
const NS_PER_US = 1000;

/** Runs what it is sent, one seed at a time. A simulated run depends on nothing of the thread it runs on. */
export function serve(port: MessagePort, { constraints, defect }: ThreadData): void {
  const send = (message: FromThread): void => port.postMessage(message);
  port.on('message', ({ seed }: ToThread) => {
    const before = cpuNs();
    let toldMs = performance.now();
    const onProgress = (simulatedNs: number): void => {
      const nowMs = performance.now();
      if (nowMs - toldMs < TELL_MS) return;
      toldMs = nowMs;
      send({ type: 'progress', simulatedNs });
    };
    runSeed(seed, constraints, { ...planted(defect), onProgress }).then(
      (run) => send({ type: 'ended', outcome: outcomeOf(seed, run, cpuNs() - before) }),
      (error: unknown) =>
        send({
          type: 'threw',
          error: error instanceof Error ? (error.stack ?? error.message) : String(error),
        }),
    );
  });
}

/** Of this thread alone. */
function cpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * NS_PER_US;
}
