import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gong, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

/** Five nodes, partitions and kills, many seeds: all pass, and each had an election by a fault. */
export const seeds: Scenario = {
  name: 'seeds',
  promise: 'ten seeds of partitions and kills pass, each with an election caused by a fault',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    for (let seed = 1; seed <= (isShort ? 1 : 10); seed++) {
      const args = ['run', '--nodes', '5', '--nemesis', 'partition,kill', '--seed', String(seed)];
      args.push('--duration', isShort ? '20s' : '30s', '--results-dir', results.path, '--json');
      const plan = JSON.parse((await gong([...args, '--dry-run'], { id })).stdout);
      const ended = await gong(args, { id });
      must(
        ended.code === 0,
        `seed ${seed} ended with ${ended.code}\n${ended.stdout}${ended.stderr}`,
      );
      const result = JSON.parse(ended.stdout);
      const elections = result.faults.filter((fault: { election?: unknown }) => fault.election);
      must(elections.length > 0, `seed ${seed}: no fault caused an election`);
      const manifest = JSON.parse(
        await readFile(path.join(result.directory, 'manifest.json'), 'utf8'),
      );
      must(
        JSON.stringify(manifest.plan) === JSON.stringify(plan.plan),
        `seed ${seed} gave another plan the second time`,
      );
      await nothingLeft(id);
      say(
        `seed ${seed}: ${result.statistics.operations.ok} ok, ${result.faults.length} faults, ` +
          `${elections.length} with an election, ${result.verdict.keys.valid} keys linearizable`,
      );
    }
  },
};
