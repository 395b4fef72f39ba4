// A thread that takes a key and never comes back.
import { parentPort, workerData } from 'node:worker_threads';
import type { PoolThreadData, ToPoolThread } from '../pool-messages.ts';
import { take } from '../work-queue.ts';

const { busy, lane } = workerData as PoolThreadData;
parentPort?.on('message', ({ queue }: ToPoolThread) => {
  busy[lane] = lane;
  take(queue);
  for (;;);
});
