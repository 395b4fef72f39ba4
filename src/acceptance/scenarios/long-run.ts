import { createReadStream, readFileSync, statSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { runPaths } from '../../rundir/paths.ts';
import { DOOR, ROOT, type Started, start, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

const STORE = path.join(ROOT, 'src/targets/testing/small-store-main.ts');
const TARGET = path.join(ROOT, 'src/targets/testdata/my-target.ts');
const MEMORY_BYTES_MAX = 500e6;
const VERDICT_S_MAX = 10;

/** As many operations as the machine makes, for as long as a nightly run may take. */
export const longRun: Scenario = {
  name: 'long-run',
  promise:
    '10 minutes at the highest rate: under 500 MB, no event lost, the verdict within 10 s of its end',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const store = start([STORE, '0'], { id });
    try {
      const url = await firstLine(store);
      const args = `run --target ${TARGET} --endpoints ${url} --concurrency 64 --json`;
      const more = ['--duration', isShort ? '20s' : '10m', '--results-dir', results.path];
      const run = start([DOOR, ...args.split(' '), ...more], { id });
      const peakBytes = await peakMemory(run);
      const ended = await run.ended;
      must(ended.code === 0, `ended with ${ended.code}\n${ended.stderr}`);
      const { directory, verdict, statistics } = JSON.parse(ended.stdout);
      const paths = runPaths(directory);
      must(verdict.valid === true, `the verdict is ${verdict.valid}`);
      say(
        `${Math.round(statistics.okPerSecond)} operations a second; ` +
          `the harness held ${(peakBytes / 1e6).toFixed(0)} MB at most`,
      );
      must(peakBytes < MEMORY_BYTES_MAX, `it held ${peakBytes} bytes`);
      // The history is written to the end of the run, the verdict when it is there.
      const [ranMs, judgedMs] = [paths.history, paths.verdict].map(
        (file) => statSync(file).mtimeMs,
      );
      const seconds = ((judgedMs ?? Infinity) - (ranMs ?? 0)) / 1e3;
      say(`the verdict was there ${seconds.toFixed(1)} s after the last event`);
      must(seconds <= VERDICT_S_MAX, `the verdict took ${seconds} s`);

      const answer = await fetch(`${url}/health`);
      const served = Object.values((await answer.json()) as Readonly<Record<string, number>>);
      const atServer = served.reduce((sum, count) => sum + count, 0);
      const { invoke, ok, info, fail } = await countLines(paths.history);
      say(
        `${atServer} operations at the server; in the history ${ok} ok, ${info} info, ${fail} fail`,
      );
      must(invoke === ok + info + fail, `${invoke} invocations, ${ok + info + fail} completions`);
      must(verdict.operations === ok + info, `the verdict is on ${verdict.operations} operations`);
      must(ok <= atServer && atServer <= ok + info, 'the server and the history do not agree');
    } finally {
      store.child.kill('SIGKILL');
      await store.ended;
    }
  },
};

async function firstLine({ child }: Started): Promise<string> {
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  while (!text.includes('\n')) await once(child.stdout ?? child, 'data');
  return text.split('\n')[0] ?? '';
}

/** Looks once a second until the process has ended. @returns bytes; the kernel keeps the peak */
async function peakMemory({ child, ended }: Started): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // It ended a moment ago.
    }
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 1000))]);
  }
  must(peak > 0, 'its memory could not be read');
  return peak;
}

/** By type, those of clients alone. Not by Gong's own reader: this looks from outside. */
async function countLines(file: string): Promise<{
  readonly invoke: number;
  readonly ok: number;
  readonly info: number;
  readonly fail: number;
}> {
  const counts = new Map<string, number>();
  let torn = '';
  for await (const chunk of createReadStream(file, {
    encoding: 'latin1',
    highWaterMark: 1 << 20,
  })) {
    const lines = (torn + String(chunk)).split('\n');
    torn = lines.pop() ?? '';
    for (const line of lines) {
      const type = /"type":"(invoke|ok|info|fail)","process":\d/.exec(line)?.[1];
      if (type !== undefined) counts.set(type, (counts.get(type) ?? 0) + 1);
    }
  }
  must(torn === '', 'the last line is torn');
  const of = (type: string): number => counts.get(type) ?? 0;
  return { invoke: of('invoke'), ok: of('ok'), info: of('info'), fail: of('fail') };
}
