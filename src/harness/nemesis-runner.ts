import type { Clock } from '../contracts/clock.ts';
import type { Cluster } from '../contracts/cluster.ts';
import type { Json } from '../../checker/index.ts';
import type { NodeId } from '../contracts/names.ts';
import type { Nemesis, NemesisShape, PlannedFault, ResolvedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { UserError } from '../lib/user-error.ts';
import type { ClusterEvent, ElectionEvidence, FaultRecord } from '../rundir/cluster-log.ts';
import type { PhaseTracker } from '../statistics/phase.ts';
import type { FaultWindows } from './fault-windows.ts';
import { LinkWatch } from './link-watch.ts';
import type { ClusterObservations } from './observer.ts';

/** How long a fault waits for its victims to be named. */
const RESOLVE_NS_MAX = 10 * SECOND;
/** Between two attempts to name them. */
const RESOLVE_STEP_NS = 20 * MILLISECOND;
/** How long a fault waits for the cluster to have recovered from the one before. */
const SETTLE_NS_MAX = 10 * SECOND;
/** Between the heal of one fault and the start of the next, when the plan has run late. */
const BREATH_NS = SECOND;
/** Both sides of a cut serve for so long after the election, so that a stale one is caught. */
const BOTH_SIDES_SERVE_NS = 2 * SECOND;
/** A leader fault is held so many election timeouts at most: split votes may need a few. */
const ELECTION_TIMEOUTS_MAX = 5;

export interface NemesisRunnerOptions {
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly nemeses: ReadonlyMap<string, Nemesis>;
  readonly plan: readonly PlannedFault[];
  readonly observer: ClusterObservations;
  /** Writes an event of the nemesis to the history. @returns its time */
  readonly recordEvent: (f: string, value: Json) => number;
  readonly log: (event: ClusterEvent) => void;
  readonly windows: FaultWindows;
  /** Told when a fault is in force, from before its injection to the end of its heal. */
  readonly phases?: PhaseTracker;
  /** The longest a healthy cluster needs to notice a dead leader. */
  readonly electionTimeoutNsMax: number;
  /** When clients began: the plan counts from there. */
  readonly beganNs: number;
  /** No fault starts later than this. */
  readonly latestNs: number;
}

/** A fault that is in force. */
export interface ActiveFault {
  readonly kind: string;
  readonly shape: string;
  readonly victims: readonly NodeId[];
}

/** What is known of one planned fault, before the operations of its victims are counted. */
type Progress =
  | Exclude<FaultRecord, { outcome: 'injected' }>
  | Omit<Extract<FaultRecord, { outcome: 'injected' }>, 'victimOperations'>;

/** One fault on its way through `NemesisRunner`. */
interface Step {
  readonly fault: number;
  readonly planned: PlannedFault;
  readonly nemesis: Nemesis;
  readonly shape: NemesisShape;
}

/** Whom a fault will hit. */
interface Target {
  readonly resolved: ResolvedFault;
  /** Highest term seen when that was decided. */
  readonly termBefore: number;
}

/** Executes a plan of faults, one after the other. */
export class NemesisRunner {
  readonly #options: NemesisRunnerOptions;
  readonly #progress: Progress[] = [];
  #active: ActiveFault | undefined;

  constructor(options: NemesisRunnerOptions) {
    this.#options = options;
  }

  get active(): ActiveFault | undefined {
    return this.#active;
  }

  /**
   * Resolves when every fault has healed, or after `signal`: then what is in force heals at once and
   * the rest is skipped.
   *
   * @returns when the last heal was done; `beganNs` when nothing was injected
   * @throws UserError (`infrastructure`, GONG-E034) when a fault does not take effect or does not heal
   */
  async run(signal: AbortSignal): Promise<number> {
    const { clock, observer, plan, beganNs, latestNs } = this.#options;
    let healedNs = beganNs;
    let previousEndNs = 0;
    for (const [fault, planned] of plan.entries()) {
      const step = this.#step(fault, planned);
      const plannedGapNs = planned.atNs - previousEndNs;
      previousEndNs = planned.atNs + planned.durationNs;
      // A fault that was held longer than planned pushes the next ones on; they never overlap.
      const atNs = Math.max(
        beganNs + planned.atNs,
        fault === 0 ? 0 : healedNs + Math.min(BREATH_NS, plannedGapNs),
      );
      if (atNs <= latestNs) {
        await clock.sleep(Math.max(0, atNs - clock.now()), signal);
        // A node that is still coming back from the last fault must not pass as evidence for this one.
        const leftNs = Math.min(SETTLE_NS_MAX, latestNs - clock.now());
        await observer.until(() => observer.isSettled(), leftNs, signal);
      }
      if (signal.aborted || atNs > latestNs) {
        this.#progress.push({ ...nameOf(step), outcome: 'skipped' });
        continue;
      }
      await this.#execute(step, signal);
      healedNs = clock.now();
    }
    return healedNs;
  }

  /** What became of every fault. Complete when the clients have stopped. */
  records(): readonly FaultRecord[] {
    return this.#progress.map((one) =>
      one.outcome === 'injected'
        ? { ...one, victimOperations: this.#options.windows.operations(one.fault) }
        : one,
    );
  }

  #step(fault: number, planned: PlannedFault): Step {
    const nemesis = defined(this.#options.nemeses.get(planned.kind), 'a plan names known kinds');
    const shape = defined(
      nemesis.shapes.find((one) => one.shape === planned.shape),
      'a plan names known shapes',
    );
    return { fault, planned, nemesis, shape };
  }

  async #execute(step: Step, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const askedNs = clock.now();
    const target = await this.#resolve(step, signal);
    if (target === undefined) {
      const waitedNs = clock.now() - askedNs;
      this.#progress.push(
        signal.aborted
          ? { ...nameOf(step), outcome: 'skipped' }
          : { ...nameOf(step), outcome: 'unresolved', waitedNs },
      );
      return;
    }
    const { resolved } = target;
    const { victims, value } = resolved;
    log({ time: clock.now(), type: 'inject', ...nameOf(step), victims, value });
    const pidsBefore = this.#pids(victims);
    const lived = await this.#inject(step, target, signal);
    this.#options.recordEvent(step.planned.kind, { phase: 'heal', fault: step.fault });
    this.#progress.push({
      ...nameOf(step),
      ...lived,
      outcome: 'injected',
      victims,
      leader: resolved.leader ?? null,
      value,
      required: step.shape.evidence,
      processes: victims.map((node, i) => ({
        node,
        pidBefore: pidsBefore[i] ?? null,
        pidAfter: this.#pids([node])[0] ?? null,
      })),
    });
  }

  /**
   * Asks for victims until there are some. The seed makes them the same at every attempt. Each attempt
   * asks the nodes anew: a leader known for a second may have lost its office in the meantime.
   */
  async #resolve({ planned, shape }: Step, signal: AbortSignal): Promise<Target | undefined> {
    const { clock, observer } = this.#options;
    const deadlineNs = clock.now() + RESOLVE_NS_MAX;
    for (;;) {
      await observer.refresh();
      if (signal.aborted) return undefined;
      const resolved = shape.resolve(observer.view(), makeRandom(planned.seed));
      if (resolved !== undefined) return { resolved, termBefore: observer.termMax };
      const leftNs = deadlineNs - clock.now();
      if (leftNs <= 0) return undefined;
      await clock.sleep(Math.min(RESOLVE_STEP_NS, leftNs), signal);
    }
  }

  /** Injects, holds and heals. The heal is a disposal: it happens whatever the holding does. */
  async #inject(step: Step, { resolved, termBefore }: Target, signal: AbortSignal) {
    const { clock, cluster, observer, windows, phases, recordEvent } = this.#options;
    const { fault, planned, nemesis } = step;
    await using healing = new AsyncDisposableStack();
    healing.defer(() => {
      this.#active = undefined;
      phases?.healed(fault, clock.now());
    });
    const watch = await this.#watchLinks(step, resolved);
    // Counted from before the injection: a cut bites a moment before it is known to be in force.
    const before = { sinceNs: clock.now(), termBefore };
    phases?.began(fault, `${planned.kind}:${planned.shape}`, before.sinceNs);
    const injected = await explained(step, 'take effect', () =>
      nemesis.inject(cluster, resolved, planned.shape),
    );
    healing.defer(() => explained(step, 'heal', async () => injected[Symbol.asyncDispose]()));
    const { victims } = resolved;
    this.#active = { kind: planned.kind, shape: planned.shape, victims };
    const fields = isRecord(resolved.value) ? resolved.value : { value: resolved.value };
    const start = { phase: 'start', fault, shape: planned.shape, victims, ...fields };
    const startedNs = recordEvent(planned.kind, start);
    windows.open(fault, victims, startedNs);
    await explained(step, 'take effect', async () => watch?.cutIsInForce());
    const election = (): ElectionEvidence | undefined => observer.election({ ...before, victims });
    const seen = await this.#hold(step, startedNs, election, signal);
    const links = await explained(step, 'show in the links', async () => watch?.end(victims));
    const healedNs = clock.now();
    windows.close(fault, healedNs);
    return { startedNs, healedNs, election: seen, ...(links === undefined ? {} : { links }) };
  }

  /** Undefined for a fault that cuts no links. */
  async #watchLinks(step: Step, resolved: ResolvedFault): Promise<LinkWatch | undefined> {
    const control = this.#options.cluster.links;
    const links = step.nemesis.links?.(resolved);
    if (control === undefined || links === undefined) return undefined;
    return explained(step, 'take effect', () => LinkWatch.begin(control, links));
  }

  /**
   * Holds a fault for its duration, and one that must bring an election until that is seen: healed
   * earlier, a split vote would fail the run at random.
   */
  async #hold(
    { planned, shape }: Step,
    startedNs: number,
    election: () => ElectionEvidence | undefined,
    signal: AbortSignal,
  ): Promise<ElectionEvidence | null> {
    const { clock, observer, electionTimeoutNsMax } = this.#options;
    await clock.sleep(planned.durationNs, signal);
    if (!shape.evidence.includes('election')) return election() ?? null;
    const leftNs = startedNs + ELECTION_TIMEOUTS_MAX * electionTimeoutNsMax - clock.now();
    await observer.until(() => election() !== undefined, leftNs, signal);
    const seen = election();
    if (seen === undefined) return null;
    if (shape.evidence.includes('cut-off-side')) {
      await clock.sleep(Math.max(0, seen.atNs + BOTH_SIDES_SERVE_NS - clock.now()), signal);
    }
    return seen;
  }

  #pids(nodes: readonly NodeId[]): (number | undefined)[] {
    return nodes.map((node) => this.#options.cluster.processes?.pid(node));
  }
}

function nameOf({ fault, planned: { kind, shape } }: Step) {
  return { fault, kind, shape };
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Gives an error of the cluster a code and a next step, unless it has its own. */
async function explained<T>(
  { fault, planned: { kind, shape } }: Step,
  what: 'take effect' | 'show in the links' | 'heal',
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    throw new UserError({
      kind: 'infrastructure',
      code: 'GONG-E034',
      what: `fault ${fault + 1} (${kind}:${shape}) did not ${what}`,
      why: cause instanceof Error ? cause.message : String(cause),
      fix: 'look into the logs of the nodes, and run again',
      cause,
    });
  }
}
