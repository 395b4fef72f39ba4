import { randomInt } from 'node:crypto';
import type { PlannedFault } from '../contracts/nemesis.ts';
import type { Target } from '../contracts/target.ts';
import type { Workload } from '../contracts/workload.ts';
import { planFaults } from '../harness/plan.ts';
import type { Load } from '../harness/run-options.ts';
import { makeRaftTarget } from '../targets/raft/index.ts';
import { nemeses } from '../../nemesis/index.ts';
import { workloads } from '../../workloads/index.ts';
import { usageError } from './failure-message.ts';
import { type Budget, budgetFlag, durationFlag, integerFlag, rateFlag } from './flag-values.ts';

/** The options of `gong run` as the parser gives them. */
export interface RunFlags {
  readonly target: string;
  readonly cluster: string;
  readonly nodes: string;
  readonly workload: string;
  readonly duration: string;
  readonly concurrency: string;
  readonly rate?: string;
  readonly keyOps: string;
  readonly values?: string;
  readonly nemesis: string;
  readonly nemesisInterval: string;
  readonly readMode?: string;
  readonly set: readonly string[];
  readonly basePort?: string;
  readonly seed?: string;
  readonly budget: string;
  /** File of known failures. */
  readonly expect?: string;
  readonly dryRun?: boolean;
  readonly resultsDir: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** A run that can begin: every word checked, every fault planned. */
export interface RunConfig {
  readonly target: Target;
  readonly workload: Workload;
  readonly nodes: number;
  readonly durationNs: number;
  readonly load: Load;
  readonly readMode: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly basePort: number | undefined;
  readonly seed: string;
  readonly plan: readonly PlannedFault[];
  readonly budget: Budget;
}

const TARGETS: ReadonlyMap<string, () => Target> = new Map([['raft', () => makeRaftTarget()]]);
const CLUSTERS = ['local'];
const NODES_MAX = 15;
const CONCURRENCY_MAX = 10_000;

function oneOf(flag: string, word: string, known: Iterable<string>): void {
  const words = [...known];
  if (words.includes(word)) return;
  throw usageError({
    code: 'GONG-E063',
    what: `${flag} ${word} is not known`,
    why: `there ${words.length === 1 ? 'is' : 'are'} ${words.join(', ')}`,
    fix: `pass ${flag} ${words[0] ?? ''}`,
  });
}

/**
 * Checks every word of the command line before anything starts.
 *
 * @throws UserError (`usage`)
 */
export function readRunConfig(flags: RunFlags): RunConfig {
  oneOf('--target', flags.target, TARGETS.keys());
  oneOf('--cluster', flags.cluster, CLUSTERS);
  oneOf('--workload', flags.workload, workloads.keys());
  const target = TARGETS.get(flags.target)?.() ?? makeRaftTarget();
  const workload = workloads.get(flags.workload);
  if (workload === undefined) throw new Error(`no workload ${flags.workload}`);
  const readMode = flags.readMode ?? target.readModes[0] ?? '';
  oneOf('--read-mode', readMode, target.readModes);

  const nodes = integerFlag('--nodes', flags.nodes, { min: 1, max: NODES_MAX });
  const durationNs = durationFlag('--duration', flags.duration);
  const seed = flags.seed ?? String(randomInt(1_000_000_000));
  const load = readLoad(flags);
  const plan = planFaults({
    words: flags.nemesis,
    nemeses,
    capabilities: new Set(['processes', 'links']),
    nodes,
    seed,
    durationNs,
    intervalNs: durationFlag('--nemesis-interval', flags.nemesisInterval),
  });
  if (plan.length > 0 && load.concurrency < nodes) throw tooFewClients(load.concurrency, nodes);
  return {
    target,
    workload,
    nodes,
    durationNs,
    load,
    readMode,
    settings: readSettings(flags.set, target),
    basePort:
      flags.basePort === undefined
        ? undefined
        : integerFlag('--base-port', flags.basePort, { min: 1024, max: 32_767 }),
    seed,
    budget: budgetFlag('--budget', flags.budget),
    plan,
  };
}

function tooFewClients(concurrency: number, nodes: number): Error {
  return usageError({
    code: 'GONG-E064',
    what: `--concurrency ${concurrency} is too little for ${nodes} nodes under faults`,
    why: 'a fault on a node that no client talks to cannot be shown to have bitten',
    fix: `pass --concurrency ${nodes} or more, or --nemesis none`,
  });
}

function readLoad(flags: RunFlags): Load {
  const { concurrency, keyOps, values, rate } = flags;
  return {
    concurrency: integerFlag('--concurrency', concurrency, { min: 1, max: CONCURRENCY_MAX }),
    keyOps: integerFlag('--key-ops', keyOps, { min: 1, max: 1_000_000 }),
    values:
      values === undefined ? undefined : integerFlag('--values', values, { min: 1, max: 1e9 }),
    ratePerSecond: rate === undefined ? undefined : rateFlag('--rate', rate),
  };
}

function readSettings(pairs: readonly string[], target: Target): Readonly<Record<string, string>> {
  const settings = Object.fromEntries(
    pairs.map((pair): [string, string] => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  return target.resolveSettings(settings);
}
