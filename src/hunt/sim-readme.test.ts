import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeId } from '../raft/core/types.ts';
import { INVARIANTS } from '../sim/invariants/report.ts';
import { Trace } from '../sim/trace.ts';
import { planted } from './planted.ts';
import { runScenario, type ScenarioResult } from './run-scenario.ts';
import { nodesOf } from './scenario.ts';
import { readScenarioFile } from './scenario-file.ts';

const README = join(import.meta.dirname, '../sim/README.md');
const ROOT = join(import.meta.dirname, '../..');

async function traced(
  file: string,
  defect: string,
): Promise<{ readonly lines: readonly string[]; readonly run: ScenarioResult }> {
  const scenario = readScenarioFile(join(ROOT, file));
  const nodes = nodesOf(scenario).map(nodeId);
  const lines: string[] = [];
  const sink = (line: string): void => void lines.push(line);
  const traces: Trace[] = [];
  const run = await runScenario(scenario, {
    ...planted(defect),
    observe: (sim) => {
      traces.push(new Trace({ nodes, level: 'story', now: () => sim.now(), sink }));
      return traces;
    },
  });
  for (const trace of traces) trace.ended(run.violation);
  return { lines, run };
}

/** Replaces what stands between `<!-- name WORDS -->` and `<!-- /name -->`. */
async function replaceBlocks(
  text: string,
  name: string,
  block: (words: readonly string[]) => Promise<string>,
): Promise<string> {
  const pattern = new RegExp(`(<!-- ${name}([^>]*) -->\n)[^]*?(<!-- /${name} -->)`);
  const match = pattern.exec(text);
  if (match === null) throw new Error(`the README has a block ${name}`);
  const [, begin = '', words = '', end = ''] = match;
  const inside = await block(words.trim().split(' '));
  return text.replace(pattern, () => `${begin}\n${inside}\n\n${end}`);
}

test('what the README of the simulator says of invariants, and its story, are what the code says', async () => {
  const before = readFileSync(README, 'utf8');
  const withTable = await replaceBlocks(before, 'invariants', async () =>
    Object.entries(INVARIANTS)
      .map(([name, { section, says }]) => `- \`${name}\` (${section}): ${says}`)
      .join('\n'),
  );
  const after = await replaceBlocks(withTable, 'trace', async ([, file = '', , defect = '']) => {
    const { lines, run } = await traced(file, defect);
    // When the simulator has changed so that this run does not fail any more, shrink another one.
    expect(run.violation?.invariant).toBe('vote-kept');
    return ['```', ...lines, '```'].join('\n');
  });
  await expect(after).toMatchFileSnapshot(README);
});

test('the reference node, in the same schedule, keeps its vote', async () => {
  const scenario = readScenarioFile(join(ROOT, 'src/hunt/testdata/forget-vote.json'));
  expect((await runScenario(scenario)).violation).toBeUndefined();
});
