// Three of our nodes and three etcd nodes under the same load: npm run bench:raft [-- --short …]
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bringUp, endOnSignals, RESULTS } from './bring-up.ts';
import { startCeiling } from './ceiling.ts';
import { etcdVersion } from './etcd-nodes.ts';
import { type Cell, type CellFigures, figuresOf, isQuiet, OTHERS_CORES_MAX } from './figures.ts';
import { goalsOf, hasMust } from './goals.ts';
import type { GongNodes } from './gong-nodes.ts';
import { measureLoad } from './load.ts';
import { measureRounds, type Systems } from './rounds.ts';
import { KEYS, type Operation, OPERATIONS } from './system.ts';
import { GATEWAY_NOTE, tableHead, tableRows } from './table.ts';

const HELP = `npm run bench:raft -- [options]

  --short               one repetition of a second each, at 1 and 64 connections
  --repetitions N       of which the medians count (default 5); twice as many of what must be reached
  --connections N,…     default 1,16,64,256
  --operations TEXT,…   default write,linearizable read,stale read
  --seconds N           measured, of each system in each repetition (default 2)
  --minutes N           nothing more is begun after so long (default 11)
  --json FILE           default results/bench-raft.json
  --profile             our nodes write CPU profiles into results/bench-raft-profiles
  GONG_REQUIRE=etcd     etcd that is not installed is a failure
`;

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    repetitions: { type: 'string' },
    connections: { type: 'string' },
    operations: { type: 'string', default: OPERATIONS.join(',') },
    seconds: { type: 'string' },
    minutes: { type: 'string', default: '11' },
    json: { type: 'string', default: path.join(RESULTS, 'bench-raft.json') },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}

function usage(what: string): never {
  process.stderr.write(`${what}\n${HELP}`);
  process.exit(64);
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  return value > 0 ? value : usage(`--${name} takes a number above 0, not ${text}`);
}

const repetitions = numberOf('repetitions', values.repetitions ?? (values.short ? '1' : '5'));
const seconds = numberOf('seconds', values.seconds ?? (values.short ? '1' : '2'));
const connections = (values.connections ?? (values.short ? '1,64' : '1,16,64,256'))
  .split(',')
  .map((text) => numberOf('connections', text));
const operations = values.operations
  .split(',')
  .map(
    (text): Operation =>
      OPERATIONS.find((known) => known === text) ??
      usage(`--operations takes some of ${OPERATIONS.join(', ')}, not ${text}`),
  );
const chosen: readonly Cell[] = operations.flatMap((operation) =>
  connections.map((count) => ({ operation, connections: count })),
);
/** What must be reached is measured twice in every turn, at its beginning and at its end. */
const cells: readonly Cell[] = [...chosen, ...chosen.filter(hasMust)];
const deadlineMs = performance.now() + 60_000 * numberOf('minutes', values.minutes);
const PROFILES = path.join(RESULTS, 'bench-raft-profiles');

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Every key has its value, and a node's own answers are what the bare server gives. */
async function fill(gong: GongNodes): Promise<{ readonly write: string; readonly read: string }> {
  const url = await gong.leaderUrl();
  let write = '';
  for (const { method, path: at, body } of gong.requestsFor('write')) {
    write = await (
      await fetch(url + at, { method, ...(body === undefined ? {} : { body }) })
    ).text();
  }
  return { write, read: await (await fetch(`${url}/kv/${KEYS[0] ?? ''}`)).text() };
}

/** Compilers have seen everything, and etcd's keys are there, before it counts. */
async function warmUp({ gong, etcd, bare }: Systems): Promise<void> {
  for (const operation of OPERATIONS) {
    for (const system of [gong, etcd, bare]) {
      if (system === undefined) continue;
      const measuredMs = values.short ? 500 : 3000;
      await measureLoad(system, { operation, connections: 64, leadInMs: 0, measuredMs });
    }
  }
}

async function measure(): Promise<readonly CellFigures[]> {
  await using clusters = await bringUp({
    say,
    ...(values.profile ? { execArgv: ['--cpu-prof', `--cpu-prof-dir=${PROFILES}`] } : {}),
  });
  const { gong, etcd } = clusters;
  await using bare = await startCeiling({
    directory: clusters.directory,
    port: clusters.sparePort,
    requestsFor: (operation) => gong.requestsFor(operation),
    answers: await fill(gong),
  });
  const systems = { gong, etcd, bare };
  await warmUp(systems);
  const found = await measureRounds(systems, {
    cells,
    repetitions,
    // A measurement begins and ends with connections, for which the servers' code is compiled anew.
    leadInMs: values.short ? 200 : 1000,
    measuredMs: 1000 * seconds,
    deadlineMs,
    told: (cell, repetition) => {
      const { gong: ours, etcd: theirs } = repetition;
      const rate = (of: typeof theirs): string => of?.requestsPerSecond.toFixed(0) ?? '-';
      process.stderr.write(
        `${cell.operation} at ${cell.connections}: ${rate(ours)} and ${rate(theirs)} req/s` +
          `${isQuiet(repetition) ? '' : ' *'}\n`,
      );
    },
  });
  save(found);
  return [...found].map(([cell, list]) => figuresOf(cell, list));
}

function save(found: Awaited<ReturnType<typeof measureRounds>>): void {
  mkdirSync(path.dirname(values.json), { recursive: true });
  const machine = {
    cpus: os.cpus().map(({ model }) => model),
    platform: `${os.platform()} ${os.release()} ${os.arch()}`,
  };
  const versions = { node: process.version, etcd: etcdVersion() };
  const measured = [...found].map(([cell, list]) => ({
    ...figuresOf(cell, list),
    repetitions: list,
  }));
  const text = JSON.stringify(
    { machine, versions, seconds, note: GATEWAY_NOTE, measured },
    null,
    1,
  );
  writeFileSync(values.json, `${text}\n`);
}

endOnSignals();
const all = await measure();
say(tableHead());
for (const figures of all) say(tableRows(figures));
say(`\n${GATEWAY_NOTE}`);
say('The ceiling is a bare node:http server that answers our bodies to the same load.');
if (all.some(({ quiet }) => quiet === 0)) {
  say(`*  others used more than ${OTHERS_CORES_MAX} core in every repetition`);
}
const goals = all.flatMap(goalsOf);
for (const { says, isMust, isMet } of goals) {
  say(`${isMet ? 'met   ' : 'MISSED'} ${isMust ? 'must  ' : 'target'} ${says}`);
}
const failures = all.reduce(
  (sum, { gong, etcd, bare }) => sum + gong.failures + (etcd?.failures ?? 0) + bare.failures,
  0,
);
if (failures > 0) say(`${failures} requests failed: the figures are not to be trusted`);
say(values.json);
process.exit(failures > 0 || goals.some(({ isMust, isMet }) => isMust && !isMet) ? 1 : 0);
