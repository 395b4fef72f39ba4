// Writes the entries of the corpus that planted defects find: hunts each, and shrinks what it finds. To be run
// again when the simulator has changed so much that an old schedule no longer shows its defect:
//   node src/hunt/testdata/make-corpus.ts [defect …]
import { writeFileSync } from 'node:fs';
import { DEFECTS } from '../../raft/defects/index.ts';
import { SECOND } from '../../lib/duration.ts';
import { huntDefect, scenarioJson, shrink } from '../index.ts';

const VERSION = '0.1.0';
const asked = process.argv.slice(2);

for (const defect of asked.length > 0 ? asked : DEFECTS.keys()) {
  const { found, seeds } = await huntDefect(defect, { budgetNs: 600 * SECOND });
  if (found === undefined) throw new Error(`${defect} was not found in ${seeds} seeds`);
  const { scenario, result, tried } = await shrink(found.scenario, found.violation, { defect });
  const about = result.violation?.sentence ?? found.violation.sentence;
  const { invariant: finds } = found.violation;
  const entry = {
    schema: 1,
    about,
    foundIn: VERSION,
    defect,
    finds,
    scenario: scenarioJson(scenario),
  };
  const path = new URL(`./corpus/${defect}.json`, import.meta.url);
  writeFileSync(path, `${JSON.stringify(entry, null, 2)}\n`);
  process.stdout.write(`${defect}: seed ${found.seed}, ${tried} runs to shrink it: ${about}\n`);
}
