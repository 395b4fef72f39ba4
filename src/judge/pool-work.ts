import type { MessagePort } from 'node:worker_threads';
import { MODELS } from '../../checker/index.ts';
import { defined } from '../lib/assert.ts';
import { tableOf } from './part.ts';
import {
  IDLE,
  sharedClockNs as now,
  type FromPoolThread,
  type PoolThreadData,
  type ToPoolThread,
} from './pool-messages.ts';
import { prove, unproved, type Proved } from './prove.ts';
import { received } from './shared-history.ts';
import { isInterrupted, shareNs, take } from './work-queue.ts';

/** Decides keys of the history until the port is closed. */
export function serve(port: MessagePort, data: PoolThreadData): void {
  const { history, busy, lane, engine, isVerified } = data;
  const grouped = received(history);
  const model = defined(MODELS.get(data.model), 'the model was looked up by this name');
  const say = (message: FromPoolThread): void => port.postMessage(message);

  function decide(key: number, limitNs: number, work: ToPoolThread): Proved {
    const table = tableOf(grouped, key);
    const { memoryBytesMax, queue } = work;
    const budget = { now, memoryBytesMax, deadlineNs: now() + limitNs };
    const proving = prove(table, model, budget, { engine, isVerified });
    for (;;) {
      const step = proving.next();
      if (step.done === true) return step.value;
      if (!isInterrupted(queue)) continue;
      const progress = { completionsProven: 0, completions: table.completed };
      const common = { key: table.key, operations: table.size, progress };
      const reason = 'interrupted';
      return unproved({ ...common, valid: 'unknown', engine: undefined, reason });
    }
  }

  port.on('message', (work: ToPoolThread) => {
    const { queue, deadlineNs, lanes } = work;
    for (let at = take(queue); at !== undefined; at = take(queue)) {
      const key = queue.order[at] as number;
      busy[lane] = key;
      try {
        const proved = decide(key, shareNs(queue, at, deadlineNs - now(), lanes), work);
        say({ type: 'proved', key, proved });
      } catch {
        // Who asked decides it again, and sees what is thrown.
        say({ type: 'threw', key });
      }
      busy[lane] = IDLE;
    }
    say({ type: 'idle' });
  });
}
