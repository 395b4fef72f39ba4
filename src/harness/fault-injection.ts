import type { Json } from '../../checker/index.ts';
import type { Clock } from '../contracts/clock.ts';
import type { AdminRequest, Cluster, HookCall } from '../contracts/cluster.ts';
import type { NodeId } from '../contracts/names.ts';
import type {
  ClusterView,
  Nemesis,
  NemesisShape,
  PlannedFault,
  ResolvedFault,
} from '../contracts/nemesis.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { firstError } from '../lib/first-error.ts';
import { UserError } from '../lib/user-error.ts';
import type { ElectionEvidence, FaultRecord, LinkEvidence } from '../rundir/cluster-log.ts';
import { hasShown } from './fault-gates.ts';
import type { FaultWindows } from './fault-windows.ts';
import { LinkWatch } from './link-watch.ts';
import type { ClusterObservations } from './observer.ts';
import { openPaths } from './open-paths.ts';
import { requestsOf, type SteeringEvidence, SteeringWatch } from './steering-watch.ts';

/** Both sides of a cut serve for so long after the election, so that a stale one is caught. */
const BOTH_SIDES_SERVE_NS = 2 * SECOND;
/** A busy machine may inject a fault of a schedule so late; its heal makes up for that. */
const LATE_NS_MAX = 100 * MILLISECOND;
/** How often a fault that has lasted long enough is looked at, for whether it has shown that it bites. */
const LOOK_NS = 50 * MILLISECOND;
/** One that had to be held lasts so much longer: repeated at these times to 100 ms, it shows again. */
const MARGIN_NS = 200 * MILLISECOND;
/** A fault is held for its evidence so many election timeouts at most: split votes may need a few. */
export const ELECTION_TIMEOUTS_MAX = 5;

/** What an injection works with. */
export interface InjectionPorts {
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly observer: ClusterObservations;
  /** Writes an event of the nemesis to the history. @returns its time */
  readonly recordEvent: (f: string, value: Json) => number;
  readonly windows: FaultWindows;
  /** The longest a healthy cluster needs to notice a dead leader. */
  readonly electionTimeoutNsMax: number;
  /** When clients began: the plan counts from there. */
  readonly beganNs: number;
  /** Told when a fault is in force, from before its injection to the end of its heal. */
  readonly phases?: FaultListener;
}

/** Wants to know when faults are in force. Times in nanoseconds since the run began. */
export interface FaultListener {
  /** @param name - `partition:leader-minority` */
  began(fault: number, name: string, timeNs: number): void;
  healed(fault: number, timeNs: number): void;
}

/** A planned fault, and the nemesis that does it. */
export interface Step {
  readonly fault: number;
  readonly planned: PlannedFault;
  readonly nemesis: Nemesis;
  readonly shape: NemesisShape;
}

/** Whom a fault will hit. */
export interface Hit {
  readonly resolved: ResolvedFault;
  /** Highest term seen when that was decided. */
  readonly termBefore: number;
  /** Not to be injected before: a fault of a schedule is prepared a little earlier. */
  readonly notBeforeNs?: number;
}

/** What is known of an injected fault, before the operations of its victims are counted. */
export type InjectedProgress = Omit<
  Extract<FaultRecord, { outcome: 'injected' }>,
  'victimOperations' | 'otherOperations' | 'asked'
>;

/** What looks at a fault while it is in force. */
interface Watches {
  readonly links: LinkWatch | undefined;
  readonly steering: SteeringWatch | undefined;
}

/** What happened to it. Times in nanoseconds since the run began. */
interface Seen {
  readonly begunNs: number;
  readonly startedNs: number;
  readonly releasedNs: number;
  readonly healedNs: number;
  readonly election: ElectionEvidence | null;
  readonly links: LinkEvidence | undefined;
  readonly steering: SteeringEvidence | undefined;
}

/** Whether there are nodes, of these, that it does not hit. */
export function hasOthers(nodes: readonly NodeId[], victims: readonly string[]): boolean {
  return nodes.some((node) => !victims.includes(node));
}

export function nameOf({ fault, planned: { kind, shape } }: Step): {
  readonly fault: number;
  readonly kind: string;
  readonly shape: string;
} {
  return { fault, kind, shape };
}

/** One fault from its injection to its heal. */
export class FaultInjection {
  readonly #ports: InjectionPorts;
  readonly #step: Step;
  readonly #hit: Hit;
  readonly #onActive: { readonly begin: () => void; readonly end: () => void };
  readonly #pidsBefore: readonly (number | undefined)[];
  readonly #before: ClusterView;
  #seen: Seen | undefined;
  #hook: readonly HookCall[] | undefined;
  /** All of them, those of the heal as well. */
  #requests: readonly AdminRequest[] | undefined;

  /** @param onActive - told when the fault is in force, and when its heal begins */
  constructor(
    ports: InjectionPorts,
    step: Step,
    hit: Hit,
    onActive: { readonly begin: () => void; readonly end: () => void },
  ) {
    this.#onActive = onActive;
    this.#ports = ports;
    this.#step = step;
    this.#hit = hit;
    this.#pidsBefore = this.#pids();
    this.#before = ports.observer.view();
  }

  /**
   * Injects, holds and heals. The heal is a disposal: it happens whatever the holding does.
   *
   * @param signal - ends the holding
   * @returns false when that came before its time, and nothing was injected
   * @throws UserError (`infrastructure`, GONG-E034) when it does not take effect or does not heal
   */
  async run(signal: AbortSignal): Promise<boolean> {
    const { clock, cluster, observer, recordEvent, windows, phases } = this.#ports;
    const { resolved, notBeforeNs = 0 } = this.#hit;
    const { fault, planned, nemesis } = this.#step;
    const watch = await this.#watchLinks();
    await clock.sleep(Math.max(0, notBeforeNs - clock.now()), signal);
    if (signal.aborted) return false;
    await using healing = new AsyncDisposableStack();
    // Counted from before the injection: a cut bites a moment before it is known to be in force.
    const begunNs = clock.now();
    phases?.began(fault, `${planned.kind}:${planned.shape}`, begunNs);
    healing.defer(() => phases?.healed(fault, clock.now()));
    const injected = await this.#explained('take effect', () =>
      nemesis.inject(cluster, resolved, planned.shape),
    );
    healing.defer(async () => {
      const calls = 'calls' in injected ? (injected as Hooked).calls : undefined;
      const requests = requestsOf(injected);
      try {
        await this.#explained('heal', async () => injected[Symbol.asyncDispose]());
      } finally {
        if (calls !== undefined) this.#hook = [...calls];
        if (requests !== undefined) this.#requests = [...requests];
      }
    });
    this.#onActive.begin();
    healing.defer(() => this.#onActive.end());
    const { victims, value } = resolved;
    const fields = isRecord(value) ? value : { value };
    const start = { phase: 'start', fault, shape: planned.shape, victims, ...fields };
    const startedNs = recordEvent(planned.kind, start);
    windows.open(fault, { victims, startedNs, ...this.#lookedFor() });
    await this.#explained('take effect', async () => watch?.isInForce());
    const steering = await this.#watchSteering(injected);
    const election = await this.#hold({ begunNs, startedNs }, signal);
    if (planned.resolved === undefined)
      await this.#untilShown(startedNs, { links: watch, steering }, signal);
    const releasedNs = clock.now();
    const links = await this.#linksSeen(watch);
    if (steering !== undefined) await observer.refresh();
    const healedNs = clock.now();
    windows.close(fault, healedNs);
    const seen = { begunNs, startedNs, releasedNs, healedNs, election, links };
    this.#seen = { ...seen, steering: steering?.evidence() };
    return true;
  }

  /** What is known when it is over, or did not heal; undefined when it never took effect. */
  progress(): InjectedProgress | undefined {
    return this.#seen === undefined ? undefined : this.#record(this.#seen);
  }

  #record(seen: Seen): InjectedProgress {
    const { victims, leader, value } = this.#hit.resolved;
    const pidsAfter = this.#pids();
    return {
      ...nameOf(this.#step),
      outcome: 'injected',
      victims,
      leader: leader ?? null,
      leaderBefore: this.#before.leader ?? null,
      voters: this.#before.voters,
      value,
      atNs: seen.begunNs - this.#ports.beganNs,
      durationNs: seen.releasedNs - seen.begunNs,
      startedNs: seen.startedNs,
      healedNs: seen.healedNs,
      required: requiredOf(this.#step),
      election: seen.election,
      processes: victims.map((node, i) => ({
        node,
        pidBefore: this.#pidsBefore[i] ?? null,
        pidAfter: pidsAfter[i] ?? null,
      })),
      ...(seen.links === undefined ? {} : { links: seen.links }),
      ...(this.#hook === undefined ? {} : { hook: this.#hook }),
      ...seen.steering,
      ...(this.#requests === undefined ? {} : { requests: this.#requests }),
    };
  }

  /** What operations are asked beside whether they succeeded. */
  #lookedFor() {
    const { nemesis, shape } = this.#step;
    const { resolved } = this.#hit;
    const isCut = shape.evidence.some((one) => one === 'cut-off-side' || one === 'links-cut');
    const links = isCut ? nemesis.links?.(resolved) : undefined;
    const { nodes } = this.#ports.cluster;
    return {
      reaches: links === undefined ? undefined : openPaths(nodes, links),
      delayNs: shape.evidence.includes('slowed') ? delayOf(resolved.value) : undefined,
    };
  }

  /** Undefined for a fault that does not act on links. */
  async #watchLinks(): Promise<LinkWatch | undefined> {
    const control = this.#ports.cluster.links;
    const links = this.#step.nemesis.links?.(this.#hit.resolved);
    if (control === undefined || links === undefined) return undefined;
    return this.#explained('take effect', () => LinkWatch.begin(control, links));
  }

  /** Undefined for a fault that asks nothing of the cluster. */
  async #watchSteering(injected: AsyncDisposable): Promise<SteeringWatch | undefined> {
    const requests = requestsOf(injected);
    if (requests === undefined) return undefined;
    const watch = new SteeringWatch(this.#ports.observer, requests, this.#before.voters);
    await watch.isInForce();
    return watch;
  }

  /**
   * Holds a fault for its duration, and one that must bring an election until that is seen: healed
   * earlier, a split vote would fail the run at random. One of a schedule ends when the schedule says.
   */
  async #hold(
    { begunNs, startedNs }: { readonly begunNs: number; readonly startedNs: number },
    signal: AbortSignal,
  ): Promise<ElectionEvidence | null> {
    const { clock, observer, electionTimeoutNsMax } = this.#ports;
    const { planned } = this.#step;
    const { termBefore, resolved } = this.#hit;
    const query = { sinceNs: begunNs, termBefore, victims: resolved.victims };
    const election = (): ElectionEvidence | undefined => observer.election(query);
    if (planned.resolved !== undefined) {
      // At its time, also when the injection was a little late; it must not become much shorter for that.
      const lateNs = Math.min(begunNs - (this.#hit.notBeforeNs ?? begunNs), LATE_NS_MAX);
      const endNs = begunNs + planned.durationNs - lateNs;
      await clock.sleep(Math.max(0, endNs - clock.now()), signal);
      return election() ?? null;
    }
    await clock.sleep(planned.durationNs, signal);
    const required = requiredOf(this.#step);
    if (!required.includes('election')) return election() ?? null;
    const leftNs = startedNs + ELECTION_TIMEOUTS_MAX * electionTimeoutNsMax - clock.now();
    await observer.until(() => election() !== undefined, leftNs, signal);
    const seen = election();
    if (seen === undefined) return null;
    if (required.includes('cut-off-side')) {
      await clock.sleep(Math.max(0, seen.atNs + BOTH_SIDES_SERVE_NS - clock.now()), signal);
    }
    return seen;
  }

  /**
   * Holds a planned fault until it has shown that it bites: with few clients, at a low rate or on a
   * busy machine a short one may be over before anybody asked its victims, and fail the run at random.
   */
  async #untilShown(startedNs: number, watches: Watches, signal: AbortSignal): Promise<void> {
    const { clock, electionTimeoutNsMax } = this.#ports;
    const deadlineNs = startedNs + ELECTION_TIMEOUTS_MAX * electionTimeoutNsMax;
    for (let looks = 0; !signal.aborted && clock.now() < deadlineNs; looks++) {
      if (await this.#hasShown(startedNs, watches)) {
        if (looks > 0) await clock.sleep(MARGIN_NS, signal);
        return;
      }
      await clock.sleep(Math.min(LOOK_NS, Math.max(0, deadlineNs - clock.now())), signal);
    }
  }

  async #hasShown(startedNs: number, watches: Watches): Promise<boolean> {
    const { clock, windows } = this.#ports;
    const { fault } = this.#step;
    const links = await this.#linksSeen(watches.links);
    const steering = watches.steering?.evidence();
    const nowNs = clock.now();
    const { victims: victimOperations, others, asked } = windows.soFar(fault, nowNs);
    const seen = { begunNs: startedNs, startedNs, releasedNs: nowNs, healedNs: nowNs };
    const shown = this.#record({ ...seen, election: null, links, steering });
    const record = { ...shown, victimOperations, asked };
    return hasShown(
      hasOthers(this.#before.voters, record.victims)
        ? { ...record, otherOperations: others }
        : record,
    );
  }

  #linksSeen(watch: LinkWatch | undefined): Promise<LinkEvidence | undefined> {
    const { victims } = this.#hit.resolved;
    return this.#explained('show in the links', async () => watch?.evidence(victims));
  }

  #pids(): (number | undefined)[] {
    const { processes } = this.#ports.cluster;
    return this.#hit.resolved.victims.map((node: NodeId) => processes?.pid(node));
  }

  /** Gives an error of the cluster a code and a next step, unless it has its own. */
  async #explained<T>(
    what: 'take effect' | 'show in the links' | 'heal',
    act: () => Promise<T>,
  ): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const cause = firstError(error);
      if (cause instanceof UserError) throw cause;
      const { fault, kind, shape } = nameOf(this.#step);
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
}

/** A fault by script says what the script said. */
interface Hooked {
  readonly calls: readonly HookCall[];
}

/** A schedule hits the nodes that it names, whoever leads now: nobody need take over from them. */
function requiredOf({ planned, shape }: Step): NemesisShape['evidence'] {
  return planned.resolved === undefined
    ? shape.evidence
    : shape.evidence.filter((kind) => kind !== 'election');
}

/** `{"delayNs":200000000,…}`: what a fault that slows links says of itself. */
function delayOf(value: Json): number | undefined {
  const delayNs = isRecord(value) ? value['delayNs'] : undefined;
  return typeof delayNs === 'number' ? delayNs : undefined;
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
