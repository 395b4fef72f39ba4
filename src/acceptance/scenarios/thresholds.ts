import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gong, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

interface Shown {
  readonly text: string;
  readonly value: number | null;
  readonly kept: boolean;
}

const KEPT = ['p99(*) < 10s', 'ok > 50%', 'unavailable(write) < 5s', 'rate(read, steady) > 1/s'];
const BROKEN = 'p50(read) < 1us';

/** A real cluster without faults, once held to what it keeps and once to what nothing can keep. */
export const thresholds: Scenario = {
  name: 'thresholds',
  promise: 'kept thresholds pass, a broken one ends with 3; each is shown with its value',
  async run({ id, say }) {
    await using results = await temporary();
    const began = (...asked: readonly string[]) => {
      const args = ['run', '--nodes', '3', '--duration', '6s', '--results-dir', results.path];
      return gong([...args, ...asked.flatMap((text) => ['--threshold', text])], { id });
    };
    const written = async (name: string) =>
      JSON.parse(await readFile(path.join(results.path, 'latest', name), 'utf8'));

    for (const [code, asked] of [
      [0, KEPT],
      [3, [...KEPT, BROKEN]],
    ] as const) {
      const ended = await began(...asked);
      must(
        ended.code === code,
        `${asked.join('; ')}: ended with ${ended.code}, not ${code}\n${ended.stdout}${ended.stderr}`,
      );
      await nothingLeft(id);
      const shown: readonly Shown[] = (await written('stats.json')).thresholds;
      must(
        JSON.stringify((await written('manifest.json')).config.thresholds) ===
          JSON.stringify(asked),
        'the manifest does not hold the thresholds',
      );
      for (const [i, text] of asked.entries()) {
        const result = shown[i];
        must(result?.text === text && typeof result.value === 'number', `${text} has no value`);
        must(result.kept === (text !== BROKEN), `${text} is kept: ${result.kept}`);
        const line = ended.stdout.split('\n').find((one) => one.startsWith(`threshold  ${text}: `));
        must(
          line?.endsWith(result.kept ? ', kept' : ', BROKEN') === true,
          `${text} is not shown as it is: ${line}`,
        );
        say(`exit ${code}  ${line}`);
      }
    }

    const refused = await began('p99(red) < 50ms');
    must(refused.code === 64, `an unknown operation ended with ${refused.code}`);
    must(refused.stderr.includes('GONG-E172'), refused.stderr);
    must(refused.seconds < 10, `it was refused after ${refused.seconds} s: something had started`);
    say(refused.stderr.split('\n')[0] ?? '');
  },
};
