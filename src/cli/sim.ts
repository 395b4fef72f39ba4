import { hunt, type HuntResult } from '../hunt/index.ts';
import { assertNever } from '../lib/assert.ts';
import { DEFECTS } from '../raft/defects/index.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { exitOfViolation, simOne, type SimCase, tellFailure } from './sim-case.ts';
import { readSimFlags, type SeedRange, seedsOf, type SimFlags, type SimPlan } from './sim-flags.ts';
import {
  defectRow,
  defectsTable,
  describeHunt,
  type FoundDefect,
  huntJson,
  neverSeen,
} from './sim-text.ts';
import { makeSimView, type SimView } from './sim-view.ts';
import { onSignals, type Signals } from './signals.ts';

export type { SimFlags } from './sim-flags.ts';

/** From so many seeds on, a counter of coverage that is still zero fails: what it counts was not tested. */
const COVERAGE_SEEDS = 1000;
/** How long one planted bug is hunted where `--duration` does not say. */
const DEFECT_NS = 60e9;

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
      return simDefects(context, task.seeds);
    default:
      return assertNever(task);
  }
}

async function simMany(context: SimContext, seeds: SeedRange): Promise<ExitCode> {
  const { flags, view } = context;
  const result = await huntIn(context, seeds, context.plan.defect, context.plan.durationNs);
  const failure = caseOf(result);
  const zero = neverSeen(result);
  const isProof = failure !== undefined || result.ran < COVERAGE_SEEDS || zero.length === 0;
  if (flags.json !== true) {
    view.close();
    process.stdout.write(describeHunt(result, { isWhole: result.ran >= COVERAGE_SEEDS }));
  }
  const told = failure === undefined ? undefined : await tellFailure(context, failure);
  if (flags.json === true) process.stdout.write(`${JSON.stringify(huntJson(result, told))}\n`);
  return worstExit([
    failure === undefined ? EXIT.pass : exitOfViolation(failure.violation),
    result.undecided > 0 ? EXIT.unknown : EXIT.pass,
    isProof && result.ran > 0 ? EXIT.pass : EXIT.provedNothing,
  ]);
}

/** Every planted bug by itself: a hunt that does not find one proves that it finds too little. */
async function simDefects(context: SimContext, seeds: SeedRange): Promise<ExitCode> {
  const { flags, plan, view, signals } = context;
  const found: FoundDefect[] = [];
  for (const defect of DEFECTS.values()) {
    if (signals.exit !== undefined) break;
    const result = await huntIn(context, seeds, defect.name, plan.durationNs ?? DEFECT_NS);
    const row = defectRow(defect, result);
    found.push(row);
    if (flags.json !== true) view.say('');
    if (flags.json === true) process.stdout.write(`${JSON.stringify({ schema: 1, ...row })}\n`);
  }
  view.close();
  if (flags.json !== true) process.stdout.write(defectsTable(found));
  const isWhole = found.every(({ invariant }) => invariant !== null);
  return isWhole ? EXIT.pass : EXIT.provedNothing;
}

function huntIn(
  { plan, view, signals }: SimContext,
  seeds: SeedRange,
  defect: string | undefined,
  budgetNs: number | undefined,
): Promise<HuntResult> {
  const of = seeds.to - seeds.from + 1;
  return hunt({
    seeds: seedsOf(seeds),
    constraints: plan.constraints,
    defect,
    threads: plan.threads,
    signal: signals.signal,
    budgetNs,
    onProgress: (progress) => view.progress(progress, budgetNs === undefined ? of : undefined),
  });
}

function caseOf({ firstFailure }: HuntResult): SimCase | undefined {
  if (firstFailure === undefined) return undefined;
  const { seed, scenario, violation } = firstFailure;
  return { name: { seed }, scenario, violation };
}
