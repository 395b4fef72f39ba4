// What Gong promises, run from outside as a user would: npm run acceptance -- NAME… [--short]
import { parseArgs } from 'node:util';
import { nothingLeft, processesOf } from './processes.ts';
import type { Scenario } from './scenario.ts';
import { brokenTargets } from './scenarios/broken-targets.ts';
import { checkerAlone } from './scenarios/checker-alone.ts';
import { checkerLadder } from './scenarios/checker-ladder.ts';
import { corpus } from './scenarios/corpus.ts';
import { counterexamples } from './scenarios/counterexamples.ts';
import { durability } from './scenarios/durability.ts';
import { errors } from './scenarios/errors.ts';
import { faults } from './scenarios/faults.ts';
import { gates } from './scenarios/gates.ts';
import { harnessKilled } from './scenarios/harness-killed.ts';
import { longRun } from './scenarios/long-run.ts';
import { mainJob } from './scenarios/main-job.ts';
import { results } from './scenarios/results.ts';
import { ownTarget } from './scenarios/own-target.ts';
import { openLoop } from './scenarios/open-loop.ts';
import { seeds } from './scenarios/seeds.ts';
import { simulator } from './scenarios/simulator.ts';
import { simulatorDefects } from './scenarios/simulator-defects.ts';
import { simulatorReplay } from './scenarios/simulator-replay.ts';
import { simulatorSpeed } from './scenarios/simulator-speed.ts';
import { staleRead } from './scenarios/stale-read.ts';
import { stopOnViolation } from './scenarios/stop-on-violation.ts';
import { undecided } from './scenarios/undecided.ts';
import { thresholds } from './scenarios/thresholds.ts';

const SCENARIOS: readonly Scenario[] = [
  mainJob,
  seeds,
  staleRead,
  stopOnViolation,
  longRun,
  corpus,
  counterexamples,
  undecided,
  checkerAlone,
  checkerLadder,
  harnessKilled,
  durability,
  errors,
  results,
  ownTarget,
  brokenTargets,
  faults,
  gates,
  openLoop,
  thresholds,
  simulator,
  simulatorReplay,
  simulatorDefects,
  simulatorSpeed,
];

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const isAll = positionals.length === 0 || positionals.includes('all');
const chosen = SCENARIOS.filter(({ name }) => isAll || positionals.includes(name));
const unknown = positionals.filter(
  (name) => name !== 'all' && !SCENARIOS.some((scenario) => scenario.name === name),
);
if (unknown.length > 0) {
  say(`no scenario ${unknown.join(', ')}; there are: ${SCENARIOS.map((s) => s.name).join(', ')}`);
  process.exit(64);
}

let failed = 0;
for (const { name, promise, run } of chosen) {
  const id = `${name}-${process.pid}`;
  say(`\n${name}${values.short ? ' (short)' : ''}: ${promise}`);
  const began = performance.now();
  try {
    await run({ isShort: values.short, id, say: (line) => say(`  ${line}`) });
    await nothingLeft(id);
    say(`  kept, in ${((performance.now() - began) / 1000).toFixed(1)} s; nothing left running`);
  } catch (error) {
    failed += 1;
    for (const { pid } of processesOf(id)) process.kill(pid, 'SIGKILL');
    say(`  BROKEN: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}
say(`\nacceptance: ${chosen.length - failed} kept, ${failed} broken`);
process.exit(failed === 0 ? 0 : 1);
