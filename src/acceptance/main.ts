// What Gong promises, run from outside as a user would: npm run acceptance -- NAME… [--short]
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { endAll, nothingLeft, signalAll } from './processes.ts';
import type { Scenario } from './scenario.ts';
import { badInputs } from './scenarios/bad-inputs.ts';
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
import { membership } from './scenarios/membership.ts';
import { readAnywhere } from './scenarios/read-anywhere.ts';
import { raftCompaction } from './scenarios/raft-compaction.ts';
import { raftFailover } from './scenarios/raft-failover.ts';
import { raftSimulator } from './scenarios/raft-simulator.ts';
import { raftSpeed } from './scenarios/raft-speed.ts';
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
import { InOrder, sideBySide } from './side-by-side.ts';

/** Of those that are kept apart, a light one stands beside a heavy one. */
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
  thresholds,
  raftSimulator,
  badInputs,
  simulator,
  simulatorReplay,
  simulatorDefects,
  simulatorSpeed,
  faults,
  membership,
  readAnywhere,
  brokenTargets,
  openLoop,
  raftCompaction,
  raftSpeed,
  raftFailover,
  gates,
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

/**
 * The long form runs one after the other. A short one waits more than it works, so several run at once,
 * and those that judge times have the machine for themselves afterwards, or nearly so.
 */
const groups: readonly (readonly [atOnce: number, scenarios: readonly Scenario[]])[] = values.short
  ? [
      [availableParallelism() + 1, chosen.filter(({ isQuiet }) => isQuiet !== true)],
      [2, chosen.filter(({ isQuiet }) => isQuiet === true)],
    ]
  : [[1, chosen]];
const order = groups.flatMap(([, scenarios]) => scenarios);
const lines = new InOrder(say);
let failed = 0;
/** Marks of the scenarios that run now. */
const running = new Set<string>();
/** Set by a signal: the program ends with it. */
let interrupted: Promise<void> | undefined;

// Ctrl-C: what the scenarios have started goes, too. Nodes and guardians live on otherwise, as they should.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    interrupted = Promise.all(Array.from(running, endAll)).then(() => process.exit(code));
  });
}

async function keep(scenario: Scenario): Promise<void> {
  if (interrupted !== undefined) return interrupted;
  const { name, promise, run } = scenario;
  const at = order.indexOf(scenario);
  const id = `${name}-${process.pid}`;
  lines.say(at, `\n${name}${values.short ? ' (short)' : ''}: ${promise}`);
  const began = performance.now();
  running.add(id);
  try {
    await run({ isShort: values.short, id, say: (line) => lines.say(at, `  ${line}`) });
    await nothingLeft(id);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    lines.say(at, `  kept, in ${seconds} s; nothing left running`);
  } catch (error) {
    // What it started was ended under it.
    if (interrupted !== undefined) return interrupted;
    failed += 1;
    signalAll(id, 'SIGKILL');
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    lines.say(at, `  BROKEN: ${text}`);
  }
  running.delete(id);
  lines.end(at);
}

for (const [atOnce, scenarios] of groups) await sideBySide(scenarios, atOnce, keep);
say(`\nacceptance: ${order.length - failed} kept, ${failed} broken`);
process.exit(failed === 0 ? 0 : 1);
