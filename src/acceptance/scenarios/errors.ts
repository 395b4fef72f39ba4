import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ended, gong, start, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

const PLANTED = fileURLToPath(new URL('../planted-error.ts', import.meta.url));
const STAGES = ['up', 'settle', 'run', 'heal', 'final-reads', 'down', 'judge', 'report'];
const SCREEN_LINES = 24;

interface Expected {
  readonly code: number;
  /** The error's own code. */
  readonly name: string;
  /** Must stand in what it says. */
  readonly says: RegExp;
}

/** What goes wrong is said on one screen: what, why, what to do; and leaves nothing running. */
export const errors: Scenario = {
  name: 'errors',
  promise:
    'every mistake gets a code, a reason and a fix, the right exit code, and nothing is left',
  async run({ id, say }) {
    await using place = await temporary();
    const results = path.join(place.path, 'results');
    const check = async (name: string, ended: Ended, expected: Expected) => {
      const shown = `${ended.stderr}\n${ended.stdout}`;
      must(
        ended.code === expected.code,
        `${name}: exit ${ended.code}, not ${expected.code}\n${shown}`,
      );
      must(ended.stderr.includes(expected.name), `${name}: no ${expected.name}\n${shown}`);
      must(/^ {2}why {3}\S/m.test(ended.stderr), `${name}: no why\n${shown}`);
      must(/^ {2}fix {3}\S/m.test(ended.stderr), `${name}: no fix\n${shown}`);
      must(expected.says.test(ended.stderr), `${name} does not say ${expected.says}\n${shown}`);
      must(!/^\s+at .+:\d+:\d+/m.test(ended.stderr), `${name} shows a stack\n${shown}`);
      await nothingLeft(id);
      say(`${name}: exit ${ended.code}, ${expected.name}`);
    };
    const run = async (name: string, args: readonly string[], expected: Expected) => {
      const ended = await gong(['run', '--results-dir', results, ...args], { id });
      must(ended.stderr.split('\n').length <= SCREEN_LINES, `${name}: more than a screen`);
      await check(name, ended, expected);
    };
    const usage = (name: string, says: RegExp): Expected => ({ code: 64, name, says });
    await run('unknown workload', ['--workload', 'bank'], usage('GONG-E063', /bank.*\n.*register/));
    await run('unknown flag', ['--frobnicate'], usage('GONG-E061', /--frobnicate/));
    await run('unknown nemesis', ['--nemesis', 'flood'], usage('GONG-E021', /partition/));
    await run('unknown setting', ['--set', 'raft.x=1'], usage('GONG-E051', /raft\.x/));
    await run('duration 0', ['--duration', '0'], usage('GONG-E062', /duration/));
    await run('duration 0s', ['--duration', '0s'], usage('GONG-E062', /duration/));
    await run(
      'a duration too short for its plan',
      ['--duration', '3s', '--nemesis', 'partition,kill'],
      usage('GONG-E022', /--duration \d/),
    );
    must(!existsSync(results), 'a usage error made a results directory');

    const { blocker, port } = await takePort();
    await run('a port in use', ['--base-port', String(port - 1), '--duration', '5s'], {
      code: 75,
      name: 'GONG-E031',
      says: new RegExp(`${port}.*\\n.*pid \\d+`),
    });
    blocker.close();
    await once(blocker, 'close');

    const file = path.join(place.path, 'file');
    await writeFile(file, '');
    const unwritable = ['--results-dir', path.join(file, 'results'), '--duration', '5s'];
    const says = /cannot write/;
    await run('results that cannot be written', unwritable, { code: 75, name: 'GONG-E041', says });

    await histories(place.path, async (name, history, expected) => {
      await check(name, await gong(['check', history], { id }), expected);
    });
    for (const stage of STAGES) {
      const args = [PLANTED, stage, 'run', '--duration', '4s', '--nodes', '3'];
      const ended = await start([...args, '--results-dir', results], { id }).ended;
      await check(`an error in stage ${stage}`, ended, {
        code: 70,
        name: 'GONG-E070',
        says: new RegExp(`planted in ${stage}`),
      });
      const latest = path.join(results, 'latest');
      must(existsSync(path.join(latest, 'history.jsonl')), `${stage}: no history was kept`);
      const log = readFileSync(path.join(latest, 'run.log'), 'utf8');
      must(log.includes(`planted in ${stage}`), `${stage}: run.log does not say what happened`);
    }
  },
};

/** Listens on some port, the first one of a cluster that begins right below it. */
async function takePort(): Promise<{ readonly blocker: net.Server; readonly port: number }> {
  for (let port = 7101; ; port += 100) {
    const blocker = net.createServer().listen(port, '127.0.0.1');
    const isTaken = await once(blocker, 'listening').then(
      () => false,
      () => true,
    );
    if (!isTaken) return { blocker, port };
  }
}

/** Histories that nobody can judge. */
async function histories(
  directory: string,
  judge: (name: string, file: string, expected: Expected) => Promise<void>,
): Promise<void> {
  const event = (index: number, type: string) =>
    JSON.stringify({
      index,
      time: index,
      type,
      process: 0,
      f: 'write',
      key: 'k',
      value: index >> 1,
    });
  const lines = Array.from({ length: 10 }, (_, i) => event(i, i % 2 === 0 ? 'invoke' : 'ok'));
  const write = async (name: string, content: readonly string[]) => {
    const file = path.join(directory, name);
    await writeFile(file, content.map((line) => `${line}\n`).join(''));
    return file;
  };
  const broken = await write('broken.jsonl', lines.with(6, '{"index":6,'));
  await judge('a broken line 7', broken, { code: 64, name: 'GONG-E102', says: /broken\.jsonl:7/ });
  const orphan = await write('orphan.jsonl', [event(0, 'ok')]);
  await judge('an ok without an invoke', orphan, {
    code: 64,
    name: 'GONG-E103',
    says: /orphan\.jsonl:1/,
  });
  const empty = await write('empty.jsonl', []);
  await judge('an empty history', empty, { code: 5, name: 'GONG-E107', says: /proves nothing/ });
  const long = await write('long.jsonl', [...lines.slice(0, 2), `"${'x'.repeat(10_000_000)}"`]);
  await judge('a line of 10 MB', long, { code: 64, name: 'GONG-E102', says: /long\.jsonl:3/ });
}
