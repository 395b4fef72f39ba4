import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { measure } from '../../bench/checker/measure.ts';
import { DOOR, gong, ROOT } from '../gong.ts';
import { marked } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

interface Indexed {
  readonly file: string;
  readonly format: string;
  readonly model: string;
  readonly valid: boolean;
}

/** Of all histories together, on two cores. */
const SECONDS_MAX = 60;
const MEBIBYTES_MAX = 1024;

/** Histories with known verdicts, recorded by others. */
export const corpus: Scenario = {
  name: 'corpus',
  promise: 'every JSONL history of the corpus gets its verdict, with evidence that holds',
  async run({ id, say }) {
    const directory = path.resolve(ROOT, '../shared/corpus');
    if (!existsSync(directory)) {
      must(!(process.env['GONG_REQUIRE'] ?? '').includes('corpus'), 'the corpus is missing');
      say('skipped: ../shared/corpus is not here');
      return;
    }
    const index: readonly Indexed[] = JSON.parse(
      readFileSync(path.join(directory, 'index.json'), 'utf8'),
    );
    const histories = index
      .filter(({ format }) => format === 'jsonl')
      .map((one) => ({ ...one, file: path.join(directory, one.file) }));
    await allAtOnce(histories, id, say);
    const byModel = Map.groupBy(histories, ({ model, valid }) => `${model} ${String(valid)}`);
    for (const some of byModel.values()) await oneModel(some, id, say);
  },
};

/** Nobody says which model: it is guessed for each. */
async function allAtOnce(
  histories: readonly Indexed[],
  id: string,
  say: (line: string) => void,
): Promise<void> {
  const files = histories.map(({ file }) => file);
  const args = [DOOR, 'check', ...files, '--json', '--verify'];
  const run = await measure(process.execPath, args, 2 * SECONDS_MAX * 1000, marked(id));
  const verdicts = linesOf(run.stdout);
  must(verdicts.length === files.length, 'a file has no verdict');
  for (const [i, { file, valid }] of histories.entries()) {
    must(verdicts[i]?.file === file, `line ${i + 1} is of ${verdicts[i]?.file}`);
    must(verdicts[i]?.valid === valid, `${file}: ${verdicts[i]?.valid}, expected ${valid}`);
  }
  must(run.code === 1, `exit ${run.code}`);
  must(run.seconds < SECONDS_MAX, `${run.seconds} s`);
  must(run.mebibytes < MEBIBYTES_MAX, `${run.mebibytes} MiB`);
  say(
    `${files.length} histories at once, models guessed: all right, in ` +
      `${run.seconds.toFixed(1)} s and ${run.mebibytes.toFixed(0)} MiB`,
  );
}

async function oneModel(
  histories: readonly Indexed[],
  id: string,
  say: (line: string) => void,
): Promise<void> {
  const [first] = histories;
  must(first !== undefined, 'a group has histories');
  const { model, valid } = first;
  const files = histories.map(({ file }) => file);
  const ended = await gong(['check', ...files, '--model', model, '--json'], { id });
  const verdicts = linesOf(ended.stdout);
  for (const verdict of verdicts) {
    must(verdict.valid === valid, `${verdict.file}: ${verdict.valid}, expected ${valid}`);
    must(verdict.witnessesVerified === verdict.keys.valid, `${verdict.file}: not verified`);
    for (const { couldNotPlace, counterexample } of verdict.failures) {
      must(Number.isInteger(couldNotPlace?.id), `${verdict.file}: no operation is named`);
      must(counterexample?.isMinimal === true, `${verdict.file}: no minimal counterexample`);
    }
  }
  must(verdicts.length === files.length, 'a file has no verdict');
  must(ended.code === (valid ? 0 : 1), `exit ${ended.code}`);
  say(`${model}, ${valid ? 'valid' : 'invalid'}: ${files.length} of ${files.length}`);
}

interface Line {
  readonly file: string;
  readonly valid: boolean | 'unknown' | null;
  readonly witnessesVerified: number;
  readonly keys: { readonly valid: number };
  readonly failures: readonly {
    readonly couldNotPlace?: { readonly id: number };
    readonly counterexample: { readonly isMinimal: boolean } | null;
  }[];
}

function linesOf(stdout: string): readonly Line[] {
  const lines = stdout.trimEnd().split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}
