// A judge's thread that holds more and more, until its heap is full.
import { parentPort } from 'node:worker_threads';

const held: object[] = [];
parentPort?.on('message', () => {
  for (;;) held.push({ held: [held.length] });
});
