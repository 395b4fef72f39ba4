import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { HistoryEvent, Json } from '../../checker/index.ts';
import { nodeId } from '../contracts/names.ts';
import { LineWriter } from '../rundir/line-writer.ts';
import { type FinishedOperation, HistoryRecorder } from './recorder.ts';

function recorderOnLines() {
  const lines: string[] = [];
  const finished: FinishedOperation[] = [];
  let now = 0;
  const clock = { now: () => (now += 10), sleep: async () => undefined };
  const recorder = new HistoryRecorder({
    clock,
    sink: { append: (line) => void lines.push(line) },
    onFinished: (operation) => void finished.push(operation),
  });
  const events = (): HistoryEvent[] => lines.map((line) => JSON.parse(line) as HistoryEvent);
  return { recorder, lines, events, finished };
}

const node = nodeId('n2');

test('both ends of an operation are lines with the keys of the history', () => {
  const { recorder, lines, finished } = recorderOnLines();
  const invocation = { f: 'cas', key: 'k17', value: [3, 4] };
  const started = recorder.invoke({ process: 3, node, invocation, intendedNs: 5 });
  const served = { servedBy: 'n1', term: 7, appliedIndex: 912 };
  recorder.complete(started, { type: 'ok', value: [3, 4], applied: false, ...served });
  expect(lines).toEqual([
    '{"index":0,"time":10,"type":"invoke","process":3,"f":"cas","key":"k17","value":[3,4],"node":"n2",' +
      '"intended":5}',
    '{"index":1,"time":20,"type":"ok","process":3,"f":"cas","key":"k17","value":[3,4],"node":"n2",' +
      '"applied":false,"servedBy":"n1","term":7,"appliedIndex":912}',
  ]);
  expect(finished).toMatchObject([{ process: 3, intendedNs: 5, invokedNs: 10, completedNs: 20 }]);
});

test('an invocation that was meant to start when it did does not say so', () => {
  const { recorder, lines } = recorderOnLines();
  const invocation = { f: 'read', key: 'k', value: null };
  const started = [undefined, 20].map((intendedNs) =>
    recorder.invoke({ process: 3, node, invocation, intendedNs }),
  );
  expect(started).toMatchObject([
    { intendedNs: 10, invokedNs: 10 },
    { intendedNs: 20, invokedNs: 20 },
  ]);
  expect(lines.join('')).not.toContain('intended');
});

test('what failed or is unknown repeats what was asked, and says why', () => {
  const { recorder, events } = recorderOnLines();
  const invocation = { f: 'write', value: 9 };
  for (const type of ['fail', 'info'] as const) {
    const started = recorder.invoke({ process: 1, node, invocation, intendedNs: 0 });
    recorder.complete(started, { type, error: 'said "no"' });
  }
  expect(events().filter(({ error }) => error === 'said "no"')).toMatchObject([
    { type: 'fail', value: 9, index: 1 },
    { type: 'info', value: 9, index: 3 },
  ]);
  expect(events().some((event) => 'key' in event)).toBe(false);
});

test('events of the nemesis stand in the same order', () => {
  const { recorder, events } = recorderOnLines();
  const started = recorder.invoke({ process: 0, node, invocation: read('k'), intendedNs: 0 });
  const time = recorder.nemesis('kill', { phase: 'start', fault: 0 });
  recorder.complete(started, { type: 'ok', value: null });
  expect(events()[1]).toEqual({
    index: 1,
    time,
    type: 'info',
    process: 'nemesis',
    f: 'kill',
    value: { phase: 'start', fault: 0 },
  });
  expect(events().map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(recorder.events).toBe(3);
});

function read(key: string) {
  return { f: 'read', key, value: null };
}

test('whatever text and values an operation carries, its lines are JSON that says the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (text, value) => {
      const { recorder, lines, events } = recorderOnLines();
      const json = value as Json;
      const started = recorder.invoke({
        process: 0,
        node: nodeId(text),
        invocation: { f: text, key: text, value: json },
        intendedNs: 0,
      });
      recorder.complete(started, { type: 'ok', value: json, servedBy: text });
      expect(lines.some((line) => line.includes('\n'))).toBe(false);
      const plain: unknown = JSON.parse(JSON.stringify(value));
      expect(events()).toMatchObject([
        { f: text, key: text, node: text, value: plain },
        { f: text, key: text, node: text, value: plain, servedBy: text },
      ]);
    }),
  );
});

test('a history cut off in a line is whole up to that line', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gong-recorder-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'history.jsonl');
  {
    using sink = new LineWriter(path);
    const clock = { now: () => 1, sleep: async () => undefined };
    const recorder = new HistoryRecorder({ clock, sink, onFinished: () => undefined });
    for (let i = 0; i < 1_000; i++) {
      recorder.invoke({ process: i, node, invocation: read(`k${i}`), intendedNs: 0 });
    }
  }
  appendFileSync(path, '{"index":1000,"time":1,"ty');
  const whole = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  const indexes = whole.map((line) => (JSON.parse(line) as HistoryEvent).index);
  expect(indexes).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
});
