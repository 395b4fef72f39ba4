import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type HistoryEvent, writeJsonlLine } from '../../checker/index.ts';
import {
  drawScenario,
  nodesOf,
  planted,
  runScenario,
  type Scenario,
  scenarioJson,
  type ScenarioResult,
  shrink,
  type ShrinkProgress,
  type Shrunk,
} from '../hunt/index.ts';
import { UserError } from '../lib/user-error.ts';
import { nodeId } from '../raft/core/types.ts';
import { LineWriter } from '../rundir/line-writer.ts';
import { createSimDir } from '../rundir/run-dir.ts';
import { writeJson, writeWhole } from '../rundir/whole-file.ts';
import { cannotWrite } from '../rundir/write-error.ts';
import { Trace, type TraceLevel } from '../sim/trace.ts';
import type { Violation } from '../sim/violation.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { failureMessage } from './failure-message.ts';
import { breath, unlessInterrupted } from './sim-breath.ts';
import { commandOf, type OneSource } from './sim-flags.ts';
import {
  describeFailure,
  describeInterrupted,
  describeOne,
  interruptedJson,
  oneJson,
  type ToldFailure,
} from './sim-text.ts';
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
  const { flags, plan, view, signals } = context;
  const name = source.type === 'seed' ? { seed: source.seed } : { schedule: source.file };
  const one = await unlessInterrupted(signals, runOne(context, source));
  if (one === undefined) {
    view.close();
    const json = interruptedJson(name);
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(json)}\n` : describeInterrupted(name),
    );
    return EXIT.pass;
  }
  const { run, scenario } = one;
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
  { plan, view, signals }: SimContext,
  source: OneSource,
): Promise<{ readonly run: ScenarioResult; readonly scenario: Scenario }> {
  const scenario =
    source.type === 'schedule' ? source.scenario : drawScenario(source.seed, plan.constraints);
  const onProgress = (ns: number): void => view.doing(`  ${Math.round(ns / 1e9)} s simulated`);
  const { defect, trace } = plan;
  const breathe = breath(signals.signal);
  const run =
    trace === undefined
      ? await runScenario(scenario, { ...planted(defect), onProgress, breathe })
      : await runTraced(scenario, { defect, ...trace, onProgress, breathe });
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
    breathe,
  }: {
    readonly defect: string | undefined;
    readonly file: string;
    readonly level: TraceLevel;
    readonly onProgress?: (simulatedNs: number) => void;
    readonly breathe: () => Promise<void>;
  },
): Promise<ScenarioResult> {
  emptied(file);
  using writer = new LineWriter(file);
  let trace: Trace | undefined;
  const run = await runScenario(scenario, {
    ...planted(defect),
    breathe,
    ...(onProgress === undefined ? {} : { onProgress }),
    observe: (sim) => {
      trace = new Trace({
        nodes: nodesOf(scenario).map(nodeId),
        level,
        now: () => sim.now(),
        sink: (line) => {
          try {
            writer.append(line);
          } catch (error) {
            // A node would take what is thrown here for a failure of its own.
            sim.fail(error instanceof Error ? error : new Error(String(error)));
          }
        },
      });
      return [trace];
    },
  });
  trace?.ended(run.violation);
  return run;
}

/** In place, not by a new file over it: it may be a link, a pipe or a device. */
function emptied(file: string): void {
  try {
    writeFileSync(file, '');
  } catch (cause) {
    throw cannotWrite(file, cause, 'name a file that can be written');
  }
}

/**
 * Shrinks what failed, and writes all that one needs to look at it: `schedule.json` and `shrunk.json`
 * (both for `--schedule`), the trace and the history of the shrunk run. What failed is told also where
 * nothing can be written.
 *
 * @returns what is to be said of it
 */
export async function tellFailure(context: SimContext, found: SimCase): Promise<ToldFailure> {
  const { flags, plan, view } = context;
  const { violation, name } = found;
  const evidence = await writeEvidence(context, found).catch((error: unknown) => {
    if (!(error instanceof UserError)) throw error;
    view.say(failureMessage(error));
    return NO_EVIDENCE;
  });
  const { schedule } = evidence;
  // What failed again without a name is a run of the corpus.
  const corpus =
    schedule === null
      ? 'npx gong sim'
      : commandOf({ schedule }, { constraints: {}, defect: plan.defect });
  const again = name === undefined ? corpus : commandOf(name, plan);
  const told: ToldFailure = { violation, again, ...evidence };
  view.close();
  if (flags.json !== true) process.stdout.write(describeFailure(told));
  return told;
}

type Evidence = Omit<ToldFailure, 'violation' | 'again'>;

const NO_EVIDENCE: Evidence = {
  directory: null,
  schedule: null,
  shrunk: undefined,
  trace: null,
  history: null,
};

/** @throws UserError (`infrastructure`, GONG-E041) */
async function writeEvidence(context: SimContext, found: SimCase): Promise<Evidence> {
  const { resultsDir } = context.flags;
  const { defect } = context.plan;
  const { seed } = found.scenario;
  const root = await createSimDir({ resultsDir, seed, startedAt: new Date() });
  const at = (name: string): string => path.join(root, name);
  await writeJson(at('schedule.json'), scenarioJson(found.scenario));
  const shrunk = await shrunkOf(context, found);
  const scenario = shrunk?.scenario ?? found.scenario;
  if (shrunk !== undefined) await writeJson(at('shrunk.json'), scenarioJson(scenario));
  const run = await runTraced(scenario, {
    defect,
    file: at('trace.txt'),
    level: 'story',
    // It is the evidence: who does not want to wait for it sends another signal.
    breathe: breath(),
  });
  await writeHistory(at('history.jsonl'), run.history);
  return {
    directory: root,
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
}

/**
 * What clients did, for `gong check`.
 *
 * @throws UserError (`infrastructure`, GONG-E041)
 */
export async function writeHistory(file: string, history: readonly HistoryEvent[]): Promise<void> {
  await writeWhole(file, history.map(writeJsonlLine).join(''));
}

/** Undefined when nobody asked for it, or a signal came before there was anything. */
async function shrunkOf(
  { plan, view, signals }: SimContext,
  { scenario, violation }: SimCase,
): Promise<Shrunk | undefined> {
  if (!plan.isShrunk || signals.signal.aborted) return undefined;
  const { defect } = plan;
  const { signal } = signals;
  const onProgress = ({ tried, size: { faults, operations } }: ShrinkProgress): void =>
    view.doing(`  shrinking: ${tried} tried, ${faults} faults, ${operations} operations`);
  const breathe = breath(signal);
  return unlessInterrupted(
    signals,
    shrink(scenario, violation, { defect, signal, breathe, onProgress }),
  );
}
