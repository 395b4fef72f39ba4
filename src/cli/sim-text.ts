import type {
  DefectHunt,
  HuntResult,
  Scenario,
  ScenarioResult,
  ScheduleSize,
} from '../hunt/index.ts';
import { formatDuration, formatInstant, SECOND } from '../lib/duration.ts';
import type { Defect } from '../raft/defects/index.ts';
import type { LivenessFigures } from '../sim/liveness.ts';
import type { Violation } from '../sim/violation.ts';

/** Where everything about a failed run is; null where nothing could be written. */
export interface ToldFailure {
  readonly violation: Violation;
  /** The command that shows it again. */
  readonly again: string;
  readonly directory: string | null;
  readonly schedule: string | null;
  readonly shrunk:
    | {
        readonly file: string;
        readonly again: string;
        readonly before: ScheduleSize;
        readonly after: ScheduleSize;
        readonly tried: number;
      }
    | undefined;
  readonly trace: string | null;
  readonly history: string | null;
}

type Name = { readonly seed: string } | { readonly schedule: string };

const nameOf = (name: Name): string => ('seed' in name ? `seed ${name.seed}` : name.schedule);

/** One run that was asked for by itself. */
export function describeOne(
  name: Name,
  scenario: Scenario,
  run: ScenarioResult,
  traceFile: string | undefined,
): string {
  const { violation, simulatedNs, events, verdict, history } = run;
  const operations = history.filter(({ type }) => type === 'invoke').length;
  const lines = [
    `${nameOf(name)}  ${describeSize({ nodes: scenario.nodes, faults: scenario.faults.length, operations, events, simulatedNs })} simulated`,
  ];
  if (traceFile !== undefined) lines.push(`trace  ${traceFile}`);
  if (violation === undefined) {
    const undecided = verdict?.undecided.length ?? 0;
    lines.push(
      undecided > 0
        ? `UNKNOWN  no invariant broke; the history of ${undecided} keys was given up`
        : 'NOTHING BROKEN  every invariant held, and the history is linearizable',
    );
  }
  return `${lines.join('\n')}\n`;
}

/** One run that a signal ended. */
export function describeInterrupted(name: Name): string {
  return `${nameOf(name)}  NOTHING PROVED  it did not come to its end\n`;
}

/** What broke, and how to see it again. */
export function describeFailure(told: ToldFailure): string {
  const { violation, again, shrunk, trace, history, schedule } = told;
  const lines = [
    `BROKEN  ${violation.invariant} (${violation.section})`,
    `  ${violation.sentence}`,
    `  at ${formatInstant(violation.atNs)} of simulated time`,
    `again     ${again}`,
  ];
  if (shrunk !== undefined) {
    lines.push(
      `shrunk    ${describeSize(shrunk.before)}`,
      `       to ${describeSize(shrunk.after)}, in ${shrunk.tried} runs`,
      `          ${shrunk.again}`,
    );
  }
  if (shrunk === undefined && schedule !== null) lines.push(`schedule  ${schedule}`);
  if (trace !== null) lines.push(`trace     ${trace}`);
  if (history !== null) lines.push(`history   ${history}`);
  return `${lines.join('\n')}\n`;
}

function describeSize({ nodes, faults, operations, events, simulatedNs }: ScheduleSize): string {
  const counts = [
    counted(nodes, 'node'),
    counted(faults, 'fault'),
    counted(operations, 'operation'),
    counted(events, 'event'),
  ];
  return `${counts.join(', ')}, ${formatDuration(simulatedNs)}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Names that are told; the others are in the JSON. */
const NAMES_MAX = 8;

function describeCoverage({ coverage }: HuntResult, zero: readonly string[]): string {
  const counters = Object.keys(coverage).length;
  if (zero.length === 0) return `coverage  all of ${counters} counters were met`;
  const more = zero.length - NAMES_MAX;
  const names = zero.slice(0, NAMES_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
  return `coverage  ${counters - zero.length} of ${counters} counters were met; never ${names}`;
}

/**
 * What a hunt did.
 *
 * @param parts - `zero`: counters that no seed moved; `isLarge`: so many seeds that this is a failure;
 *   `corpus`: how many runs that once failed came first
 */
export function describeHunt(
  result: HuntResult,
  {
    zero,
    isLarge,
    corpus,
  }: { readonly zero: readonly string[]; readonly isLarge: boolean; readonly corpus: number },
): string {
  const { ran, simulatedNs, wallNs, cpuNs, operations, events, undecided, liveness } = result;
  const seconds = Math.round(simulatedNs / SECOND);
  const isClean = result.firstFailure === undefined && ran > 0;
  const lines = [
    `${ran} seeds  ${seconds} s simulated in ${formatDuration(wallNs)}, ` +
      `${Math.round(simulatedNs / Math.max(1, cpuNs))} per CPU second; ` +
      `${operations} operations, ${events} events`,
  ];
  if (corpus > 0) lines.push(`corpus  ${corpus} runs that once failed, first`);
  if (isClean) {
    const failed = (100 * liveness.failedRequests) / Math.max(1, liveness.requests);
    lines.push(
      `liveness  ${liveness.elections} elections, ${liveness.needlessElections} of them needless; ` +
        `${failed.toFixed(1)} % of requests failed; with a quorum connected at most ` +
        `${formatDuration(liveness.leaderlessNsMax)} without a leader`,
      describeCoverage(result, zero),
    );
  }
  if (undecided > 0) lines.push(`UNKNOWN  the histories of ${undecided} keys were given up`);
  if (result.isInterrupted) {
    lines.push('interrupted: seeds that had not come to their end do not count');
  }
  if (ran === 0) lines.push('NOTHING PROVED  no seed came to its end');
  else if (isClean && isLarge && zero.length > 0) {
    lines.push(`NOTHING PROVED  of what was never met: ${zero.join(', ')}`);
  } else if (isClean) {
    lines.push('NOTHING BROKEN  every invariant held, and every decided history is linearizable');
  }
  return `${lines.join('\n')}\n`;
}

/** What became of hunting one planted bug. */
export interface FoundDefect {
  readonly defect: string;
  readonly source: string;
  readonly clientSees: string;
  /** Null when it was not found. */
  readonly invariant: string | null;
  readonly seed: string | null;
  /** For `--sim-time`, beside the seed. */
  readonly simTimeNs: number | null;
  readonly seeds: number;
  readonly simulatedNs: number;
  readonly wallNs: number;
}

export function defectRow(defect: Defect, hunted: DefectHunt): FoundDefect {
  const { found, seeds, simulatedNs, wallNs } = hunted;
  return {
    defect: defect.name,
    source: defect.source,
    clientSees: defect.clientSees,
    invariant: found?.violation.invariant ?? null,
    seed: found?.seed ?? null,
    simTimeNs: found?.scenario.durationNs ?? null,
    seeds,
    simulatedNs,
    wallNs,
  };
}

/** A row for each: what found it, and what that cost. */
export function defectsTable(found: readonly FoundDefect[]): string {
  const rows = [
    ['DEFECT', 'FOUND BY', 'SEED', 'SEEDS', 'SIMULATED', 'WALL', 'SOURCE'],
    ...found.map((one) => [
      one.defect,
      one.invariant ?? 'NOT FOUND',
      one.seed ?? '-',
      String(one.seeds),
      formatDuration(one.simulatedNs),
      formatDuration(one.wallNs),
      one.source,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** What `gong sim --seeds … --json` prints; durations in nanoseconds. */
export interface HuntJson {
  readonly schema: 1;
  readonly seeds: number;
  readonly simulatedNs: number;
  readonly wallNs: number;
  readonly cpuNs: number;
  readonly operations: number;
  readonly events: number;
  readonly undecided: number;
  readonly interrupted: boolean;
  readonly liveness: LivenessFigures;
  readonly coverage: Readonly<Record<string, number>>;
  /** Counters of coverage that could have moved and did not. */
  readonly neverMet: readonly string[];
  /** Of all histories: the same on any number of threads. */
  readonly digest: string;
  readonly failure: FailureJson | null;
}

export interface FailureJson extends Omit<ToldFailure, 'shrunk'> {
  readonly seed: string | null;
  readonly shrunk: ToldFailure['shrunk'] | null;
}

export function huntJson(
  result: HuntResult,
  zero: readonly string[],
  told: ToldFailure | undefined,
): HuntJson {
  const { ran, simulatedNs, wallNs, cpuNs, operations, events, undecided, coverage } = result;
  return {
    schema: 1,
    seeds: ran,
    simulatedNs,
    wallNs,
    cpuNs,
    operations,
    events,
    undecided,
    interrupted: result.isInterrupted,
    liveness: result.liveness,
    coverage,
    neverMet: zero,
    digest: result.digest,
    failure: failureJson(told, result.firstFailure?.seed ?? null),
  };
}

/** What is printed when a run of the corpus fails again: no seed has run. */
export function corpusJson(told: ToldFailure): Pick<HuntJson, 'schema' | 'seeds' | 'failure'> {
  return { schema: 1, seeds: 0, failure: failureJson(told, null) };
}

function failureJson(told: ToldFailure | undefined, seed: string | null): FailureJson | null {
  if (told === undefined) return null;
  return { ...told, seed, shrunk: told.shrunk ?? null };
}

/** What `gong sim --seed … --json` prints. */
export interface OneJson {
  readonly schema: 1;
  readonly seed: string | null;
  readonly schedule: string | null;
  readonly simulatedNs: number;
  readonly events: number;
  readonly operations: number;
  readonly valid: boolean | 'unknown' | null;
  readonly coverage: Readonly<Record<string, number>>;
  readonly interrupted: boolean;
  readonly failure: FailureJson | null;
}

/** The same when a signal ended it: nothing of it counts. */
export function interruptedJson(
  name: Name,
): Pick<OneJson, 'schema' | 'seed' | 'schedule' | 'valid' | 'interrupted' | 'failure'> {
  const { seed, schedule } = namesOf(name);
  return { schema: 1, seed, schedule, valid: null, interrupted: true, failure: null };
}

function namesOf(name: Name): Pick<OneJson, 'seed' | 'schedule'> {
  return 'seed' in name
    ? { seed: name.seed, schedule: null }
    : { seed: null, schedule: name.schedule };
}

export function oneJson(name: Name, run: ScenarioResult, told: ToldFailure | undefined): OneJson {
  const { seed, schedule } = namesOf(name);
  return {
    schema: 1,
    seed,
    schedule,
    simulatedNs: run.simulatedNs,
    events: run.events,
    operations: run.history.filter(({ type }) => type === 'invoke').length,
    valid: run.verdict?.valid ?? null,
    coverage: run.coverage,
    interrupted: false,
    failure: failureJson(told, seed),
  };
}
