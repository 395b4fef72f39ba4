import path from 'node:path';
import { writeJsonlLine } from '../../checker/index.ts';
import {
  drawScenario,
  planted,
  runScenario,
  type Scenario,
  scenarioJson,
  type ScenarioResult,
  shrink,
} from '../hunt/index.ts';
import { nodeId } from '../raft/core/types.ts';
import { LineWriter } from '../rundir/line-writer.ts';
import { createRunDir } from '../rundir/run-dir.ts';
import { writeJson, writeWhole } from '../rundir/whole-file.ts';
import { Trace, type TraceLevel } from '../sim/trace.ts';
import type { Violation } from '../sim/violation.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { commandOf, type OneSource } from './sim-flags.ts';
import { describeFailure, describeOne, oneJson, type ToldFailure } from './sim-text.ts';
import type { SimContext } from './sim.ts';

/** A run that broke something. */
export interface SimCase {
  /** How it is asked for again. */
  readonly name: { readonly seed: string } | { readonly schedule: string } | undefined;
  readonly scenario: Scenario;
  readonly violation: Violation;
}

/** Liveness is a bound that was not kept; everything else is a promise that was broken. */
export function exitOfViolation({ invariant }: Violation): ExitCode {
  return invariant.startsWith('liveness') ? EXIT.thresholdBroken : EXIT.violation;
}

/** One run, in this thread, with its trace if that is asked for. */
export async function simOne(context: SimContext, source: OneSource): Promise<ExitCode> {
  const { flags, plan, view } = context;
  const { run, scenario } = await runOne(context, source);
  const name = source.type === 'seed' ? { seed: source.seed } : { schedule: source.file };
  const { violation } = run;
  view.close();
  if (flags.json !== true) process.stdout.write(describeOne(name, scenario, run, plan.trace?.file));
  const told =
    violation === undefined ? undefined : await tellFailure(context, { name, scenario, violation });
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(oneJson(name, run, told))}\n`);
  }
  const undecided = run.verdict?.undecided.length ?? 0;
  return worstExit([
    violation === undefined ? EXIT.pass : exitOfViolation(violation),
    undecided > 0 ? EXIT.unknown : EXIT.pass,
    violation === undefined && run.verdict?.operations === 0 ? EXIT.provedNothing : EXIT.pass,
  ]);
}

async function runOne(
  { plan, view }: SimContext,
  source: OneSource,
): Promise<{ readonly run: ScenarioResult; readonly scenario: Scenario }> {
  const scenario =
    source.type === 'schedule' ? source.scenario : drawScenario(source.seed, plan.constraints);
  const onProgress = (ns: number): void => view.doing(`  ${Math.round(ns / 1e9)} s simulated`);
  const { defect, trace } = plan;
  const run =
    trace === undefined
      ? await runScenario(scenario, { ...planted(defect), onProgress })
      : await runTraced(scenario, { defect, ...trace, onProgress });
  return { run, scenario };
}

/**
 * Runs a scenario and writes its trace as it goes, over what the file held before.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
async function runTraced(
  scenario: Scenario,
  {
    defect,
    file,
    level,
    onProgress,
  }: {
    readonly defect: string | undefined;
    readonly file: string;
    readonly level: TraceLevel;
    readonly onProgress?: (simulatedNs: number) => void;
  },
): Promise<ScenarioResult> {
  await writeWhole(file, '');
  using writer = new LineWriter(file);
  let trace: Trace | undefined;
  const run = await runScenario(scenario, {
    ...planted(defect),
    ...(onProgress === undefined ? {} : { onProgress }),
    observe: (sim) => {
      trace = new Trace({
        nodes: Array.from({ length: scenario.nodes }, (_, i) => nodeId(`n${i + 1}`)),
        level,
        now: () => sim.now(),
        sink: (line) => writer.append(line),
      });
      return [trace];
    },
  });
  trace?.ended(run.violation);
  return run;
}

/**
 * Shrinks what failed, and writes all that one needs to look at it: `schedule.json` and `shrunk.json`
 * (both for `--schedule`), the trace and the history of the shrunk run.
 *
 * @returns what is to be said of it
 */
export async function tellFailure(context: SimContext, found: SimCase): Promise<ToldFailure> {
  const { flags, plan, view, signals } = context;
  const { defect } = plan;
  const named = found.name === undefined ? { constraints: {}, defect } : plan;
  const seed = found.scenario.seed;
  const paths = await createRunDir({
    resultsDir: flags.resultsDir,
    suite: 'sim',
    seed,
    startedAt: new Date(),
  });
  const at = (name: string): string => path.join(paths.root, name);
  await writeJson(at('schedule.json'), scenarioJson(found.scenario));
  const shrunk = plan.isShrunk
    ? await shrink(found.scenario, found.violation, {
        defect,
        signal: signals.signal,
        onProgress: ({ tried, size }) =>
          view.doing(
            `  shrinking: ${tried} tried, ${size.faults} faults, ${size.operations} operations`,
          ),
      })
    : undefined;
  const scenario = shrunk?.scenario ?? found.scenario;
  if (shrunk !== undefined) {
    await writeJson(at('shrunk.json'), scenarioJson(scenario));
  }
  const run = await runTraced(scenario, { defect, file: at('trace.txt'), level: 'story' });
  const lines = run.history.map((event) => `${writeJsonlLine(event)}\n`);
  await writeWhole(at('history.jsonl'), lines.join(''));
  const told: ToldFailure = {
    violation: found.violation,
    again: commandOf(found.name ?? { schedule: at('schedule.json') }, named),
    directory: paths.root,
    schedule: at('schedule.json'),
    shrunk:
      shrunk === undefined
        ? undefined
        : {
            file: at('shrunk.json'),
            again: commandOf({ schedule: at('shrunk.json') }, { constraints: {}, defect }),
            before: shrunk.before,
            after: shrunk.after,
            tried: shrunk.tried,
          },
    trace: at('trace.txt'),
    history: at('history.jsonl'),
  };
  view.close();
  if (flags.json !== true) process.stdout.write(describeFailure(told));
  return told;
}
