import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gong, ROOT } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

interface Indexed {
  readonly file: string;
  readonly format: string;
  readonly model: string;
  readonly valid: boolean;
}

const MODELS = ['register', 'cas-register', 'kv'];

/** Histories with known verdicts, recorded by others. */
export const corpus: Scenario = {
  name: 'corpus',
  promise: 'every register, cas-register and kv history of the corpus gets its verdict',
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
    for (const model of MODELS) {
      for (const valid of [true, false]) {
        const files = index
          .filter((one) => one.format === 'jsonl' && one.model === model && one.valid === valid)
          .map(({ file }) => path.join(directory, file));
        if (files.length === 0) continue;
        const ended = await gong(['check', ...files, '--model', model, '--json'], { id });
        const verdicts = ended.stdout
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line));
        for (const verdict of verdicts) {
          must(verdict.valid === valid, `${verdict.file}: ${verdict.valid}, expected ${valid}`);
          const named = verdict.failures.every((one: { couldNotPlace?: { id: number } }) =>
            Number.isInteger(one.couldNotPlace?.id),
          );
          must(named, `${verdict.file}: no operation is named`);
        }
        must(verdicts.length === files.length, 'a file has no verdict');
        must(ended.code === (valid ? 0 : 1), `exit ${ended.code}`);
        say(`${model}, ${valid ? 'valid' : 'invalid'}: ${files.length} of ${files.length}`);
      }
    }
  },
};
