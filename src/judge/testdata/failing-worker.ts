// A judge's thread that fails when it is asked for the verdict.
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', (message: { readonly type: string }) => {
  if (message.type === 'end') throw new Error('planted in the thread');
});
