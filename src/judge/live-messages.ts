import type { LiveCounts, Violation } from './live-judge.ts';
import type { JudgeVerdict, ReportedFailure } from './verdict.ts';

/** What the thread that judges is started with. */
export interface LiveWorkerData {
  /** Of the `history.jsonl` that is being written; it may come to be later. */
  readonly path: string;
  readonly model: string;
  /** Whether keys are looked at before they are finished. */
  readonly isWatching: boolean;
}

/** To the thread. */
export type ToLiveWorker =
  | { readonly type: 'finished'; readonly key: string; readonly line: number }
  /** The file is complete: decide the rest. */
  | { readonly type: 'end'; readonly budgetNs: number; readonly memoryBytesMax: number }
  /** What is not decided is to be left so. */
  | { readonly type: 'interrupt' };

/** From the thread. After a verdict, or after it gave up, it ends. */
export type FromLiveWorker =
  | { readonly type: 'counts'; readonly counts: LiveCounts }
  | {
      readonly type: 'violation';
      readonly violation: Violation;
      /** For a verdict that has to do without this thread. */
      readonly failure: ReportedFailure;
    }
  | { readonly type: 'verdict'; readonly verdict: JudgeVerdict }
  | { readonly type: 'gave-up'; readonly why: string };
