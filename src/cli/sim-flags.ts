import { availableParallelism } from 'node:os';
import { workloads } from '../../workloads/index.ts';
import { type Constraints, readScenarioFile, type Scenario } from '../hunt/index.ts';
import { DEFECTS } from '../raft/defects/index.ts';
import { SECOND } from '../lib/duration.ts';
import { quoted } from '../report/index.ts';
import { TRACE_LEVELS, type TraceLevel } from '../sim/trace.ts';
import { usageError } from './failure-message.ts';
import { durationFlag, integerFlag, oneOf } from './flag-values.ts';

/** The options of `gong sim` as the parser gives them. */
export interface SimFlags {
  readonly seed?: string;
  readonly seeds?: string;
  readonly schedule?: string;
  readonly simTime?: string;
  readonly nodes?: string;
  readonly driftBeyondBound?: boolean;
  readonly workload?: string;
  readonly defect?: string;
  readonly defects?: boolean;
  readonly duration?: string;
  readonly threads?: string;
  readonly trace?: string;
  readonly traceLevel: string;
  /** `--no-shrink` sets it to false. */
  readonly shrink: boolean;
  readonly resultsDir: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** What is to be run. */
export type SimTask =
  /** One run, in full view. */
  | { readonly type: 'one'; readonly source: OneSource }
  /** Many, until one fails. */
  | { readonly type: 'many'; readonly seeds: SeedRange }
  /** Every planted bug, until it is found. */
  | { readonly type: 'defects' };

export type OneSource =
  | { readonly type: 'seed'; readonly seed: string }
  | { readonly type: 'schedule'; readonly file: string; readonly scenario: Scenario };

/** Both ends included. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
}

export interface SimPlan {
  readonly task: SimTask;
  readonly constraints: Constraints;
  readonly defect: string | undefined;
  /** Wall time after which no other seed begins. */
  readonly durationNs: number | undefined;
  readonly threads: number;
  readonly trace: { readonly file: string; readonly level: TraceLevel } | undefined;
  readonly isShrunk: boolean;
}

const SEEDS_DEFAULT: SeedRange = { from: 1, to: 100 };
/** Where the time ends the search. */
const SEEDS_ENDLESS: SeedRange = { from: 1, to: 1_000_000 };
const NODES = { min: 1, max: 7 };
/** A run keeps its history in memory: about a gigabyte for an hour. */
const SIM_TIME_NS_MAX = 3600 * SECOND;
const THREADS = { min: 1, max: 256 };

/**
 * Reads the flags, and the schedule that they name.
 *
 * @throws UserError (`usage`)
 */
export function readSimFlags(flags: SimFlags): SimPlan {
  const { defect, workload } = flags;
  if (workload !== undefined) oneOf('--workload', workload, workloads.keys());
  if (defect !== undefined) oneOf('--defect', defect, DEFECTS.keys());
  oneOf('--trace-level', flags.traceLevel, TRACE_LEVELS);
  const task = taskOf(flags);
  if (flags.trace !== undefined && task.type !== 'one') {
    throw usageError({
      code: 'GONG-E194',
      what: '--trace does not go with several seeds',
      why: 'a trace is the story of one run',
      fix: 'pass --seed N, or a schedule with --schedule FILE',
    });
  }
  return {
    task,
    constraints: {
      simTimeNs: flags.simTime === undefined ? undefined : simTime(flags.simTime),
      nodes: flags.nodes === undefined ? undefined : integerFlag('--nodes', flags.nodes, NODES),
      workload,
      driftsBeyondBound: flags.driftBeyondBound === true ? true : undefined,
    },
    defect,
    durationNs:
      flags.duration === undefined ? undefined : durationFlag('--duration', flags.duration),
    threads:
      flags.threads === undefined
        ? availableParallelism()
        : integerFlag('--threads', flags.threads, THREADS),
    trace:
      flags.trace === undefined
        ? undefined
        : { file: flags.trace, level: flags.traceLevel === 'full' ? 'full' : 'story' },
    isShrunk: flags.shrink,
  };
}

function simTime(text: string): number {
  const ns = durationFlag('--sim-time', text);
  if (ns <= SIM_TIME_NS_MAX) return ns;
  throw usageError({
    code: 'GONG-E196',
    what: `--sim-time ${text} is more than an hour`,
    why: 'a run keeps its history in memory, and more seeds find more than longer runs',
    fix: 'pass at most --sim-time 1h, and more --seeds',
  });
}

function taskOf(flags: SimFlags): SimTask {
  const { seed, seeds, schedule, defects } = flags;
  const named = [
    ['--seed', seed],
    ['--seeds', seeds],
    ['--schedule', schedule],
  ].filter(([, value]) => value !== undefined);
  if (named.length > 1) {
    const words = named.map(([word]) => word).join(' and ');
    throw usageError({
      code: 'GONG-E192',
      what: `${words} do not go together`,
      why: 'each says by itself what is to be run',
      fix: `leave all but one of them out`,
    });
  }
  if (defects === true) {
    if (flags.defect !== undefined || named.length > 0) {
      throw usageError({
        code: 'GONG-E193',
        what: '--defects does not go with --defect, --seed or --schedule',
        why: 'it hunts every planted bug, over many seeds',
        fix: 'leave the other out, or hunt one with --defect NAME --seeds 1..1000',
      });
    }
    return { type: 'defects' };
  }
  if (schedule !== undefined) {
    const given = [flags.nodes, flags.simTime, flags.workload, flags.driftBeyondBound];
    if (given.some((flag) => flag !== undefined)) {
      throw usageError({
        code: 'GONG-E195',
        what: '--nodes, --sim-time, --workload and --drift-beyond-bound do not go with --schedule',
        why: 'a schedule holds everything that its run depends on',
        fix: 'leave them out, or change the file',
      });
    }
    const source = {
      type: 'schedule',
      file: schedule,
      scenario: readScenarioFile(schedule),
    } as const;
    return { type: 'one', source };
  }
  if (seed !== undefined) return { type: 'one', source: { type: 'seed', seed } };
  const fallback = flags.duration === undefined ? SEEDS_DEFAULT : SEEDS_ENDLESS;
  return { type: 'many', seeds: seedRange(seeds) ?? fallback };
}

/** `1..500`. @throws UserError (`usage`) GONG-E191 */
function seedRange(text: string | undefined): SeedRange | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && from <= to) return { from, to };
  throw usageError({
    code: 'GONG-E191',
    what: `--seeds ${text} is not a range of seeds`,
    why: 'it takes two whole numbers with two dots between them, the smaller one first',
    fix: 'for example --seeds 1..500; one seed alone is --seed 17',
  });
}

/** The seeds of a range, as texts. */
export function* seedsOf({ from, to }: SeedRange): Generator<string> {
  for (let seed = from; seed <= to; seed++) yield String(seed);
}

/** What shows this run again, as one would type it. */
export function commandOf(
  what: { readonly seed: string } | { readonly schedule: string },
  { constraints, defect }: Pick<SimPlan, 'constraints' | 'defect'>,
): string {
  const { simTimeNs, nodes, workload, driftsBeyondBound } = constraints;
  const words = ['npx gong sim'];
  if ('schedule' in what) words.push('--schedule', quoted(what.schedule));
  else {
    words.push('--seed', quoted(what.seed));
    if (simTimeNs !== undefined) words.push('--sim-time', durationWord(simTimeNs));
    if (nodes !== undefined) words.push('--nodes', String(nodes));
    if (workload !== undefined) words.push('--workload', workload);
    if (driftsBeyondBound === true) words.push('--drift-beyond-bound');
  }
  if (defect !== undefined) words.push('--defect', defect);
  return words.join(' ');
}

function durationWord(ns: number): string {
  for (const [unit, size] of [
    ['s', 1e9],
    ['ms', 1e6],
    ['us', 1e3],
  ] as const) {
    if (ns % size === 0) return `${ns / size}${unit}`;
  }
  return `${ns}ns`;
}
