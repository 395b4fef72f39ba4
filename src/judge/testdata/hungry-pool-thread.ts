// A thread that takes a key and holds more and more, until its heap is full.
import { parentPort, workerData } from 'node:worker_threads';
import type { PoolThreadData, ToPoolThread } from '../pool-messages.ts';
import { take } from '../work-queue.ts';

const { busy, lane } = workerData as PoolThreadData;
const held: object[] = [];
parentPort?.on('message', ({ queue }: ToPoolThread) => {
  busy[lane] = lane;
  take(queue);
  for (;;) held.push({ held: [held.length] });
});
