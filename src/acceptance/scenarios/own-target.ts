import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DOOR, type Ended, gong, machinePath, ROOT, start, temporary } from '../gong.ts';
import { callsOf, example, startStore, writeScript } from '../own-store.ts';
import { nothingLeft, until } from '../processes.ts';
import { must, type Scenario, type ScenarioContext } from '../scenario.ts';

/** A store that Gong knows nothing of, tried as a new user would. */
export const ownTarget: Scenario = {
  name: 'own-target',
  promise:
    "the README's target works as told and finds a lost write; scripts are faults, and always healed",
  async run(context) {
    await asTheReadmeTells(context);
    await lostWrite(context);
    await stoppedByScript(context);
    await scriptsThatFail(context);
    await interrupted(context);
    await killed(context);
  },
};

interface Place {
  readonly path: string;
  readonly target: string;
}

async function withPlace(act: (place: Place) => Promise<void>): Promise<void> {
  await using directory = await temporary();
  const target = path.join(directory.path, 'my-target.ts');
  await writeFile(target, example());
  await act({ path: directory.path, target });
}

function run(
  { path: cwd, target }: Place,
  url: string,
  options: string,
  id: string,
): Promise<Ended> {
  const args = ['run', '--target', target, '--endpoints', url, ...options.split(' ')];
  return gong(args, { id, cwd });
}

function shown(ended: Ended): string {
  return `exit ${ended.code}\n${ended.stderr}\n${ended.stdout}`;
}

async function asTheReadmeTells({ id, isShort, say }: ScenarioContext): Promise<void> {
  await using place = await temporary();
  await using store = await startStore(id);
  const clone = isShort ? ROOT : path.join(place.path, 'gong');
  const sh = async (script: string, cwd: string): Promise<Ended> => {
    const env = { PATH: machinePath() };
    const ended = await start(['-c', script], { id, command: 'bash', cwd, env }).ended;
    must(ended.code === 0, `${script}: ${shown(ended)}`);
    return ended;
  };
  if (!isShort) {
    await sh(`git clone -q ${ROOT} ${clone}`, place.path);
    await sh('npm ci --ignore-scripts', clone);
  }
  // Beside the clone, not in it: the file may lie anywhere.
  const target = path.join(place.path, 'my-target.ts');
  await writeFile(target, example(clone));
  const results = path.join(place.path, 'results');
  const ended = await sh(
    `npx gong run --target ${target} --endpoints ${store.url} --duration 5s --results-dir ${results}`,
    clone,
  );
  must(/^LINEARIZABLE$/m.test(ended.stdout), shown(ended));
  say(`as the README tells: LINEARIZABLE, ${/\d+ ok\/s/.exec(ended.stdout)?.[0] ?? ''}`);
}

async function lostWrite({ id, say }: ScenarioContext): Promise<void> {
  await using store = await startStore(id, { loseEvery: 200 });
  await withPlace(async (place) => {
    // However few operations the machine makes just now: it ends when one is found.
    const ended = await run(place, store.url, '--duration 60s --stop-on-violation', id);
    must(ended.code === 1, `a lost write: ${shown(ended)}`);
    say('one write in 200 lost: exit 1');
  });
}

function jsonLines(file: string): readonly Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

const STOP_AND_CONTINUE = (pid: number): string =>
  `case $1 in start) echo stopping; kill -STOP ${pid};; heal) kill -CONT ${pid};; esac`;

async function stoppedByScript({ id, say }: ScenarioContext): Promise<void> {
  await using store = await startStore(id);
  await withPlace(async (place) => {
    const script = await writeScript(place.path, 'cut.sh', STOP_AND_CONTINUE(store.pid));
    const options = '--duration 8s --nemesis exec:./cut.sh --nemesis-interval 3s --seed 3';
    const ended = await run(place, store.url, options, id);
    must(ended.code === 0, `stopped by a script: ${shown(ended)}`);
    const history = jsonLines(path.join(place.path, 'results/latest/history.jsonl'));
    const events = history.filter(({ process }) => process === 'nemesis');
    must(events.length >= 2 && events[0]?.['f'] === 'exec', JSON.stringify(events));
    const info = history.filter(({ type, process }) => type === 'info' && process !== 'nemesis');
    must(info.length > 0, 'no operation timed out while the store was stopped');
    const cluster = jsonLines(path.join(place.path, 'results/latest/cluster.jsonl'));
    const fault = JSON.stringify(cluster.find(({ type }) => type === 'fault'));
    must(fault.includes('stopping\\n'), `what the script said is not recorded: ${fault}`);
    const calls = callsOf(script);
    must(calls.at(-1) === 'heal' && calls.at(-2) === 'heal', `no final heal: ${calls.join()}`);
    say(`a script stops the store: in the history, ${info.length} operations unknown, exit 0`);
  });
}

/** Each with what its record of calls must be. */
const FAILING: readonly (readonly [what: string, body: string, code: string])[] = [
  ['fails', '[ $1 = heal ] || exit 3', 'GONG-E151'],
  ['hangs', '[ $1 = heal ] || { sleep 300 & wait; }', 'GONG-E151'],
  ['is killed', '[ $1 = heal ] || kill -9 $$', 'GONG-E151'],
  ['cannot heal', '[ $1 = start ] || [ -e tried ] || { touch tried; exit 1; }', 'GONG-E152'],
];

async function scriptsThatFail({ id, say }: ScenarioContext): Promise<void> {
  await using store = await startStore(id);
  for (const [what, body, code] of FAILING) {
    await withPlace(async (place) => {
      const script = await writeScript(place.path, 'cut.sh', body);
      const options = '--duration 6s --nemesis exec:./cut.sh --nemesis-interval 2s';
      const ended = await run(place, store.url, `${options} --hook-timeout 2s`, id);
      must(ended.code === 75, `a script that ${what}: ${shown(ended)}`);
      must(ended.stderr.includes(code), `a script that ${what}: no ${code}\n${shown(ended)}`);
      must(/^ {2}fix {3}\S/m.test(ended.stderr), `a script that ${what}: no fix`);
      const calls = callsOf(script);
      must(/^start \d+$/.test(calls[0] ?? ''), `never started: ${calls.join()}`);
      must(calls[1] === 'heal' && calls.at(-1) === 'heal', `not healed: ${calls.join()}`);
      await nothingLeft(id);
      say(`a script that ${what}: exit 75, ${code}, ${calls.length - 1} heals, nothing left`);
    });
  }
}

/** A run whose script is at work. */
async function begun(place: Place, url: string, id: string, script: string) {
  const args = ['--target', place.target, '--endpoints', url, '--nemesis', 'exec:./cut.sh'];
  const options = ['--duration', '20s', '--nemesis-interval', '8s'];
  const running = start([DOOR, 'run', ...args, ...options], { id, cwd: place.path });
  await until('the script to be called', 30_000, () => {
    must(running.child.exitCode === null, `gong ended by itself:\n${running.said()}`);
    return callsOf(script).length > 0;
  });
  return running;
}

async function interrupted({ id, say }: ScenarioContext): Promise<void> {
  await using store = await startStore(id);
  await withPlace(async (place) => {
    const script = await writeScript(place.path, 'cut.sh', '[ $1 = heal ] || sleep 300');
    const running = await begun(place, store.url, id, script);
    running.child.kill('SIGINT');
    const ended = await running.ended;
    must(ended.code === 130, `SIGINT in the middle of a start: ${shown(ended)}`);
    must(callsOf(script).at(-1) === 'heal', `not healed: ${callsOf(script).join()}`);
    await nothingLeft(id);
    say('Ctrl-C while a start hangs: it is killed, healed, exit 130, nothing left');
  });
}

async function killed({ id, say }: ScenarioContext): Promise<void> {
  for (const [what, hang] of [
    ['a fault is in force', ''],
    ['a start hangs', 'sleep 300'],
  ] as const) {
    await using store = await startStore(id);
    await withPlace(async (place) => {
      const body = `${STOP_AND_CONTINUE(store.pid)}\n[ $1 = heal ] || ${hang || 'true'}`;
      const script = await writeScript(place.path, 'cut.sh', body);
      const running = await begun(place, store.url, id, script);
      running.child.kill('SIGKILL');
      await running.ended;
      await nothingLeft(id);
      must(callsOf(script).at(-1) === 'heal', `not healed: ${callsOf(script).join()}`);
      const { status } = await fetch(`${store.url}/health`, { signal: AbortSignal.timeout(5_000) });
      must(status === 200, 'the store does not serve again');
      say(`kill -9 of gong while ${what}: healed, the store serves, nothing left`);
    });
  }
}
