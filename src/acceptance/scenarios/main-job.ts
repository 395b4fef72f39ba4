import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { machinePath, ROOT, start, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

const FILES =
  'manifest.json history.jsonl cluster.jsonl verdict.json stats.json summary.csv ops.csv junit.xml ' +
  'summary.md run.log logs/n1.log logs/n5.log';

/** The README's first command, and its second. */
export const mainJob: Scenario = {
  name: 'main-job',
  promise: 'npm ci && npm start passes in under 90 s on a fresh clone; npm ci && npm test passes',
  async run({ isShort, id, say }) {
    await using place = await temporary();
    const clone = isShort ? ROOT : path.join(place.path, 'gong');
    const env = { PATH: machinePath() };
    const sh = async (script: string, cwd: string) => {
      const ended = await start(['-c', script], { id, command: 'bash', cwd, env }).ended;
      must(ended.code === 0, `${script}: exit ${ended.code}\n${ended.stdout}${ended.stderr}`);
      return ended;
    };
    if (!isShort) await sh(`git clone -q ${ROOT} ${clone}`, place.path);
    const install = isShort ? '' : 'npm ci --ignore-scripts && ';
    const started = await sh(`node --version && ${install}npm start`, clone);
    must(started.seconds < 90, `npm start took ${started.seconds} s`);
    must(/^LINEARIZABLE$/m.test(started.stdout), `no verdict:\n${started.stdout}`);
    const latest = realpathSync(path.join(clone, 'results/latest'));
    for (const file of FILES.split(' '))
      must(existsSync(path.join(latest, file)), `${file} is missing`);
    const [version = '?'] = started.stdout.split('\n');
    say(`npm start from Node ${version}: ${started.seconds.toFixed(1)} s, every file there`);
    if (isShort) return;
    const tested = await sh('npm ci --ignore-scripts && npm test', clone);
    say(`npm test: ${/Tests\s.*/.exec(stripVTControlCharacters(tested.stdout))?.[0] ?? ''}`);
  },
};
