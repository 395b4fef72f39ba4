import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gatesIn, gong, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

const NODES = 5;

/** A line of a history. */
interface Line {
  readonly type: string;
  readonly f: string;
  readonly node?: string;
  readonly servedBy?: string;
}

/** Every node serves the newest value, whatever is cut, killed or stopped meanwhile. */
export const readAnywhere: Scenario = {
  name: 'read-anywhere',
  promise:
    'ten seeds of reads from every node, among partitions, kills and pauses, are linearizable; and ten ' +
    'of reads by leases',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const base = ['run', '--nodes', String(NODES), '--nemesis', 'partition,kill,pause'];
    base.push('--read-from', 'any', '--results-dir', results.path, '--json');
    base.push(...(isShort ? ['--duration', '20s'] : ['--duration', '60s']));
    for (const mode of isShort ? ['linearizable'] : ['linearizable', 'lease']) {
      for (let seed = 1; seed <= (isShort ? 1 : 10); seed++) {
        const args = [...base, '--read-mode', mode, '--seed', String(seed)];
        const ended = await gong(args, { id });
        must(
          ended.code === 0,
          `${mode}, seed ${seed} ended with ${ended.code}\n${gatesIn(ended.stdout)}\n${ended.stderr}`,
        );
        await nothingLeft(id);
        const { directory, verdict } = JSON.parse(ended.stdout);
        const { asked, served } = await readsIn(directory);
        must(asked.size === NODES, `reads were asked of ${[...asked.keys()].join(', ')} only`);
        if (mode === 'linearizable') {
          must(served.size === NODES, `reads were served by ${[...served.keys()].join(', ')} only`);
        }
        const by = [...served.keys()].toSorted().map((node) => `${node} ${served.get(node)}`);
        say(
          `${mode}, seed ${seed}: ${verdict.keys.valid} keys linearizable, reads by ${by.join(', ')}`,
        );
      }
    }
  },
};

/** How many reads each node was asked for, and answered itself, with success. */
async function readsIn(directory: string): Promise<{
  readonly asked: ReadonlyMap<string, number>;
  readonly served: ReadonlyMap<string, number>;
}> {
  const text = await readFile(path.join(directory, 'history.jsonl'), 'utf8');
  const [asked, served] = [new Map<string, number>(), new Map<string, number>()];
  for (const line of text.split('\n').filter(Boolean)) {
    const { type, f, node, servedBy }: Line = JSON.parse(line);
    if (type !== 'ok' || f !== 'read') continue;
    if (node !== undefined) asked.set(node, (asked.get(node) ?? 0) + 1);
    if (servedBy !== undefined) served.set(servedBy, (served.get(servedBy) ?? 0) + 1);
  }
  return { asked, served };
}
