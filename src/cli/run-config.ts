import { randomInt } from 'node:crypto';
import { nodeId } from '../contracts/names.ts';
import type { PlannedFault } from '../contracts/nemesis.ts';
import type { Target } from '../contracts/target.ts';
import type { Workload } from '../contracts/workload.ts';
import { READ_FROM, type ReadFrom } from '../harness/interpreter/placement.ts';
import { planFaults } from '../harness/plan.ts';
import { readSchedule } from '../harness/schedule.ts';
import { readScheduleFile } from '../harness/schedule-file.ts';
import type { Load, RunLimits } from '../harness/run-options.ts';
import type { Threshold } from '../harness/threshold.ts';
import { nemeses } from '../../nemesis/index.ts';
import { workloads } from '../../workloads/index.ts';
import { usageError } from './failure-message.ts';
import { type Budget, budgetFlag, durationFlag, integerFlag, oneOf } from './flag-values.ts';
import { isOfWorkload, loadFlags, operationTimeoutFlag, runDurationFlag } from './load-flags.ts';
import { maxDiskFlag } from './max-disk-flag.ts';
import { scriptsOf } from './scripts.ts';
import { fittingNemeses, readSystem, type System, type SystemFlags } from './system.ts';
import { thresholdFlags } from './threshold-flags.ts';

/** The options of `gong run` as the parser gives them. */
export interface RunFlags extends SystemFlags {
  readonly nemesis: string;
  readonly workload: string;
  readonly duration: string;
  readonly concurrency: string;
  readonly rate?: string;
  readonly operationTimeout: string;
  readonly keyOps: string;
  readonly values?: string;
  readonly nemesisInterval: string;
  readonly schedule?: string;
  readonly spares?: string;
  readonly readFrom: string;
  readonly threshold: readonly string[];
  readonly seed?: string;
  readonly budget: string;
  /** File of known failures. */
  readonly expect?: string;
  readonly stopOnViolation?: boolean;
  readonly maxDisk?: string;
  readonly dryRun?: boolean;
  readonly resultsDir: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** A run that can begin: every word checked, every fault planned. */
export interface RunConfig extends System {
  readonly workload: Workload;
  readonly durationNs: number;
  readonly load: Load;
  readonly limits: Partial<RunLimits>;
  /** How many nodes run beside the members, and may be added. */
  readonly spares: number;
  /** Whom clients ask that read. */
  readonly readFrom: ReadFrom;
  readonly basePort: number | undefined;
  readonly seed: string;
  readonly plan: readonly PlannedFault[];
  /** The fault scripts of the plan. */
  readonly scripts: readonly string[];
  readonly thresholds: readonly Threshold[];
  readonly budget: Budget;
  readonly stopOnViolation: boolean;
  /** Undefined: no bound but the disk's. */
  readonly maxDiskBytes: number | undefined;
}

/**
 * Checks every word of the command line before anything starts.
 *
 * @throws UserError (`usage`)
 */
export async function readRunConfig(flags: RunFlags): Promise<RunConfig> {
  oneOf('--workload', flags.workload, workloads.keys());
  const workload = workloads.get(flags.workload);
  if (workload === undefined) throw new Error(`no workload ${flags.workload}`);
  const load = loadFlags(flags, workload);
  const set = flags.set.filter((pair) => !isOfWorkload(pair));
  const system = await readSystem({ ...flags, set }, workload);
  const { nodes } = system;
  const durationNs = runDurationFlag(flags.duration);
  const seed = flags.seed ?? String(randomInt(1_000_000_000));
  const spares = sparesOf(flags, system);
  const plan = readPlan(flags, { ...system, spares, seed, durationNs });
  const scripts = scriptsOf(plan, nemeses);
  const all = nodes + spares;
  if (plan.length > 0 && load.concurrency < all) throw tooFewClients(load.concurrency, all);
  return {
    ...system,
    workload,
    durationNs,
    load,
    spares,
    readFrom: readFromFlag(flags.readFrom, system.target),
    limits: { operationNs: operationTimeoutFlag(flags.operationTimeout) },
    basePort:
      flags.basePort === undefined
        ? undefined
        : integerFlag('--base-port', flags.basePort, { min: 1024, max: 32_767 }),
    seed,
    budget: budgetFlag('--budget', flags.budget),
    stopOnViolation: flags.stopOnViolation === true,
    maxDiskBytes: flags.maxDisk === undefined ? undefined : maxDiskFlag(flags.maxDisk),
    plan,
    scripts,
    thresholds: thresholdFlags(flags.threshold, {
      functions: workload.functions,
      workload: workload.name,
      hasFaults: plan.length > 0,
    }),
  };
}

/** Of `--schedule`, or of `--nemesis`. */
function readPlan(
  flags: RunFlags,
  run: System & { readonly spares: number; readonly seed: string; readonly durationNs: number },
): readonly PlannedFault[] {
  const { nemesis, nemesisInterval, schedule } = flags;
  const { capabilities, spares, seed, durationNs, target } = run;
  const fitting = fittingNemeses(target, nemeses, nemesis);
  const intervalNs = durationFlag('--nemesis-interval', nemesisInterval);
  if (schedule === undefined) {
    return planFaults({
      words: nemesis,
      nemeses: fitting,
      capabilities,
      nodes: run.nodes,
      spares,
      seed,
      durationNs,
      intervalNs,
    });
  }
  if (nemesis !== 'none') {
    throw usageError({
      code: 'GONG-E121',
      what: `--schedule ${schedule} and --nemesis ${nemesis} contradict each other`,
      why: 'a schedule says which faults come, and when; --nemesis has them drawn',
      fix: 'pass one of them',
    });
  }
  const nodes = Array.from({ length: run.nodes + spares }, (_, i) => nodeId(`n${i + 1}`));
  return readSchedule({
    path: schedule,
    nemeses: fitting,
    capabilities,
    nodes,
    spares,
    seed,
    durationNs,
  });
}

const SPARES_DEFAULT = 2;
const SPARES_MAX = 4;

/**
 * How many nodes run beside the members: as `--spares` says, and else some where members are to change.
 *
 * @throws UserError (`usage`): GONG-E165 where there can be none, GONG-E062 for no such number
 */
function sparesOf(
  { spares, nemesis, schedule }: RunFlags,
  { endpoints, capabilities, target }: System,
): number {
  const canChange = capabilities.has('membership');
  if (spares === undefined) {
    const words = nemesis.split(',').map((word) => word.trim().split(':')[0] ?? '');
    const kinds = schedule === undefined ? words : kindsIn(schedule);
    const isAsked = kinds.some((kind) => nemeses.get(kind)?.requires === 'membership');
    return isAsked && canChange ? SPARES_DEFAULT : 0;
  }
  const count = integerFlag('--spares', spares, { min: 0, max: SPARES_MAX });
  if (count === 0 || canChange) return count;
  throw usageError({
    code: 'GONG-E165',
    what: `--spares ${spares} does not fit ${endpoints === undefined ? target.name : '--endpoints'}`,
    why: 'nodes that are no members are of use only where members can be changed',
    fix: 'leave --spares out',
  });
}

/** What is no schedule is refused when it is read for good. */
function kindsIn(schedule: string): readonly string[] {
  try {
    return readScheduleFile(schedule).faults.map(({ kind }) => kind);
  } catch {
    return [];
  }
}

/** @throws UserError (`usage`): GONG-E063 for another word, GONG-E166 where nobody leads */
function readFromFlag(text: string, { hasLeader, name }: Target): ReadFrom {
  oneOf('--read-from', text, READ_FROM);
  const readFrom = READ_FROM.find((one) => one === text) ?? 'any';
  if (readFrom === 'any' || hasLeader === true) return readFrom;
  throw usageError({
    code: 'GONG-E166',
    what: `--read-from ${text} needs a leader, and ${name} does not say that it has one`,
    why: 'its target has no hasLeader: true, and so nobody knows who leads',
    fix: "leave --read-from out, or have the target's probe tell role and term",
  });
}

function tooFewClients(concurrency: number, nodes: number): Error {
  return usageError({
    code: 'GONG-E064',
    what: `--concurrency ${concurrency} is too little for ${nodes} nodes under faults`,
    why: 'a fault on a node that no client talks to cannot be shown to have bitten',
    fix: `pass --concurrency ${nodes} or more, or --nemesis none`,
  });
}
