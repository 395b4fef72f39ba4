import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { run } from '../harness/run.ts';
import type { RunResult, Stage } from '../harness/run-options.ts';
import { systemClock } from '../harness/system-clock.ts';
import { BackgroundJudge, explain, type JudgeVerdict } from '../judge/index.ts';
import { UserError } from '../lib/user-error.ts';
import { nemeses } from '../../nemesis/index.ts';
import { diskUse } from '../rundir/disk-use.ts';
import { createRunDir } from '../rundir/run-dir.ts';
import { gitRevision, MANIFEST_SCHEMA, writeManifest } from '../rundir/manifest.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { RunLog } from '../rundir/run-log.ts';
import { writeJson } from '../rundir/whole-file.ts';
import { exitOfVerdict } from './check.ts';
import { bringUp, notBack } from './bring-up.ts';
import { EXIT, type ExitCode, worstExit } from './exit-codes.ts';
import { exitCodeOf, failureMessage, stackOf } from './failure-message.ts';
import { writeFailure } from './failure-dir.ts';
import { readRunConfig, type RunConfig, type RunFlags } from './run-config.ts';
import { describePromise } from './system.ts';
import { describePlan, describeProgress, describeResult } from './run-text.ts';
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
  const say = (text: string): void => void process.stderr.write(text);
  if (flags.dryRun === true) {
    say(describePlan(config));
    if (flags.json === true) process.stdout.write(`${JSON.stringify({ plan: config.plan })}\n`);
    return EXIT.pass;
  }
  using signals = onSignals('healing, stopping and saving (once more to end at once)');
  const paths = await openRunDir(config, flags, argv);
  say(describePlan(config));
  const outcome = await runAndJudge({ config, paths, signals, hooks, say });
  return report({ flags, config, paths, signals, outcome });
}

async function openRunDir(
  config: RunConfig,
  flags: RunFlags,
  argv: readonly string[],
): Promise<RunPaths> {
  const startedAt = new Date();
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
  readonly say: (text: string) => void;
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
    note: (text) => void notes.push(text),
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
      parts.hooks.onStage?.('judge');
      verdict = await judge(parts, background);
      parts.hooks.onStage?.('report');
      // A disk that is full now must not take the verdict with it.
      await writeJson(parts.paths.verdict, verdict);
      if (verdict.valid === false) await writeFailure(parts.paths, verdict);
    } catch (error) {
      errors.push(error);
    }
  }
  return { result, verdict, errors, notes };
}

async function runOnce(
  { config, paths, signals, hooks, say }: Parts,
  judge: BackgroundJudge,
): Promise<RunResult> {
  const { maxDiskBytes } = config;
  const dataDir = config.endpoints === undefined ? await makeDataDir() : undefined;
  const clock = systemClock();
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
      onProgress: (progress) => say(describeProgress(progress)),
      onStage: (stage) => hooks.onStage?.(stage),
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
  { config, signals, say }: Parts,
  background: BackgroundJudge,
): Promise<JudgeVerdict> {
  const { budget } = config;
  const isInterrupted = signals.exit !== undefined;
  const { timeNs } = budget;
  if (!isInterrupted) say('judging what is left of the history\n');
  return background.verdict({
    budgetNs: isInterrupted ? Math.min(timeNs, INTERRUPTED_BUDGET_NS) : timeNs,
    memoryBytesMax: budget.memoryBytes,
    signal: isInterrupted ? undefined : signals.signal,
  });
}

function report(parts: {
  readonly flags: RunFlags;
  readonly config: RunConfig;
  readonly paths: RunPaths;
  readonly signals: Signals;
  readonly outcome: Outcome;
}): ExitCode {
  const { flags, config, paths, signals, outcome } = parts;
  const { result, verdict, errors, notes } = outcome;
  const promise = describePromise(config);
  const exit = worstExit([
    ...errors.map((error) => exitCodeOf(error)),
    ...(verdict === undefined ? [] : [exitOfVerdict(verdict)]),
    ...(signals.exit === undefined ? [] : [signals.exit]),
    ...((result?.unexpectedExits.length ?? 0) > 0 ? [EXIT.infrastructure] : []),
    ...((result?.gateFailures.length ?? 0) > 0 ? [EXIT.provedNothing] : []),
    ...(result?.statistics?.thresholds.some(({ kept }) => !kept) ? [EXIT.thresholdBroken] : []),
  ]);
  const text = [
    result === undefined ? '' : describeResult(result),
    describeThresholds(config.thresholds, result),
    verdict === undefined ? '' : explain(verdict),
    verdict === undefined || promise === undefined ? '' : `  ${promise}\n`,
    ...(result?.gateFailures ?? []).map(
      ({ gate, sentence }) => `PROVED NOTHING  ${gate}\n  ${sentence}\n`,
    ),
  ].join('');
  for (const error of errors) {
    process.stderr.write(failureMessage(error, paths.runLog));
    if (flags.verbose === true) process.stderr.write(stackOf(error));
  }
  if (flags.json === true) {
    const { gateFailures = [], faults = [], unexpectedExits = [], endedEarly } = result ?? {};
    const json = { schema: 1, exit, directory: paths.root, seed: config.seed, verdict };
    process.stdout.write(
      `${JSON.stringify({ ...json, statistics: result?.statistics, load: result?.load, faults, gateFailures, unexpectedExits, endedEarly })}\n`,
    );
  } else process.stdout.write(text);
  process.stderr.write(`\nexit ${exit} (${MEANING[exit]})   seed ${config.seed}   ${paths.root}\n`);
  logReport(paths, [...notes, text, ...errors.map(stackOf), `exit ${exit}`]);
  return exit;
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

const MEANING: Readonly<Record<ExitCode, string>> = {
  [EXIT.pass]: 'pass',
  [EXIT.violation]: 'violation',
  [EXIT.unknown]: 'unknown',
  [EXIT.thresholdBroken]: 'threshold broken',
  [EXIT.regression]: 'regression',
  [EXIT.provedNothing]: 'proved nothing',
  [EXIT.usage]: 'usage',
  [EXIT.bug]: 'a bug in Gong',
  [EXIT.infrastructure]: 'infrastructure',
  [EXIT.interrupted]: 'interrupted',
  [EXIT.terminated]: 'terminated',
};
