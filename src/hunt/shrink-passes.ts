import { MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Scenario, ScheduledFault, ScheduledOperation } from './scenario.ts';
import type { Candidate, Failing, Pass } from './shrink-candidate.ts';
import { fewerNodes, fewerSpares } from './shrink-nodes.ts';
import { plainProfile } from './shrink-profile.ts';
import { cutTime, edges, rounded } from './shrink-time.ts';
import { nameVictims } from './shrink-victims.ts';

/** What takes away most comes first: the runs after it are cheap. */
export const PASSES: readonly Pass[] = [
  stopAtViolation,
  onlyTheEnd,
  fewerFaults,
  cutHalves,
  nameOperations,
  fewerOperations,
  fewerNodesPass,
  cutGaps,
  shorterFaults,
  fewerClients,
  plainProfile,
  plainLoad,
  nameVictims,
];

/** Once, at the end: it makes nothing smaller, and what does would undo it. */
export const LAST_PASSES: readonly Pass[] = [roundTimes];

/** What would have begun after the violation. */
function* stopAtViolation(best: () => Failing): Generator<Candidate, void, boolean> {
  const { scenario, result } = best();
  const { violation, verdict, clientsBeganNs } = result;
  if (violation === undefined || verdict !== undefined) {
    yield* shorter(best);
    return;
  }
  const durationNs = Math.max(MILLISECOND, Math.ceil(violation.atNs - clientsBeganNs));
  if (durationNs >= scenario.durationNs) return;
  yield {
    what: 'no more after the violation',
    scenario: until(scenario, durationNs),
    isSimpler: true,
  };
}

/** What seeds of one end may cost together, in runs of the whole. */
const END_RUNS = 12;
/** What every run has beside the schedule: a first election, and the time after the last heal. */
const BESIDE_MS = 1500;
const END_SEEDS_MAX = 300;

/**
 * The last so many milliseconds, as a run of its own. What came long before has rarely to do with it; but
 * without that it is another run, and only some seeds of it fail.
 */
function* onlyTheEnd(best: () => Failing): Generator<Candidate, void, boolean> {
  for (const ms of [250, 500, 1000, 2000, 4000, 8000, 16_000]) {
    const { scenario, result } = best();
    if (result.violation === undefined) return;
    const endNs = Math.min(scenario.durationNs, result.violation.atNs - result.clientsBeganNs);
    const fromNs = Math.max(0, endNs - ms * MILLISECOND);
    if (fromNs < scenario.durationNs / 4) return;
    const wholeMs = BESIDE_MS + scenario.durationNs / MILLISECOND;
    const isTaken = yield {
      what: `only the last ${ms} ms`,
      scenario: cutTime(scenario, { fromNs: 0, toNs: fromNs }),
      seeds: Math.min(END_SEEDS_MAX, Math.ceil((END_RUNS * wholeMs) / (BESIDE_MS + ms))),
    };
    if (isTaken) return;
  }
}

/** Of a history that is judged at the end. */
function* shorter(best: () => Failing): Generator<Candidate, void, boolean> {
  for (const share of [1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 7 / 8, 15 / 16]) {
    const { scenario } = best();
    const durationNs = Math.ceil(scenario.durationNs * share);
    const isTaken = yield { what: `${share} of the time`, scenario: until(scenario, durationNs) };
    if (isTaken) return;
  }
}

function until(scenario: Scenario, durationNs: number): Scenario {
  const { load, faults } = scenario;
  const begins = ({ atNs }: { readonly atNs: number }): boolean => atNs < durationNs;
  return {
    ...scenario,
    durationNs,
    faults: faults.filter(begins).map((fault) => ({
      ...fault,
      durationNs: Math.min(fault.durationNs, durationNs - fault.atNs),
    })),
    load:
      load.operations === undefined
        ? load
        : { ...load, operations: load.operations.filter(begins) },
  };
}

function* fewerFaults(best: () => Failing): Generator<Candidate, void, boolean> {
  yield* thinned<ScheduledFault>('faults', {
    list: () => best().scenario.faults,
    having: (faults) => ({ ...best().scenario, faults }),
  });
}

/** What clients did becomes a list, of which single ones can be left out. */
function* nameOperations(best: () => Failing): Generator<Candidate, void, boolean> {
  const { scenario, result } = best();
  if (scenario.load.operations !== undefined) return;
  const operations = result.history.flatMap(
    ({ type, time, node, f, key, value }): readonly ScheduledOperation[] => {
      const atNs = time - result.clientsBeganNs;
      if (type !== 'invoke' || node === undefined || atNs >= scenario.durationNs) return [];
      return [{ atNs, node, f, ...(key === undefined ? {} : { key }), value }];
    },
  );
  const load = { ...scenario.load, operations };
  // It takes nothing away by itself, but lets single ones go: worth a search.
  yield { what: 'named operations', scenario: { ...scenario, load }, isSimpler: true, share: 0.5 };
}

function* fewerOperations(best: () => Failing): Generator<Candidate, void, boolean> {
  yield* thinned<ScheduledOperation>('operations', {
    list: () => best().scenario.load.operations ?? [],
    having: (operations) => ({
      ...best().scenario,
      load: { ...best().scenario.load, operations },
    }),
  });
}

/** ddmin (Zeller & Hildebrandt 2002), by complements: all at once, then halves, down to single ones. */
function* thinned<T>(
  what: string,
  of: { readonly list: () => readonly T[]; readonly having: (list: readonly T[]) => Scenario },
): Generator<Candidate, void, boolean> {
  for (let size = of.list().length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    // From the end: what comes late moves the least.
    let end = of.list().length;
    while (end > 0) {
      const list = of.list();
      const start = Math.max(0, end - size);
      const rest = [...list.slice(0, start), ...list.slice(end)];
      const gone = list.length - rest.length;
      yield {
        what: `without ${gone} ${what}`,
        scenario: of.having(rest),
        share: gone / list.length / 2,
      };
      end = start;
    }
  }
}

/** The same stretches of time for everything. */
function* cutHalves(best: () => Failing): Generator<Candidate, void, boolean> {
  for (let parts = 2; parts <= 32; parts *= 2) {
    const lengthNs = Math.ceil(best().scenario.durationNs / parts);
    if (lengthNs < 10 * MILLISECOND) return;
    let fromNs = 0;
    while (fromNs < best().scenario.durationNs) {
      const { scenario } = best();
      const toNs = Math.min(fromNs + lengthNs, scenario.durationNs);
      const isTaken = yield {
        what: `without ${seconds(toNs - fromNs)} of time`,
        scenario: cutTime(scenario, { fromNs, toNs }),
        share: shareOf(toNs - fromNs, scenario),
      };
      if (!isTaken) fromNs += lengthNs;
    }
  }
}

/** Many of them are nothing a person would count. */
const EDGES_MAX = 60;

/** The time between two things of the schedule: all of it, or most, or half. */
function* cutGaps(best: () => Failing): Generator<Candidate, void, boolean> {
  for (let at = edges(best().scenario).length - 1; at > 0; at--) {
    for (const kept of [0, 0.1, 0.5]) {
      const { scenario } = best();
      const times = edges(scenario);
      if (times.length > EDGES_MAX) return;
      const [fromNs, toNs] = [times[at - 1], times[at]];
      if (fromNs === undefined || toNs === undefined || toNs - fromNs < MILLISECOND) break;
      const keptNs = Math.ceil((toNs - fromNs) * kept);
      const isTaken = yield {
        what: `a pause of ${seconds(toNs - fromNs)} less`,
        scenario: cutTime(scenario, { fromNs: fromNs + keptNs, toNs }),
        share: shareOf(toNs - fromNs - keptNs, scenario),
      };
      if (isTaken) break;
    }
  }
}

function* shorterFaults(best: () => Failing): Generator<Candidate, void, boolean> {
  for (let at = best().scenario.faults.length - 1; at >= 0; at--) {
    for (const share of [0.1, 0.5, 0.8]) {
      const { scenario } = best();
      const fault = scenario.faults[at];
      if (fault === undefined || fault.durationNs < 10 * MILLISECOND) break;
      const durationNs = Math.ceil(fault.durationNs * share);
      const faults = scenario.faults.with(at, { ...fault, durationNs });
      yield { what: 'a shorter fault', scenario: { ...scenario, faults } };
    }
  }
}

/** For loads whose operations cannot be named. */
function* fewerClients(best: () => Failing): Generator<Candidate, void, boolean> {
  const { load } = best().scenario;
  if (load.operations !== undefined) return;
  for (const concurrency of [1, 2, Math.ceil(load.concurrency / 2)]) {
    const { scenario } = best();
    if (concurrency >= scenario.load.concurrency) break;
    const isTaken = yield {
      what: `${concurrency} clients`,
      scenario: { ...scenario, load: { ...scenario.load, concurrency } },
    };
    if (isTaken) break;
  }
  for (const share of [0.1, 0.5]) {
    const { scenario } = best();
    const { ratePerSecond } = scenario.load;
    if (ratePerSecond === null || ratePerSecond < 1) break;
    const slower = { ...scenario.load, ratePerSecond: ratePerSecond * share };
    const isTaken = yield {
      what: 'fewer operations per second',
      scenario: { ...scenario, load: slower },
    };
    if (isTaken) break;
  }
}

function* fewerNodesPass(best: () => Failing): Generator<Candidate, void, boolean> {
  while ((best().scenario.spares ?? 0) > 0) {
    const isTaken = yield { what: 'a spare less', scenario: fewerSpares(best().scenario) };
    if (!isTaken) break;
  }
  const { nodes } = best().scenario;
  // Three first: two is a strange cluster, and one has no peers.
  for (const count of new Set([3, 2, 1, 4, 5, 6])) {
    if (count >= nodes || count >= best().scenario.nodes) continue;
    for (const scenario of fewerNodes(best().scenario, count)) {
      const share = (nodes - count) / nodes;
      const isTaken = yield { what: `${count} nodes`, scenario, share };
      if (isTaken) break;
    }
  }
}

/** What means nothing any more where operations are named. */
function* plainLoad(best: () => Failing): Generator<Candidate, void, boolean> {
  const { scenario } = best();
  const { workload, operations } = scenario.load;
  if (operations === undefined) return;
  const plain = { concurrency: 1, keyOps: 100, values: null, settings: {}, ratePerSecond: null };
  const load = { workload, ...plain, deadlineNs: SECOND, operations };
  if (JSON.stringify(load) === JSON.stringify(scenario.load)) return;
  yield { what: 'a plainer load', scenario: { ...scenario, load }, isSimpler: true };
}

/** Numbers that a person can read. */
function* roundTimes(best: () => Failing): Generator<Candidate, void, boolean> {
  for (const unitNs of [10 * MILLISECOND, MILLISECOND]) {
    const { scenario } = best();
    const isRound = (ns: number): boolean => ns % unitNs === 0;
    if (edges(scenario).every(isRound)) return;
    const isTaken = yield {
      what: 'round times',
      scenario: rounded(scenario, unitNs),
      isSimpler: true,
    };
    if (isTaken) return;
  }
}

/** Of a run, when so much time of its schedule is cut. */
function shareOf(cutNs: number, { durationNs }: Scenario): number {
  return cutNs / (durationNs + BESIDE_MS * MILLISECOND);
}

function seconds(ns: number): string {
  return `${(ns / 1e9).toFixed(3)} s`;
}
