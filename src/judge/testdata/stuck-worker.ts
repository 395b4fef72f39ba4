// A judge's thread that never comes back when it is asked for the verdict.
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', (message: { readonly type: string }) => {
  while (message.type === 'end');
});
