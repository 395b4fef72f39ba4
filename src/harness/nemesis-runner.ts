import { nodeId, type NodeId } from '../contracts/names.ts';
import type { Nemesis, PlannedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import type { ClusterEvent, FaultRecord } from '../rundir/cluster-log.ts';
import {
  FaultInjection,
  hasOthers,
  type Hit,
  type InjectedProgress,
  type InjectionPorts,
  nameOf,
  type Step,
} from './fault-injection.ts';
import { shapeOf } from './selection.ts';

/** How long a fault waits for its victims to be named. */
const RESOLVE_NS_MAX = 10 * SECOND;
/** Between two attempts to name them. */
const RESOLVE_STEP_NS = 20 * MILLISECOND;
/** How long a fault waits for the cluster to have recovered from the one before. */
const SETTLE_NS_MAX = 10 * SECOND;
/** Between the heal of one fault and the start of the next, when the plan has run late. */
const BREATH_NS = SECOND;
/** A fault of a schedule is prepared so long before its time. */
const PREPARATION_NS = 100 * MILLISECOND;

export interface NemesisRunnerOptions extends InjectionPorts {
  readonly nemeses: ReadonlyMap<string, Nemesis>;
  readonly plan: readonly PlannedFault[];
  readonly log: (event: ClusterEvent) => void;
  /** No fault starts later than this; those of a schedule do, when it says so. */
  readonly latestNs: number;
}

/** A fault that is in force. */
export interface ActiveFault {
  readonly kind: string;
  readonly shape: string;
  readonly victims: readonly NodeId[];
}

/** What is known of one planned fault, before the operations of its victims are counted. */
type Progress = Exclude<FaultRecord, { outcome: 'injected' }> | InjectedProgress;

/**
 * Executes a plan of faults, one after the other. Faults that a schedule has resolved keep their times
 * to themselves: neither a slow heal nor a cluster that has not settled moves them.
 */
export class NemesisRunner {
  readonly #options: NemesisRunnerOptions;
  readonly #progress: Progress[] = [];
  #active: ActiveFault | undefined;
  /** When the last heal was done. */
  #healedNs: number;

  constructor(options: NemesisRunnerOptions) {
    this.#options = options;
    this.#healedNs = options.beganNs;
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
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    // What goes wrong with one of them ends the others; the first error is the one to tell.
    const note = (error: unknown): void => failed.abort(error);
    const scheduled: Promise<void>[] = [];
    let previousEndNs = 0;
    for (const [fault, planned] of this.#options.plan.entries()) {
      const step = this.#step(fault, planned);
      if (planned.resolved !== undefined) {
        scheduled.push(this.#replay(step, stop).catch(note));
      } else {
        await Promise.all(scheduled);
        // A fault that was held longer than planned pushes the next ones on; they never overlap.
        const gapNs = Math.min(BREATH_NS, planned.atNs - previousEndNs);
        const earliestNs = fault === 0 ? 0 : this.#healedNs + gapNs;
        await this.#inTurn(step, earliestNs, stop).catch(note);
      }
      previousEndNs = planned.atNs + planned.durationNs;
    }
    await Promise.all(scheduled);
    if (failed.signal.aborted) throw failed.signal.reason;
    return this.#healedNs;
  }

  /** What became of every fault. Complete when the clients have stopped. */
  records(): readonly FaultRecord[] {
    const { cluster, windows } = this.#options;
    return this.#progress
      .toSorted((a, b) => a.fault - b.fault)
      .map((one) => {
        if (one.outcome !== 'injected') return one;
        const asked = windows.asked(one.fault);
        const record = { ...one, victimOperations: windows.operations(one.fault), asked };
        // Of nodes that have no vote nobody is asked.
        const voters = one.voters ?? cluster.nodes;
        if (!hasOthers(voters.map(nodeId), one.victims)) return record;
        return { ...record, otherOperations: windows.otherOperations(one.fault) };
      });
  }

  #step(fault: number, planned: PlannedFault): Step {
    const nemesis = defined(this.#options.nemeses.get(planned.kind), 'a plan names known kinds');
    const shape = defined(shapeOf(nemesis, planned.shape), 'a plan names known shapes');
    return { fault, planned, nemesis, shape };
  }

  /** A fault of a plan: when its time has come, the cluster has settled and its victims are known. */
  async #inTurn(step: Step, earliestNs: number, signal: AbortSignal): Promise<void> {
    const { clock, observer, beganNs, latestNs } = this.#options;
    const atNs = Math.max(beganNs + step.planned.atNs, earliestNs);
    if (atNs <= latestNs) {
      await clock.sleep(Math.max(0, atNs - clock.now()), signal);
      // A node that is still coming back from the last fault must not pass as evidence for this one.
      const leftNs = Math.min(SETTLE_NS_MAX, latestNs - clock.now());
      await observer.until(() => observer.isSettled(), leftNs, signal);
    }
    if (signal.aborted || atNs > latestNs) return this.#skip(step);
    const askedNs = clock.now();
    const hit = await this.#resolve(step, signal);
    if (hit !== undefined) return this.#execute(step, hit, signal);
    if (signal.aborted) return this.#skip(step);
    const waitedNs = clock.now() - askedNs;
    const { voters } = observer.view();
    const tooFew = voters.length < step.shape.nodesMin ? { voters } : {};
    this.#progress.push({ ...nameOf(step), outcome: 'unresolved', waitedNs, ...tooFew });
  }

  /** A fault of a schedule: at its time, whatever state the cluster is in. */
  async #replay(step: Step, signal: AbortSignal): Promise<void> {
    const { clock, observer, beganNs } = this.#options;
    const { atNs, resolved } = step.planned;
    const notBeforeNs = beganNs + atNs;
    await clock.sleep(Math.max(0, notBeforeNs - PREPARATION_NS - clock.now()), signal);
    if (signal.aborted) return this.#skip(step);
    const known = defined(resolved, 'a schedule has resolved its faults');
    await this.#execute(
      step,
      { resolved: known, termBefore: observer.termMax, notBeforeNs },
      signal,
    );
  }

  async #execute(step: Step, hit: Hit, signal: AbortSignal): Promise<void> {
    const { clock, log, recordEvent } = this.#options;
    const { planned, fault } = step;
    const { victims, value } = hit.resolved;
    log({ time: clock.now(), type: 'inject', ...nameOf(step), victims, value });
    const active = { kind: planned.kind, shape: planned.shape, victims };
    const injection = new FaultInjection(this.#options, step, hit, {
      begin: () => (this.#active = active),
      // The heal of one may still be under way when the next begins.
      end: () => (this.#active = this.#active === active ? undefined : this.#active),
    });
    try {
      const wasInjected = await injection.run(signal);
      if (wasInjected) recordEvent(planned.kind, { phase: 'heal', fault });
      else this.#skip(step);
    } finally {
      // Also when it did not heal: what was seen until then tells why.
      const progress = injection.progress();
      if (progress !== undefined) this.#progress.push(progress);
    }
    this.#healedNs = Math.max(this.#healedNs, clock.now());
  }

  #skip(step: Step): void {
    this.#progress.push({ ...nameOf(step), outcome: 'skipped' });
  }

  /**
   * Asks for victims until there are some. The seed makes them the same at every attempt. Each attempt
   * asks the nodes anew: a leader known for a second may have lost its office in the meantime.
   */
  async #resolve({ planned, shape }: Step, signal: AbortSignal): Promise<Hit | undefined> {
    const { clock, observer } = this.#options;
    const deadlineNs = clock.now() + RESOLVE_NS_MAX;
    for (;;) {
      await observer.refresh();
      if (signal.aborted) return undefined;
      const view = observer.view();
      // Fewer vote than in the beginning where a change of the members was not healed.
      const isPossible = view.voters.length >= shape.nodesMin;
      const resolved = isPossible ? shape.resolve(view, makeRandom(planned.seed)) : undefined;
      if (resolved !== undefined) return { resolved, termBefore: observer.termMax };
      const leftNs = deadlineNs - clock.now();
      if (leftNs <= 0) return undefined;
      await clock.sleep(Math.min(RESOLVE_STEP_NS, leftNs), signal);
    }
  }
}
