import { randomInt } from 'node:crypto';
import { nodeId } from '../contracts/names.ts';
import type { PlannedFault } from '../contracts/nemesis.ts';
import type { Workload } from '../contracts/workload.ts';
import { planFaults } from '../harness/plan.ts';
import { readSchedule } from '../harness/schedule.ts';
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
  const plan = readPlan(flags, { ...system, seed, durationNs });
  const scripts = scriptsOf(plan, nemeses);
  if (plan.length > 0 && load.concurrency < nodes) throw tooFewClients(load.concurrency, nodes);
  return {
    ...system,
    workload,
    durationNs,
    load,
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
  run: System & { readonly seed: string; readonly durationNs: number },
): readonly PlannedFault[] {
  const { nemesis, nemesisInterval, schedule } = flags;
  const { capabilities, seed, durationNs, target } = run;
  const fitting = fittingNemeses(target, nemeses, nemesis);
  const intervalNs = durationFlag('--nemesis-interval', nemesisInterval);
  if (schedule === undefined) {
    return planFaults({
      words: nemesis,
      nemeses: fitting,
      capabilities,
      nodes: run.nodes,
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
  const nodes = Array.from({ length: run.nodes }, (_, i) => nodeId(`n${i + 1}`));
  return readSchedule({
    path: schedule,
    nemeses: fitting,
    capabilities,
    nodes,
    seed,
    durationNs,
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
