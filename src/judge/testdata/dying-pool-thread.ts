// A thread that takes a key and dies.
import { parentPort } from 'node:worker_threads';
import type { ToPoolThread } from '../pool-messages.ts';
import { take } from '../work-queue.ts';

parentPort?.on('message', ({ queue }: ToPoolThread) => {
  take(queue);
  throw new Error('planted in the thread');
});
