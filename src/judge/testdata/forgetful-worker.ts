// A judge's thread that finds a violation, tells it, and fails when it is asked for the verdict.
import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { defined } from '../../lib/assert.ts';
import { modelNamed, monotonicNs as now } from '../judge.ts';
import { LiveJudge } from '../live-judge.ts';
import type { FromLiveWorker, LiveWorkerData } from '../live-messages.ts';

const port = defined(parentPort ?? undefined, 'this program is started as a thread');
const say = (message: FromLiveWorker): void => port.postMessage(message);
const { path, model } = workerData as LiveWorkerData;
const judge = new LiveJudge({
  model: modelNamed(model),
  now,
  onViolation: (violation, failure) => say({ type: 'violation', violation, failure }),
});

port.on('message', (message: { readonly type: string; readonly key: string }) => {
  if (message.type === 'end') throw new Error('planted in the thread');
  judge.push(readFileSync(path));
  judge.finished(message.key, 0);
  for (const _ of judge.decideFinished(1e15));
});
