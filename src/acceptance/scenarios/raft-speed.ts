import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { start, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

/** Three nodes against three of etcd, one right after the other. */
export const raftSpeed: Scenario = {
  name: 'raft-speed',
  promise:
    'at 64 connections at least 25 writes per fsync and, where the machine disturbs it least, at most 45 µs of ' +
    'server CPU for each; throughput and latency as ratios to etcd',
  isQuiet: true,
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const json = path.join(results.path, 'figures.json');
    const args = ['src/bench/raft/main.ts', '--json', json, ...(isShort ? ['--short'] : [])];
    const run = await start(args, { id }).ended;
    for (const line of run.stdout.trimEnd().split('\n')) say(line);
    // On a machine that others use it may be missed; the figures are there all the same.
    must(run.code === 0 || (isShort && run.code === 1), `exit ${run.code}: ${run.stderr}`);
    const { measured } = JSON.parse(await readFile(json, 'utf8'));
    must(measured.length >= (isShort ? 4 : 12), `${measured.length} cells were measured`);
    for (const { cell, gong } of measured) {
      must(gong.failures === 0, `${gong.failures} requests failed: ${JSON.stringify(cell)}`);
    }
    await nothingLeft(id);
  },
};
