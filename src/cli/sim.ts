import { hunt, huntDefect, type HuntResult, runCorpus } from '../hunt/index.ts';
import { assertNever } from '../lib/assert.ts';
import { neverCounted } from '../sim/coverage.ts';
import { DEFECTS } from '../raft/defects/index.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { exitOfViolation, simOne, type SimCase, tellFailure } from './sim-case.ts';
import { readSimFlags, type SeedRange, seedsOf, type SimFlags, type SimPlan } from './sim-flags.ts';
import {
  defectRow,
  defectsTable,
  corpusJson,
  describeHunt,
  type FoundDefect,
  huntJson,
} from './sim-text.ts';
import { makeSimView, type SimView } from './sim-view.ts';
import { onSignals, type Signals } from './signals.ts';

export type { SimFlags } from './sim-flags.ts';

/** From so many seeds on, a counter of coverage that is still zero fails: what it counts was not tested. */
const COVERAGE_SEEDS = 1000;

/** What every part of the verb works with. */
export interface SimContext {
  readonly flags: SimFlags;
  readonly plan: SimPlan;
  readonly view: SimView;
  readonly signals: Signals;
}

/**
 * `gong sim`: the reference node in simulated time, many seeds or one.
 *
 * @returns 1 when an invariant broke or a history is not linearizable, 3 when only liveness was missed,
 *   2 when a history was given up, 5 when a thousand seeds never met something that they are for
 * @throws UserError (`usage`)
 */
export async function simVerb(flags: SimFlags): Promise<ExitCode> {
  const plan = readSimFlags(flags);
  const view = makeSimView(process.stderr);
  using signals = onSignals('what came to its end so far counts', (text) => view.say(text));
  const context: SimContext = { flags, plan, view, signals };
  const { task } = plan;
  try {
    const codes = [await perform(context, task)];
    if (signals.exit !== undefined) codes.push(signals.exit);
    return worstExit(codes);
  } finally {
    view.close();
  }
}

async function perform(context: SimContext, task: SimPlan['task']): Promise<ExitCode> {
  switch (task.type) {
    case 'one':
      return simOne(context, task.source);
    case 'many':
      return simMany(context, task.seeds);
    case 'defects':
      return simDefects(context);
    default:
      return assertNever(task);
  }
}

async function simMany(context: SimContext, seeds: SeedRange): Promise<ExitCode> {
  const { flags, plan, view, signals } = context;
  const { defect, constraints, threads, durationNs: budgetNs } = plan;
  // What once failed comes first; with a planted bug something else is looked for.
  const corpus = defect === undefined ? await runCorpus({ signal: signals.signal }) : undefined;
  const old = corpus?.failure;
  if (old !== undefined) {
    const { name, scenario } = old.entry;
    view.say(`${name} failed again: ${old.entry.about}\n`);
    const told = await tellFailure(context, {
      name: undefined,
      scenario,
      violation: old.violation,
    });
    if (flags.json === true) process.stdout.write(`${JSON.stringify(corpusJson(told))}\n`);
    return exitOfViolation(old.violation);
  }
  const of = budgetNs === undefined ? seeds.to - seeds.from + 1 : undefined;
  const result = await hunt({
    seeds: seedsOf(seeds),
    constraints,
    defect,
    threads,
    signal: signals.signal,
    budgetNs,
    onProgress: (progress) => view.progress(progress, of),
  });
  const failure = caseOf(result);
  const zero = neverCounted(result.coverage, constraints.nodes);
  const isLarge = result.ran >= COVERAGE_SEEDS;
  if (flags.json !== true) {
    view.close();
    process.stdout.write(describeHunt(result, { zero, isLarge, corpus: corpus?.ran ?? 0 }));
  }
  const told = failure === undefined ? undefined : await tellFailure(context, failure);
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(huntJson(result, zero, told))}\n`);
  }
  const isProof = failure !== undefined || (result.ran > 0 && !(isLarge && zero.length > 0));
  return worstExit([
    failure === undefined ? EXIT.pass : exitOfViolation(failure.violation),
    result.undecided > 0 ? EXIT.unknown : EXIT.pass,
    isProof ? EXIT.pass : EXIT.provedNothing,
  ]);
}

/** Every planted bug by itself: a search that does not find one finds too little. */
async function simDefects(context: SimContext): Promise<ExitCode> {
  const { flags, plan, view, signals } = context;
  const { constraints, threads, durationNs } = plan;
  const rows: FoundDefect[] = [];
  for (const defect of DEFECTS.values()) {
    if (signals.exit !== undefined) break;
    const hunted = await huntDefect(defect.name, {
      constraints,
      threads,
      signal: signals.signal,
      ...(durationNs === undefined ? {} : { budgetNs: durationNs }),
      onProgress: (progress) => view.progress(progress, undefined, defect.name),
    });
    // What nobody looked for to the end is not missing.
    if (hunted.found === undefined && hunted.isInterrupted) break;
    const row = defectRow(defect, hunted);
    rows.push(row);
    if (flags.json === true) process.stdout.write(`${JSON.stringify({ schema: 1, ...row })}\n`);
  }
  view.close();
  if (flags.json !== true) process.stdout.write(defectsTable(rows));
  return rows.every(({ invariant }) => invariant !== null) ? EXIT.pass : EXIT.provedNothing;
}

function caseOf({ firstFailure }: HuntResult): SimCase | undefined {
  if (firstFailure === undefined) return undefined;
  const { seed, scenario, violation } = firstFailure;
  return { name: { seed }, scenario, violation };
}
