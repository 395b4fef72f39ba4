import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { checkKey, MODELS, type Operation, partition, Table } from '../../../checker/index.ts';
import { readHistory } from '../../judge/index.ts';
import { defined } from '../../lib/assert.ts';
import { runPaths } from '../../rundir/paths.ts';
import { gong, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

const LIMIT_S = 15;

/** A run of two minutes that is over as soon as it has shown what it is there to show. */
export const stopOnViolation: Scenario = {
  name: 'stop-on-violation',
  promise: `with --stop-on-violation gong ends within ${LIMIT_S} s of the first violation, with 1`,
  async run({ isShort, id, say }) {
    await using results = await temporary();
    for (let round = 1; round <= (isShort ? 1 : 5); round++) {
      const args = 'run --nodes 5 --read-mode stale --nemesis partition:leader-minority --json';
      const more = ['--stop-on-violation', '--duration', '2m', '--results-dir', results.path];
      const ended = await gong([...args.split(' '), ...more], { id });
      const endedMs = Date.now();
      must(ended.code === 1, `ended with ${ended.code}\n${ended.stderr}`);
      const { directory, verdict, endedEarly } = JSON.parse(ended.stdout);
      must(verdict.valid === false, `the verdict is ${verdict.valid}`);
      must(endedEarly?.type === 'violation', `it was not stopped: ${JSON.stringify(endedEarly)}`);
      const paths = runPaths(directory);
      must(existsSync(paths.verdict), 'there is no verdict.json');
      must(existsSync(path.join(paths.failureDir, 'explain.md')), 'there is no explanation');
      const first = await firstViolationNs(paths.history);
      // The manifest is written before the clock of the history begins: this is more than it took.
      const { startedAt } = JSON.parse(readFileSync(paths.manifest, 'utf8'));
      const seconds = (endedMs - Date.parse(startedAt)) / 1e3 - first / 1e9;
      must(seconds <= LIMIT_S, `it took ${seconds} s from the first violation to the end`);
      const again = await gong(['check', directory, '--json'], { id });
      must(again.code === 1, `gong check ends with ${again.code}`);
      must(
        JSON.parse(again.stdout).keys.invalid === verdict.keys.invalid,
        'gong check counts other keys as invalid',
      );
      say(`ended ${seconds.toFixed(1)} s after the first violation, at ${endedEarly.atNs / 1e9} s`);
    }
  },
};

/**
 * When the first completion came after which no order explains the history, in nanoseconds since the run
 * began. That is not later than the first read that is stale by proof; one that returned what a write
 * under way had replaced, as another read had seen, is none.
 */
async function firstViolationNs(history: string): Promise<number> {
  const { columns } = await readHistory(history);
  const parts = [...partition(new Table(columns).operations()).values()];
  const times = parts.filter((part) => !isLinearizable(part)).map(firstBeyondNs);
  must(times.length > 0, 'no key has a violation');
  return Math.min(...times);
}

/** @param part - one key's operations, not linearizable */
function firstBeyondNs(part: readonly Operation[]): number {
  const completed = part.filter(({ outcome }) => outcome === 'ok');
  const ends = completed.toSorted((a, b) => a.return - b.return);
  // What no order explains stays so when more completes.
  let [first, last] = [0, ends.length - 1];
  while (first < last) {
    const middle = (first + last) >>> 1;
    if (isLinearizable(until(part, ends[middle]?.return ?? Infinity))) first = middle + 1;
    else last = middle;
  }
  return ends[first]?.returnTime ?? Infinity;
}

/** What was known when the event at this position had come. */
function until(part: readonly Operation[], position: number): readonly Operation[] {
  const unknown = { outcome: 'info', output: null, applied: true } as const;
  return part
    .filter(({ invoke }) => invoke < position)
    .map((each) =>
      each.return <= position
        ? each
        : { ...each, ...unknown, return: Infinity, returnTime: Infinity },
    );
}

function isLinearizable(part: readonly Operation[]): boolean {
  const now = (): number => performance.now() * 1e6;
  const budget = { now, deadlineNs: now() + 60e9, memoryBytesMax: 2 ** 30 };
  const { valid } = checkKey(part, defined(MODELS.get('cas-register'), 'a model'), budget);
  must(valid !== 'unknown', 'a key is undecided');
  return valid;
}
