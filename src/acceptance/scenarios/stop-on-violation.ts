import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findStaleReads, MODELS, partition, Table } from '../../../checker/index.ts';
import { readHistory } from '../../judge/index.ts';
import { defined } from '../../lib/assert.ts';
import { runPaths } from '../../rundir/paths.ts';
import { gong, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

const LIMIT_S = 15;

/** A run of two minutes that is over as soon as it has shown what it is there to show. */
export const stopOnViolation: Scenario = {
  name: 'stop-on-violation',
  promise: `with --stop-on-violation gong ends within ${LIMIT_S} s of the first stale read, with 1`,
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
      const first = await firstStaleReadNs(paths.history);
      // The manifest is written before the clock of the history begins: this is more than it took.
      const { startedAt } = JSON.parse(readFileSync(paths.manifest, 'utf8'));
      const seconds = (endedMs - Date.parse(startedAt)) / 1e3 - first / 1e9;
      must(seconds <= LIMIT_S, `it took ${seconds} s from the first stale read to the end`);
      const again = await gong(['check', directory, '--json'], { id });
      must(again.code === 1, `gong check ends with ${again.code}`);
      must(
        JSON.parse(again.stdout).keys.invalid === verdict.keys.invalid,
        'gong check counts other keys as invalid',
      );
      say(
        `ended ${seconds.toFixed(1)} s after the first stale read, at ${endedEarly.atNs / 1e9} s`,
      );
    }
  },
};

/** When the first read completed that is stale by proof, in nanoseconds since the run began. */
async function firstStaleReadNs(history: string): Promise<number> {
  const model = defined(MODELS.get('cas-register'), 'a model');
  const { columns } = await readHistory(history);
  const times = [...partition(new Table(columns).operations()).values()].flatMap((part) =>
    findStaleReads(part, model).map(({ read }) => read.returnTime),
  );
  must(times.length > 0, 'no read is stale by proof');
  return Math.min(...times);
}
