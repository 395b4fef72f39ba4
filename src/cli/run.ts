import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import type { Clock } from '../contracts/clock.ts';
import { run } from '../harness/run.ts';
import type { RunResult, Stage } from '../harness/run-options.ts';
import { systemClock } from '../harness/system-clock.ts';
import { BackgroundJudge, explain, type JudgeVerdict } from '../judge/index.ts';
import { UserError } from '../lib/user-error.ts';
import { nemeses } from '../../nemesis/index.ts';
import { meaningOfExit, runJson } from '../report/index.ts';
import type { AppliedExpectations } from '../rundir/expectations.ts';
import { diskUse } from '../rundir/disk-use.ts';
import { createRunDir } from '../rundir/run-dir.ts';
import { gitRevision, MANIFEST_SCHEMA, writeManifest } from '../rundir/manifest.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { RunLog } from '../rundir/run-log.ts';
import { writeJson } from '../rundir/whole-file.ts';
import { coloured } from './coloured.ts';
import { exitOfVerdict } from './check.ts';
import { bringUp, notBack } from './bring-up.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { exitCodeOf, failureMessage, stackOf } from './failure-message.ts';
import { applyExpectations, dayOf, expectationsOf } from './expectations.ts';
import { readRunConfig, type RunConfig, type RunFlags } from './run-config.ts';
import { describeDoubts, describeResult } from './result-text.ts';
import { factsOf, saveReports } from './run-results.ts';
import { describePlan } from './run-text.ts';
import { makeRunView, type RunView } from './run-view.ts';
import { describePromise } from './system.ts';
import { onSignals, type Signals } from './signals.ts';
import { describeThresholds } from './threshold-text.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const SUITE = 'run';
/** After an interruption nobody wants to wait for a verdict. */
const INTERRUPTED_BUDGET_NS = 5_000_000_000;

/** The harness's stages, and those that follow it. */
export type RunStage = Stage | 'judge' | 'report';

/** Seams for acceptance runs that plant an error. */
export interface RunHooks {
  readonly onStage?: (stage: RunStage) => void;
  /** Does the faults, in place of Gong's own: the plan is drawn from Gong's own all the same. */
  readonly nemeses?: typeof nemeses;
}

/** `gong run`: one run from the plan to the verdict. */
export async function runVerb(
  flags: RunFlags,
  argv: readonly string[],
  hooks: RunHooks = {},
): Promise<ExitCode> {
  const config = await readRunConfig(flags);
  const expected = await expectationsOf(flags);
  const view = makeRunView(process.stderr);
  const say = (text: string): void => view.say(text);
  if (flags.dryRun === true) {
    say(describePlan(config));
    if (flags.json === true) process.stdout.write(`${JSON.stringify({ plan: config.plan })}\n`);
    return EXIT.pass;
  }
  using signals = onSignals('healing, stopping and saving (once more to end at once)', say);
  const startedAt = new Date();
  const paths = await openRunDir(config, flags, argv, startedAt);
  say(describePlan(config));
  const clock = systemClock();
  const parts = { config, paths, signals, hooks, view, clock };
  const outcome = await runAndJudge(parts).finally(() => view.close());
  const run = { target: config.target.name, workload: config.workload.name };
  const expectations =
    expected && applyExpectations(expected, { ...run, today: dayOf(startedAt) }, outcome.verdict);
  return await report({ ...parts, flags, outcome, expectations });
}

async function openRunDir(
  config: RunConfig,
  flags: RunFlags,
  argv: readonly string[],
  startedAt: Date,
): Promise<RunPaths> {
  const { seed, plan, readMode } = config;
  const paths = await createRunDir({ resultsDir: flags.resultsDir, suite: SUITE, seed, startedAt });
  await writeManifest(paths.manifest, {
    schema: MANIFEST_SCHEMA,
    gong: packageJson.version,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    revision: await gitRevision(ROOT),
    argv: ['gong', ...argv],
    startedAt: startedAt.toISOString(),
    suite: SUITE,
    seed,
    target: config.target.name,
    cluster: config.endpoints === undefined ? flags.cluster : 'endpoints',
    nodes: config.nodes,
    workload: config.workload.name,
    model: config.workload.model,
    config: {
      duration: flags.duration,
      concurrency: config.load.concurrency,
      rate: flags.rate ?? null,
      operationTimeout: flags.operationTimeout,
      workload: config.load.settings ?? {},
      keyOps: config.load.keyOps,
      values: config.load.values ?? null,
      nemesis: flags.nemesis,
      nemesisInterval: flags.nemesisInterval,
      schedule: flags.schedule ?? null,
      thresholds: flags.threshold,
      readMode,
      readFrom: config.readFrom,
      spares: config.spares,
      basePort: config.basePort ?? null,
      budget: flags.budget,
      stopOnViolation: config.stopOnViolation,
      maxDisk: flags.maxDisk ?? null,
      endpoints: config.endpoints ?? null,
      keyPrefix: config.keyPrefix ?? null,
      hookTimeout: flags.hookTimeout,
      promises: config.promise.consistency,
      ...config.settings,
    },
    plan,
  });
  return paths;
}

interface Outcome {
  readonly result: RunResult | undefined;
  readonly verdict: JudgeVerdict | undefined;
  /** What was thrown on the way, in order. The verdict of what was recorded counts all the same. */
  readonly errors: readonly unknown[];
  /** For the run's log. */
  readonly notes: readonly string[];
}

interface Parts {
  readonly config: RunConfig;
  readonly paths: RunPaths;
  readonly signals: Signals;
  readonly hooks: RunHooks;
  readonly view: RunView;
  /** Its zero is the beginning of the run. */
  readonly clock: Clock;
}

async function runAndJudge(parts: Parts): Promise<Outcome> {
  const errors: unknown[] = [];
  const notes: string[] = [];
  let result: RunResult | undefined;
  let verdict: JudgeVerdict | undefined;
  await using background = new BackgroundJudge({
    path: parts.paths.history,
    model: parts.config.workload.model,
    isWatching: parts.config.stopOnViolation,
    note(text) {
      notes.push(text);
      // Without it a violation no longer stops the run: whoever waits for that should know.
      if (parts.config.stopOnViolation) parts.view.say(`${text}\n`);
    },
  });
  try {
    result = await runOnce(parts, background);
    const { endpoints } = parts.config;
    // At a violation it was stopped, and not waited for.
    const isAsked = !result.interrupted && result.endedEarly?.type !== 'violation';
    const isBack = result.settledAgain || !isAsked;
    if (endpoints !== undefined && !isBack) errors.push(notBack(result.silentNodes));
  } catch (error) {
    errors.push(error);
  }
  const escaped = parts.config.escaped();
  if (escaped !== undefined && !errors.includes(escaped)) errors.push(escaped);
  // Without a history there is nothing to judge, and the error has been said.
  if (existsSync(parts.paths.history)) {
    try {
      parts.view.stage('judge');
      parts.hooks.onStage?.('judge');
      verdict = await judge(parts, background);
      parts.hooks.onStage?.('report');
      // A disk that is full now must not take the verdict with it.
      await writeJson(parts.paths.verdict, verdict);
    } catch (error) {
      errors.push(error);
    }
  }
  return { result, verdict, errors, notes };
}

async function runOnce(
  { config, paths, signals, hooks, view, clock }: Parts,
  judge: BackgroundJudge,
): Promise<RunResult> {
  const { maxDiskBytes } = config;
  const dataDir = config.endpoints === undefined ? await makeDataDir() : undefined;
  const places = [paths.root, ...(dataDir === undefined ? [] : [dataDir])];
  // However this process ends; when it is killed, the supervisor does it.
  const remove = (): void => {
    if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  process.once('exit', remove);
  try {
    return await run({
      ...config,
      nemeses: hooks.nemeses ?? nemeses,
      paths,
      clock,
      signal: signals.signal,
      judge,
      ...(maxDiskBytes === undefined
        ? undefined
        : { disk: { maxBytes: maxDiskBytes, usedBytes: () => diskUse(places) } }),
      onProgress: (progress) => view.progress(progress),
      progressIntervalNs: view.progressIntervalNs,
      onStage: (stage) => {
        view.stage(stage);
        hooks.onStage?.(stage);
      },
      up: (signal) => bringUp({ config, paths, dataDir, clock, signal }),
    });
  } finally {
    // What is left of it goes when the process ends; it must not cost the result.
    if (dataDir !== undefined) {
      await rm(dataDir, { recursive: true, force: true }).catch(() => {});
    }
  }
}

/** Not in the run directory: data of nodes is large, and says little beside their logs. */
async function makeDataDir(): Promise<string> {
  try {
    return await mkdtemp(path.join(tmpdir(), 'gong-'));
  } catch (cause) {
    throw new UserError({
      kind: 'infrastructure',
      code: 'GONG-E042',
      what: `no directory for the nodes' data can be made in ${tmpdir()}`,
      why: cause instanceof Error ? cause.message : String(cause),
      fix: 'make it writable, or set TMPDIR to a directory that is',
      cause,
    });
  }
}

async function judge(
  { config, signals }: Parts,
  background: BackgroundJudge,
): Promise<JudgeVerdict> {
  const { budget } = config;
  const isInterrupted = signals.exit !== undefined;
  const { timeNs } = budget;
  return background.verdict({
    budgetNs: isInterrupted ? Math.min(timeNs, INTERRUPTED_BUDGET_NS) : timeNs,
    memoryBytesMax: budget.memoryBytes,
    signal: isInterrupted ? undefined : signals.signal,
  });
}

/** The verdict first: what is derived from it may take its time, and may fail. */
async function report(
  parts: Parts & {
    readonly flags: RunFlags;
    readonly outcome: Outcome;
    readonly expectations: AppliedExpectations | undefined;
  },
): Promise<ExitCode> {
  const { flags, config, paths, signals, outcome, expectations, clock } = parts;
  const { result, verdict, errors, notes } = outcome;
  const promise = describePromise(config);
  const known = worstExit([
    ...errors.map((error) => exitCodeOf(error)),
    ...(verdict === undefined ? [] : [exitOfVerdict(verdict, expectations)]),
    ...(signals.exit === undefined ? [] : [signals.exit]),
    ...((result?.unexpectedExits.length ?? 0) > 0 ? [EXIT.infrastructure] : []),
    ...((result?.gateFailures.length ?? 0) > 0 ? [EXIT.provedNothing] : []),
    ...(result?.statistics?.thresholds.some(({ kept }) => !kept) ? [EXIT.thresholdBroken] : []),
  ]);
  const isInterrupted = signals.exit !== undefined;
  const facts = factsOf({ exit: known, isInterrupted, result, verdict, errors, expectations });
  const text = [
    describeResult(facts),
    describeThresholds(config.thresholds, result),
    verdict === undefined ? '' : explain(verdict),
    verdict === undefined || promise === undefined ? '' : `  ${promise}\n`,
    describeDoubts(facts),
  ].join('');
  sayErrors(errors, parts);
  const isJson = flags.json === true;
  if (!isJson) process.stdout.write(coloured(text, process.stdout));
  const time = clock.now();
  const late = await saveReports({
    paths,
    facts,
    verdict,
    time,
    isJson,
    isDiskBounded: config.maxDiskBytes !== undefined,
  });
  sayErrors(late, parts);
  const exit = worstExit([known, ...late.map((error) => exitCodeOf(error))]);
  if (isJson) {
    const { seed, nodes, target, workload } = config;
    const identity = { seed, nodes, target: target.name, workload: workload.name };
    const said = { ...facts, outcome: facts.outcome && { ...facts.outcome, exit } };
    const json = runJson(said, { directory: paths.root, ...identity });
    process.stdout.write(`${JSON.stringify(json)}\n`);
  }
  const meaning = expectations?.excuses === true && exit === 0 ? 'known' : meaningOfExit(exit);
  process.stderr.write(`\nexit ${exit} (${meaning})   seed ${config.seed}   ${paths.root}\n`);
  logReport(paths, [...notes, text, ...[...errors, ...late].map(stackOf), `exit ${exit}`]);
  return exit;
}

function sayErrors(
  errors: readonly unknown[],
  { paths, flags }: { readonly paths: RunPaths; readonly flags: RunFlags },
): void {
  for (const error of errors) {
    process.stderr.write(failureMessage(error, paths.runLog));
    if (flags.verbose === true) process.stderr.write(stackOf(error));
  }
}

/** Last, and of no consequence: everything in it was said. */
function logReport(paths: RunPaths, parts: readonly string[]): void {
  try {
    using log = new RunLog(paths.runLog);
    for (const part of parts) if (part !== '') log.line(part);
  } catch (error) {
    process.stderr.write(failureMessage(error));
  }
}
