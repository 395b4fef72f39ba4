import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gong, temporary } from '../gong.ts';
import { tracedOnThread } from '../../hunt/testing/traced-on-thread.ts';
import { must, type Scenario } from '../scenario.ts';

const SIM_SECONDS = 20;

/** What a seed gives must not depend on the day, the machine's load, or how many threads there are. */
export const simulatorReplay: Scenario = {
  name: 'simulator-replay',
  promise: 'the same seed gives the same run, byte for byte, alone or among others',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const seeds = isShort ? ['3', '7'] : Array.from({ length: 20 }, (_, i) => String(i + 1));
    const trace = async (seed: string, name: string, level: string): Promise<Buffer> => {
      const file = path.join(results.path, name);
      const args = [
        '--seed',
        seed,
        '--sim-time',
        `${SIM_SECONDS}s`,
        '--trace',
        file,
        '--trace-level',
        level,
      ];
      const run = await gong(['sim', ...args, '--results-dir', results.path], { id });
      must(run.code === 0, `exit ${run.code} of seed ${seed}: ${run.stdout}${run.stderr}`);
      return readFile(file);
    };
    let bytes = 0;
    for (const seed of seeds) {
      const first = await trace(seed, 'first.trace', 'full');
      const second = await trace(seed, 'second.trace', 'full');
      must(first.length > 10_000, `the trace of seed ${seed} has ${first.length} bytes`);
      must(first.equals(second), `seed ${seed} gave two traces`);
      bytes += first.length;
      const constraints = { simTimeNs: SIM_SECONDS * 1e9 };
      const there = await Promise.all([1, 2].map(() => tracedOnThread(seed, constraints)));
      for (const trace of there) {
        must(first.equals(Buffer.from(trace)), `seed ${seed} is another on a thread`);
      }
    }
    say(`${seeds.length} seeds traced twice, and on two threads at once: the same ${bytes} bytes`);
    const many = async (threads: string): Promise<string> => {
      const args = ['--seeds', '1..12', '--sim-time', '20s', '--threads', threads, '--json'];
      const run = await gong(['sim', ...args, '--results-dir', results.path], { id });
      must(run.code === 0, `exit ${run.code} on ${threads} threads: ${run.stderr}`);
      const { digest, coverage, events } = JSON.parse(run.stdout);
      must(/^[0-9a-f]{16,}$/.test(digest), `the digest is ${digest}`);
      return JSON.stringify({ digest, coverage, events });
    };
    const [one, two] = [await many('1'), await many('2')];
    must(one === two, `one thread: ${one}; two: ${two}`);
    say(`12 seeds on one thread and on two: digest ${JSON.parse(one).digest}`);
  },
};
