import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { start, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

/** The leader is killed, and hands over, again and again: how long nobody could write. */
export const raftFailover: Scenario = {
  name: 'raft-failover',
  promise:
    'after kill -9 of the leader no longer without one than etcd at equal settings; a transfer is ' +
    'a gap of milliseconds',
  isQuiet: true,
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const json = path.join(results.path, 'figures.json');
    const args = ['src/bench/raft/failover-main.ts', '--json', json];
    const run = await start([...args, ...(isShort ? ['--short'] : [])], { id }).ended;
    for (const line of run.stdout.trimEnd().split('\n')) say(line);
    must(run.code === 0 || (isShort && run.code === 1), `exit ${run.code}: ${run.stderr}`);
    const { milliseconds } = JSON.parse(await readFile(json, 'utf8'));
    for (const [name, { kills, transfers, refused }] of Object.entries<{
      readonly kills: readonly number[];
      readonly transfers: readonly number[];
      readonly refused: readonly string[];
    }>(milliseconds)) {
      must(refused.length === 0, `${name}: ${refused.join('; ')}`);
      must(kills.length >= (isShort ? 5 : 30), `${name}: ${kills.length} kills`);
      must(transfers.length >= (isShort ? 2 : 10), `${name}: ${transfers.length} transfers`);
    }
    await nothingLeft(id);
  },
};
