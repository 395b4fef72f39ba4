import { availableParallelism } from 'node:os';
import { MILLISECOND } from '../lib/duration.ts';
import { addCounts, type Counts, noCounts } from '../sim/coverage.ts';
import type { LivenessFigures } from '../sim/liveness.ts';
import type { Violation } from '../sim/violation.ts';
import { Lane } from './pool.ts';
import type { SeedOutcome } from './run-seed.ts';
import type { Scenario } from './scenario.ts';
import { type Constraints, drawScenario } from './swarm.ts';

export interface HuntProgress {
  /** Seeds that came to their end. */
  readonly done: number;
  /** Of those, and of what is under way. */
  readonly simulatedNs: number;
  readonly wallNs: number;
}

export interface HuntOptions {
  /** In the order in which they are to be tried; may go on for ever when there is a budget. */
  readonly seeds: Iterable<string>;
  readonly constraints?: Constraints | undefined;
  /** Name of a planted one: it is to be found. */
  readonly defect?: string | undefined;
  /** Default: one per core. */
  readonly threads?: number | undefined;
  /** Ends everything at once; what came to its end counts. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: HuntProgress) => void) | undefined;
  /** Wall time after which no other seed begins. */
  readonly budgetNs?: number | undefined;
  /** The threads' program; a test's own. */
  readonly program?: URL | undefined;
  /** How long a thread may be silent before it counts as stuck. */
  readonly patienceNs?: number | undefined;
}

export interface HuntFailure {
  readonly seed: string;
  readonly scenario: Scenario;
  readonly violation: Violation;
}

export interface HuntResult {
  /** Seeds that came to their end; up to the failing one, when one failed. */
  readonly ran: number;
  /** The first in the order of the seeds. */
  readonly firstFailure: HuntFailure | undefined;
  readonly simulatedNs: number;
  readonly cpuNs: number;
  readonly wallNs: number;
  readonly events: number;
  readonly operations: number;
  /** How often each thing happened, by the names of `COVERAGE`. */
  readonly coverage: Counts;
  /** Of all runs: sums, and the longest time without a leader. */
  readonly liveness: LivenessFigures;
  /** Keys that could not be decided. */
  readonly undecided: number;
  readonly isInterrupted: boolean;
  /** One per seed, in order. */
  readonly outcomes: readonly SeedOutcome[];
}

/**
 * Runs seeds on several threads until one fails, all are through, or the time is up. Which seed is
 * reported, and the sums up to it, do not depend on the number of threads: seeds begin in order, so those
 * before the failing one have begun, and are finished first.
 *
 * @throws what `Lane.run` throws, of the first seed that fails so
 */
export async function hunt(options: HuntOptions): Promise<HuntResult> {
  const began = performance.now();
  const wallNs = (): number => Math.round((performance.now() - began) * MILLISECOND);
  const search = new Search(options, wallNs);
  await using lanes = new AsyncDisposableStack();
  const threads = Math.max(1, options.threads ?? availableParallelism());
  const working = Array.from({ length: threads }, async (_, number) => {
    const lane = new Lane({
      constraints: options.constraints ?? {},
      defect: options.defect,
      onProgress: (simulatedNs) => search.progressed(number, simulatedNs),
      program: options.program,
      patienceNs: options.patienceNs,
    });
    lanes.use(lane);
    await search.work(number, lane);
  });
  await Promise.race([Promise.all(working), search.ended]);
  return search.result();
}

interface Ended {
  readonly index: number;
  readonly outcome: SeedOutcome;
}

/** What is known so far, and who does what. */
class Search {
  readonly #options: HuntOptions;
  readonly #wallNs: () => number;
  readonly #seeds: Iterator<string>;
  #taken = 0;
  /** The least index of a seed that failed. */
  #failed = Infinity;
  /** What a run threw, by that index. */
  #error: { readonly index: number; readonly error: unknown } | undefined;
  readonly #ended: Ended[] = [];
  /** By lane: which seed, and how far it has come. */
  readonly #underWay = new Map<number, { readonly index: number; simulatedNs: number }>();
  readonly #over = Promise.withResolvers<void>();

  constructor(options: HuntOptions, wallNs: () => number) {
    this.#options = options;
    this.#wallNs = wallNs;
    this.#seeds = options.seeds[Symbol.iterator]();
    const { signal } = options;
    if (signal?.aborted === true) this.#over.resolve();
    signal?.addEventListener('abort', () => this.#over.resolve(), { once: true });
  }

  /** Resolves when what is under way cannot matter any more, or nobody wants it. */
  get ended(): Promise<void> {
    return this.#over.promise;
  }

  async work(number: number, lane: Lane): Promise<void> {
    for (;;) {
      const seed = this.#next();
      if (seed === undefined) return;
      const index = this.#taken++;
      this.#underWay.set(number, { index, simulatedNs: 0 });
      try {
        const outcome = await lane.run(seed);
        this.#ended.push({ index, outcome });
        if (outcome.violation !== undefined) this.#failed = Math.min(this.#failed, index);
      } catch (error) {
        if (index < this.#failed) this.#error = { index, error };
        this.#failed = Math.min(this.#failed, index);
      }
      this.#underWay.delete(number);
      this.#tell();
      if (this.#isSettled()) this.#over.resolve();
    }
  }

  progressed(number: number, simulatedNs: number): void {
    const underWay = this.#underWay.get(number);
    if (underWay === undefined) return;
    underWay.simulatedNs = simulatedNs;
    this.#tell();
  }

  result(): HuntResult {
    if (this.#error?.index === this.#failed) throw this.#error.error;
    const counted = this.#ended
      .filter(({ index }) => index <= this.#failed)
      .toSorted((a, b) => a.index - b.index)
      .map(({ outcome }) => outcome);
    const sum = (of: (outcome: SeedOutcome) => number): number =>
      counted.reduce((total, outcome) => total + of(outcome), 0);
    const coverage = noCounts();
    for (const outcome of counted) addCounts(coverage, outcome.coverage);
    const last = counted.at(-1);
    const { constraints, signal } = this.#options;
    return {
      ran: counted.length,
      firstFailure:
        last?.violation === undefined
          ? undefined
          : {
              seed: last.seed,
              scenario: drawScenario(last.seed, constraints),
              violation: last.violation,
            },
      simulatedNs: sum(({ simulatedNs }) => simulatedNs),
      cpuNs: sum(({ cpuNs }) => cpuNs),
      wallNs: this.#wallNs(),
      events: sum(({ events }) => events),
      operations: sum(({ operations }) => operations),
      coverage,
      liveness: {
        requests: sum(({ liveness }) => liveness.requests),
        failedRequests: sum(({ liveness }) => liveness.failedRequests),
        elections: sum(({ liveness }) => liveness.elections),
        needlessElections: sum(({ liveness }) => liveness.needlessElections),
        leaderlessNsMax: counted.reduce(
          (max, { liveness }) => Math.max(max, liveness.leaderlessNsMax),
          0,
        ),
      },
      undecided: sum(({ undecided }) => undecided),
      isInterrupted: signal?.aborted === true,
      outcomes: counted,
    };
  }

  #next(): string | undefined {
    const { budgetNs = Infinity, signal } = this.#options;
    if (signal?.aborted === true || this.#failed < Infinity) return undefined;
    if (this.#wallNs() >= budgetNs) return undefined;
    const next = this.#seeds.next();
    return next.done === true ? undefined : next.value;
  }

  /** A seed failed, and all before it have ended. */
  #isSettled(): boolean {
    if (this.#failed === Infinity) return false;
    return this.#underWay.values().every(({ index }) => index > this.#failed);
  }

  #tell(): void {
    const { onProgress } = this.#options;
    if (onProgress === undefined) return;
    let simulatedNs = 0;
    for (const { outcome } of this.#ended) simulatedNs += outcome.simulatedNs;
    for (const underWay of this.#underWay.values()) simulatedNs += underWay.simulatedNs;
    onProgress({ done: this.#ended.length, simulatedNs, wallNs: this.#wallNs() });
  }
}
