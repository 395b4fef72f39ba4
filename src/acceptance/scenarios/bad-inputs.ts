import { start } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

/** The fuzzers of the node's ways in, each as many inputs. */
const TARGETS = ['peers', 'liars', 'http', 'wal', 'snapshots'];

export const badInputs: Scenario = {
  name: 'bad-inputs',
  promise:
    'a hundred thousand bad inputs each to peers, clients, logs and snapshots: no crash, no hang, ' +
    'nothing acknowledged is lost, each damage is named',
  async run({ isShort, id, say }) {
    const inputs = isShort ? 2000 : 100_000;
    for (const target of TARGETS) {
      const args = ['src/raft/fuzz/main.ts', '--target', target, '--inputs', String(inputs)];
      const run = await start([...args, '--seed', '7'], { id }).ended;
      must(run.code === 0, `${target}: exit ${run.code}: ${run.stdout}${run.stderr}`);
      const given = Number(/no harm by (\d+) inputs/.exec(run.stdout)?.[1] ?? 0);
      must(given >= inputs, `${target}: ${run.stdout}`);
      for (const line of run.stdout.trimEnd().split('\n')) say(line);
    }
    await nothingLeft(id);
  },
};
