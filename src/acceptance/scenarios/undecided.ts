import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gong, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

/** Time and memory for one history. The process itself and reading come on top. */
const BUDGET = '3s,256MiB';
const SECONDS_MAX = 20;

/**
 * A counter to which sixty even numbers may have been added, and a read of an odd sum: to refute it one
 * would have to try the sums of all subsets.
 */
function subsetSums(key: string): readonly object[] {
  const adds = Array.from({ length: 60 }, (_, i) => ({
    type: 'invoke',
    process: i,
    f: 'add',
    key,
    value: 2 * ((i * 7_919_993 + 104_729) % 15_485_863),
  }));
  const read = { process: 1000, f: 'read', key };
  return [
    { type: 'invoke', process: 999, f: 'read', key, value: null },
    { type: 'ok', process: 999, f: 'read', key, value: 0 },
    ...adds,
    { ...read, type: 'invoke', value: null },
    { ...read, type: 'ok', value: 200_000_001 },
  ];
}

/** What was acknowledged is gone. */
function lost(key: string): readonly object[] {
  const add = { process: 2000, f: 'add', key, value: 5 };
  const read = { process: 2000, f: 'read', key };
  return [
    { ...add, type: 'invoke' },
    { ...add, type: 'ok' },
    { ...read, type: 'invoke', value: null },
    { ...read, type: 'ok', value: 0 },
  ];
}

/** A budget ends, and the verdict says what is known. */
export const undecided: Scenario = {
  name: 'undecided',
  promise: 'what nobody can decide ends within its budget as unknown, and masks no violation',
  async run({ id, say }) {
    await using directory = await temporary();
    const check = async (name: string, events: readonly object[], flags: readonly string[]) => {
      const file = path.join(directory.path, name);
      const lines = events.map((event, index) => JSON.stringify({ index, time: index, ...event }));
      await writeFile(file, `${lines.join('\n')}\n`);
      const args = ['check', file, '--model', 'counter', '--budget', BUDGET];
      return gong([...args, ...flags], { id });
    };
    const hard = await check('hard.jsonl', subsetSums('a'), ['--json']);
    must(hard.code === 2, `exit ${hard.code} of what nobody can decide: ${hard.stderr}`);
    must(hard.seconds < SECONDS_MAX, `${hard.seconds} s for a budget of ${BUDGET}`);
    const verdict = JSON.parse(hard.stdout);
    must(verdict.valid === 'unknown', `it is ${verdict.valid}`);
    const [known] = verdict.unknown;
    must(known?.key === 'a', 'the key is named');
    must(known.reason === 'time' || known.reason === 'memory', `reason ${known.reason}`);
    must(typeof known.engine === 'string', 'the engine is named');
    must(known.completions === 2, `${known.completions} completions`);
    must(known.completionsProven === 1, `${known.completionsProven} completions proven`);
    say(`unknown after ${hard.seconds.toFixed(1)} s: ${JSON.stringify(known)}`);

    const text = await check('hard.jsonl', subsetSums('a'), []);
    must(text.code === 2 && text.stdout.includes('1 of 2'), `it says: ${text.stdout}`);
    say(text.stdout.trimEnd().split('\n').at(-1) ?? '');

    const both = await check('both.jsonl', [...subsetSums('a'), ...lost('b')], ['--json']);
    must(both.code === 1, `exit ${both.code} with a violation beside it`);
    const mixed = JSON.parse(both.stdout);
    must(mixed.valid === false && mixed.keys.unknown === 1, `it is ${mixed.valid}`);
    must(mixed.failures[0]?.key === 'b' && mixed.unknown[0]?.key === 'a', 'both are told');
    say(`with a violation beside it: exit 1, ${mixed.failures[0].sentence}`);
  },
};
