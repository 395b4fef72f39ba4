// A thread in which every key makes something throw.
import { parentPort } from 'node:worker_threads';
import type { FromPoolThread, ToPoolThread } from '../pool-messages.ts';
import { take } from '../work-queue.ts';

const say = (message: FromPoolThread): void => parentPort?.postMessage(message, []);
parentPort?.on('message', ({ queue }: ToPoolThread) => {
  for (let at = take(queue); at !== undefined; at = take(queue)) {
    say({ type: 'threw', key: queue.order[at] ?? 0 });
  }
  say({ type: 'idle' });
});
