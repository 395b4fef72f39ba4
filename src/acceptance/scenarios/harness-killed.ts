import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { DOOR, gong, oldNode, start, temporary } from '../gong.ts';
import { nothingLeft, processesOf, until } from '../processes.ts';
import { must, type Scenario, type ScenarioContext } from '../scenario.ts';

/** Whatever kills the harness: its processes end, and what it recorded can be judged. */
export const harnessKilled: Scenario = {
  name: 'harness-killed',
  promise: 'kill -9 of gong leaves no process within 5 s, a stopped node included; Ctrl-C saves',
  async run(context) {
    await killed(context, 'a plain kill -9', () => undefined);
    await killed(context, 'kill -9 with a stopped node', (id) => {
      const [node] = processesOf(id).filter(({ command }) => command.includes('raft/node/main.ts'));
      must(node !== undefined, 'no node runs');
      process.kill(node.pid, 'SIGSTOP');
    });
    const old = oldNode();
    if (old === undefined) context.say('no older Node here: the door does not hand over');
    else await killed(context, `kill -9 of the door (${old})`, () => undefined, old);
    await interrupted(context);
  },
};

async function runUntilBusy(id: string, results: string, command = process.execPath) {
  const run = start(
    [DOOR, 'run', '--duration', '60s', '--nemesis', 'partition,kill:one', '--results-dir', results],
    { id, command },
  );
  await until('clients to run', 30_000, () => {
    must(run.child.exitCode === null, `gong ended by itself:\n${run.said()}`);
    return (run.said().match(/ok\/s/g) ?? []).length >= 2;
  });
  return run;
}

async function killed(
  { id, say }: ScenarioContext,
  name: string,
  prepare: (id: string) => void,
  command?: string,
): Promise<void> {
  await using results = await temporary();
  const run = await runUntilBusy(id, results.path, command);
  prepare(id);
  const before = processesOf(id).length;
  // Gong, its supervisor and five nodes, one of which may just be down by a fault.
  must(before >= 6, `only ${before} processes run`);
  run.child.kill('SIGKILL');
  const began = performance.now();
  await nothingLeft(id);
  const seconds = (performance.now() - began) / 1000;
  await run.ended;
  const [runDirectory = ''] = readdirSync(path.join(results.path, 'run'));
  const history = path.join(results.path, 'run', runDirectory, 'history.jsonl');
  const checked = await gong(['check', history, '--json'], { id });
  must(checked.code === 0, `check of the partial history: exit ${checked.code}\n${checked.stderr}`);
  const { completed } = JSON.parse(checked.stdout);
  must(completed > 100, `only ${completed} operations were kept`);
  say(
    `${name}: ${before} processes gone in ${seconds.toFixed(2)} s, ${completed} operations judged`,
  );
}

async function interrupted({ id, say }: ScenarioContext): Promise<void> {
  await using results = await temporary();
  const run = await runUntilBusy(id, results.path);
  run.child.kill('SIGINT');
  const ended = await run.ended;
  must(ended.code === 130, `exit ${ended.code} after SIGINT\n${ended.stderr}`);
  await nothingLeft(id);
  const [runDirectory = ''] = readdirSync(path.join(results.path, 'run'));
  const verdict = path.join(results.path, 'run', runDirectory, 'verdict.json');
  must(JSON.parse(readFileSync(verdict, 'utf8')).valid === true, 'what was seen is linearizable');
  say('SIGINT: healed, stopped, saved and judged, exit 130');
}
