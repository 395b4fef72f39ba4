// The thread that judges a history while it is being written.
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { assertNever, defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { modelNamed, monotonicNs as now } from './judge.ts';
import { LiveJudge } from './live-judge.ts';
import type { FromLiveWorker, LiveWorkerData, ToLiveWorker } from './live-messages.ts';

/** How much is read at a time. */
const CHUNK_BYTES = 256 * 1024;
/** Between two looks at a file that has not grown, in milliseconds. */
const POLL_MS = 100;
/** Between two looks at keys that are not finished. */
const LOOK_NS = SECOND;
/** For one finished key; less while there is more to read, so that one hard key does not cost many. */
const KEY_NS = SECOND;
const KEY_NS_BEHIND = 50 * MILLISECOND;
const COUNTS_NS = 500 * MILLISECOND;
/** The longest that messages wait, about. */
const TURN_NS = 20 * MILLISECOND;
/**
 * Clients and the store come first, but not at any price: a seventh of a core is what judging takes to
 * keep up with a store that answers thirty thousand requests each second, and at this priority a core
 * that somebody else keeps busy still gives it a quarter.
 */
const NICE = 5;

const port = defined(parentPort ?? undefined, 'this program is started as a thread');
const { path, model, isWatching } = workerData as LiveWorkerData;
const interruption = new AbortController();
const woken = { end: undefined as Extract<ToLiveWorker, { type: 'end' }> | undefined };
let wake = new AbortController();

const say = (message: FromLiveWorker): void => port.postMessage(message);

const judge = new LiveJudge({
  model: modelNamed(model),
  now,
  isWatching,
  onViolation: (violation, failure) => say({ type: 'violation', violation, failure }),
});

function take(message: ToLiveWorker): void {
  switch (message.type) {
    case 'finished':
      judge.finished(message.key, message.line);
      break;
    case 'end':
      woken.end = message;
      wake.abort();
      break;
    case 'interrupt':
      interruption.abort();
      break;
    default:
      assertNever(message);
  }
}

/** Only this thread's: on Linux its id stands for it. Elsewhere it stays as it is. */
function yieldToOthers(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, NICE);
  } catch {
    // It judges all the same.
  }
}

async function pause(): Promise<void> {
  wake = new AbortController();
  if (woken.end === undefined) {
    await setTimeout(POLL_MS, undefined, { signal: wake.signal }).catch(() => {});
  }
}

/** Does the work in slices, takes messages between them, and tells that it goes on. */
async function drain(work: Generator<void, void>): Promise<void> {
  let turnEnds = now() + TURN_NS;
  for (const _ of work) {
    if (interruption.signal.aborted) return;
    if (now() < turnEnds) continue;
    sayCounts();
    await setImmediate();
    turnEnds = now() + TURN_NS;
  }
}

const buffer = Buffer.allocUnsafe(CHUNK_BYTES);

/** @returns true when there may be more */
function readOn(file: number): boolean {
  const length = readSync(file, buffer, 0, CHUNK_BYTES, null);
  judge.push(buffer.subarray(0, length));
  return length === CHUNK_BYTES;
}

async function opened(): Promise<number> {
  for (;;) {
    try {
      return openSync(path, 'r');
    } catch (error) {
      if (woken.end !== undefined) throw error;
      await pause();
    }
  }
}

let countsAt = 0;

function sayCounts(): void {
  if (now() < countsAt) return;
  say({ type: 'counts', counts: judge.counts });
  countsAt = now() + COUNTS_NS;
}

async function watch(file: number): Promise<void> {
  let lookAt = 0;
  while (woken.end === undefined) {
    const isBehind = readOn(file);
    await drain(judge.decideFinished(isBehind ? KEY_NS_BEHIND : KEY_NS));
    if (isWatching && now() >= lookAt) {
      await drain(judge.decideUnfinished());
      lookAt = now() + LOOK_NS;
    }
    sayCounts();
    if (isBehind) await setImmediate();
    else await pause();
  }
}

async function end(file: number): Promise<void> {
  const { budgetNs, memoryBytesMax } = defined(woken.end, 'the end was asked for');
  const { signal } = interruption;
  let leftNs = budgetNs;
  let isWhole = false;
  while (!signal.aborted) {
    isWhole = !readOn(file);
    if (isWhole) break;
    const begin = now();
    await drain(judge.decideFinished(KEY_NS_BEHIND));
    leftNs -= now() - begin;
    sayCounts();
    await setImmediate();
  }
  const options = { budgetNs: Math.max(0, leftNs), memoryBytesMax, now, signal, isWhole };
  const verdict = await judge.finish(options);
  say({ type: 'verdict', verdict });
}

port.on('message', take);
try {
  yieldToOthers();
  const file = await opened();
  await watch(file);
  await end(file);
  closeSync(file);
} catch (error) {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say({ type: 'gave-up', why });
}
port.close();
