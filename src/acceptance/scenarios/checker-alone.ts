import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT, start, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

/** The checker is a library of its own. */
export const checkerAlone: Scenario = {
  name: 'checker-alone',
  promise: 'checker/ copied out type-checks, passes its tests, and works as its README tells',
  async run({ id, isShort, say }) {
    await using directory = await temporary();
    const home = path.join(directory.path, 'checker');
    await cp(path.join(ROOT, 'checker'), home, { recursive: true });
    // The compiler and the test runner; nothing of this is a dependency of the library.
    await symlink(path.join(ROOT, 'node_modules'), path.join(directory.path, 'node_modules'));
    const run = async (command: string, args: readonly string[]): Promise<string> => {
      const bin = path.join(ROOT, 'node_modules/.bin', command);
      const program = command === 'node' ? process.execPath : bin;
      const ended = await start(args, { id, command: program, cwd: home }).ended;
      must(ended.code === 0, `${command} ${args.join(' ')}: ${ended.stdout} ${ended.stderr}`);
      return ended.stdout;
    };
    await run('tsc', ['--noEmit', '--project', '.']);
    say('type-checks');

    const example = await readmeExample(path.join(home, 'README.md'));
    must(example.split('\n').length <= 20, 'the example has at most 20 lines');
    await writeFile(path.join(home, 'example.ts'), example);
    await run('tsc', ['--noEmit', '--project', '.']);
    const said = await run('node', ['example.ts']);
    must(said.includes('false'), `the example says ${said}`);
    say(`the README's example says: ${said.trimEnd()}`);

    // Its property tests take minutes, and CI has run them already: the short form takes the others.
    const exclude = isShort ? ['--exclude', '**/*.property.test.ts'] : [];
    const tested = await run('vitest', ['run', '--test-timeout=600000', ...exclude]);
    const count = /Tests\s+.*?(\d+) passed/.exec(tested.replaceAll(COLOUR, ''))?.[1];
    must(count !== undefined && Number(count) > 0, `no test ran: ${tested}`);
    say(`${count} tests passed`);
  },
};

// eslint-disable-next-line no-control-regex
const COLOUR = /\u001b\[[\d;]*m/g;

/** The first block of TypeScript in it. It imports from `./index.ts`, which stands beside it here. */
async function readmeExample(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  const block = /```ts\n([\s\S]*?)\n```/.exec(text)?.[1];
  must(block !== undefined, 'the README has an example');
  return block;
}
