import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../../checker/index.ts';
import type { Client, Completion, Invocation } from '../../contracts/client.ts';
import { type NodeId, nodeId } from '../../contracts/names.ts';
import type { Generator } from '../../contracts/workload.ts';
import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import { makeRandom } from '../../lib/prng.ts';
import { type FinishedOperation, HistoryRecorder } from '../recorder.ts';
import { FakeStore } from '../testing/fake-store.ts';
import { SimulatedClock } from '../testing/simulated-clock.ts';
import { askEveryNode } from './final-reads.ts';
import { interpret, type InterpreterOptions } from './interpreter.ts';
import { closedLoop, openLoop } from './pace.ts';

/** Answers operations as a test says. */
type Answer = (invocation: Invocation, node: NodeId, count: number) => Promise<Completion>;

function bench(answer: Answer, change: Partial<InterpreterOptions> = {}) {
  const clock = new SimulatedClock();
  const events: HistoryEvent[] = [];
  const finished: FinishedOperation[] = [];
  const recorder = new HistoryRecorder({
    clock,
    sink: { append: (line) => void events.push(JSON.parse(line) as HistoryEvent) },
    onFinished: (operation) => void finished.push(operation),
  });
  const open = new Set<Client>();
  let count = 0;
  const connect = (node: NodeId): Client => {
    const client: Client = {
      invoke: (invocation) => answer(invocation, node, count++),
      [Symbol.asyncDispose]: async () => void open.delete(client),
    };
    open.add(client);
    return client;
  };
  let value = 0;
  const generator: Generator = {
    next: () => ({ type: 'invoke', invocation: { f: 'write', key: 'k', value: value++ } }),
    finalReads: () => [],
    takeFinishedKeys: () => [],
  };
  const stop = new AbortController();
  const options: InterpreterOptions = {
    clock,
    recorder,
    connect,
    deadlineNs: SECOND,
    pauseAfterFailNs: 20 * MILLISECOND,
    generator,
    pace: closedLoop(),
    nodes: ['n1', 'n2', 'n3'].map(nodeId),
    concurrency: 4,
    signal: stop.signal,
    ...change,
  };
  const runFor = (ns: number): Promise<number> => {
    void clock.sleep(ns).then(() => stop.abort());
    return clock.drive(interpret(options));
  };
  return { clock, events, finished, open, options, runFor, stop };
}

const ok: Completion = { type: 'ok', value: null };

test('clients are bound to nodes in turn, and each has one operation at a time', async () => {
  const { clock, events, runFor, open } = bench(async () => {
    await clock.sleep(10 * MILLISECOND);
    return ok;
  });
  expect(await runFor(SECOND)).toBe(4);
  const busy = new Set<unknown>();
  const wrong = events.filter(({ process, type, node }) => {
    const isInvoke = type === 'invoke';
    const isWrong =
      busy.has(process) === isInvoke || node !== ['n1', 'n2', 'n3', 'n1'][Number(process)];
    if (isInvoke) busy.add(process);
    else busy.delete(process);
    return isWrong;
  });
  expect(wrong).toEqual([]);
  expect(busy.size).toBe(0);
  expect(events.length).toBe(2 * 4 * 100);
  expect(open.size).toBe(0);
});

test('the invocation is recorded before the client is asked', async () => {
  const seen: boolean[] = [];
  const { clock, events, runFor } = bench(async ({ value }) => {
    const last = events.findLast((event) => event.value === value);
    seen.push(last?.type === 'invoke');
    await clock.sleep(50 * MILLISECOND);
    return ok;
  });
  await runFor(SECOND);
  expect(new Set(seen)).toEqual(new Set([true]));
});

test('after info the process retires and its connection is closed, the node stays', async () => {
  const { clock, events, runFor, open } = bench(
    async (_, __, count) => {
      expect(open.size).toBe(1);
      await clock.sleep(10 * MILLISECOND);
      return count % 2 === 0 ? { type: 'info', error: 'timeout' } : ok;
    },
    { concurrency: 1 },
  );
  const firstUnused = await runFor(100 * MILLISECOND);
  const invokes = events.filter(({ type }) => type === 'invoke');
  expect(invokes.map(({ process }) => process)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
  expect(new Set(invokes.map(({ node }) => node))).toEqual(new Set(['n1']));
  expect(firstUnused).toBe(6);
});

test('a process that ended info is never seen again, and ids are not shared', async () => {
  const random = makeRandom('ids');
  const { clock, events, runFor } = bench(async () => {
    await clock.sleep(random.integer(1, 30) * MILLISECOND);
    return random.float() < 0.3 ? { type: 'info', error: 'reset' } : ok;
  });
  const firstUnused = await runFor(2 * SECOND);
  const retired = new Set<unknown>();
  const again = events.filter(({ process, type }) => {
    const isAgain = retired.has(process);
    if (type === 'info') retired.add(process);
    return isAgain;
  });
  expect(again).toEqual([]);
  expect(retired.size).toBeGreaterThan(10);
  expect(Math.max(...events.map(({ process }) => Number(process)))).toBeLessThan(firstUnused);
});

test('a loop that is refused pauses, and does not spin', async () => {
  const { events, runFor } = bench(async () => ({ type: 'fail', error: 'ECONNREFUSED' }), {
    concurrency: 1,
  });
  await runFor(SECOND);
  expect(events.filter(({ type }) => type === 'fail')).toHaveLength(50);
});

test('operations in flight at the end are waited for and recorded', async () => {
  const { clock, events, runFor } = bench(async () => {
    await clock.sleep(800 * MILLISECOND);
    return ok;
  });
  await runFor(SECOND);
  expect(clock.now()).toBe(1_600 * MILLISECOND);
  expect(events.filter(({ type }) => type === 'ok')).toHaveLength(8);
  expect(events.filter(({ type }) => type === 'invoke')).toHaveLength(8);
});

test('what a client throws ends the run, and its operation stays without a completion', async () => {
  const { clock, events, runFor, open } = bench(async (_, __, count) => {
    await clock.sleep(10 * MILLISECOND);
    if (count === 9) throw new TypeError('a bug');
    return ok;
  });
  await expect(runFor(60 * SECOND)).rejects.toThrow('a bug');
  const ends = events.filter(({ type }) => type !== 'invoke');
  expect(events.length - 2 * ends.length).toBe(1);
  expect(open.size).toBe(0);
});

test('a client that does not keep its deadline is a bug in Gong, not a wait for ever', async () => {
  const { clock, runFor } = bench(() => new Promise(() => undefined));
  await expect(runFor(SECOND)).rejects.toThrow('deadline');
  expect(clock.now()).toBe(4 * SECOND);
});

test('an open loop keeps its rate, and latency counts from the intended start', async () => {
  const { clock, finished, options, stop } = bench(async (_, __, count) => {
    // The third operation stops the only client for half a second.
    await clock.sleep(count === 2 ? 500 * MILLISECOND : MILLISECOND);
    return ok;
  });
  void clock.sleep(SECOND).then(() => stop.abort());
  await clock.drive(interpret({ ...options, concurrency: 1, pace: openLoop(clock, 100) }));
  expect(finished.length).toBeGreaterThanOrEqual(99);
  expect(finished.slice(0, 5).map(({ intendedNs }) => intendedNs / MILLISECOND)).toEqual([
    0, 10, 20, 30, 40,
  ]);
  const waited = finished.filter(({ intendedNs, invokedNs }) => invokedNs > intendedNs);
  expect(waited.length).toBeGreaterThan(40);
});

test('final reads ask every node everything, through processes of their own', async () => {
  const { clock, events, options } = bench(async () => ok);
  const invocations = ['a', 'b'].map((key) => ({ f: 'read', key, value: null }));
  const answers = await clock.drive(askEveryNode({ ...options, invocations, firstProcess: 40 }));
  expect(answers).toEqual(
    options.nodes.map((node) => ({ node, reads: 2, ok: 2, error: undefined })),
  );
  const invokes = events.filter(({ type }) => type === 'invoke');
  expect(invokes.map(({ process, node, key }) => `${process} ${node} ${key}`).toSorted()).toEqual([
    '40 n1 a',
    '40 n1 b',
    '41 n2 a',
    '41 n2 b',
    '42 n3 a',
    '42 n3 b',
  ]);
});

test('final reads give up on a node that stays silent', async () => {
  const { clock, events, options, open } = bench(async (_, node) =>
    node === 'n2' ? { type: 'info', error: 'timeout' } : ok,
  );
  const invocations = Array.from({ length: 32 }, (_, i) => ({
    f: 'read',
    key: `${i}`,
    value: null,
  }));
  const answers = await clock.drive(askEveryNode({ ...options, invocations, firstProcess: 0 }));
  expect(answers.map(({ ok }) => ok)).toEqual([32, 0, 32]);
  expect(answers[1]).toMatchObject({ reads: 32, error: 'timeout' });
  const unanswered = events.filter(({ type }) => type === 'info');
  expect(unanswered.map(({ process }) => process)).toEqual([1, 4, 7]);
  expect(open.size).toBe(0);
});

test('final reads give a node that refuses some seconds to find its leader', async () => {
  const { clock, options } = bench(async (_, node) =>
    node === 'n2' && clock.now() < 3 * SECOND ? { type: 'fail', error: '503 no leader' } : ok,
  );
  const invocations = Array.from({ length: 32 }, (_, i) => ({ f: 'read', key: `${i}`, value: 0 }));
  const answers = await clock.drive(askEveryNode({ ...options, invocations, firstProcess: 0 }));
  expect(answers[1]).toMatchObject({ error: '503 no leader' });
  expect(answers[1]?.ok).toBeGreaterThan(20);
});

test('the same seed in the same simulation gives the same history', async () => {
  const once = async (): Promise<readonly HistoryEvent[]> => {
    const random = makeRandom('sim');
    const { clock, events, runFor } = bench(async () => {
      await clock.sleep(random.integer(1, 20) * MILLISECOND);
      return random.float() < 0.1 ? { type: 'info', error: 'reset' } : ok;
    });
    await runFor(SECOND);
    return events;
  };
  expect(await once()).toEqual(await once());
});

test('a node that is down yields fail, one that is cut off info', async () => {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 3);
  await store.processes.kill(nodeId('n2'));
  const ask = (name: string) =>
    store.client(nodeId(name)).invoke({ f: 'read', value: null }, SECOND);
  const answers = await clock.drive(Promise.all(['n1', 'n2'].map(ask)));
  expect(answers.map(({ type }) => type)).toEqual(['ok', 'fail']);
  await store.links.cut(
    ['n1', 'n2'].flatMap((other) => [
      { from: nodeId(other), to: nodeId('n3') },
      { from: nodeId('n3'), to: nodeId(other) },
    ]),
  );
  expect((await clock.drive(ask('n3'))).type).toBe('info');
});
