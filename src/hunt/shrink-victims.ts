import type { Json } from '../../checker/index.ts';
import { nodesOf, type ScheduledFault } from './scenario.ts';
import type { Candidate, Failing } from './shrink-candidate.ts';

/** Where a fault of the simulation says whom it hits. */
const FIELDS: ReadonlySet<string> = new Set(['victims', 'of']);

/** A node that is named is read more easily than `the leader`, and one more easily than several. */
export function* nameVictims(best: () => Failing): Generator<Candidate, void, boolean> {
  yield* pinned(best);
  for (let at = 0; at < best().scenario.faults.length; at++) {
    for (const node of nodesOf(best().scenario)) {
      const { scenario } = best();
      const fault = scenario.faults[at];
      if (fault === undefined || fault.what.type === 'nemesis') break;
      const what = onlyOn(fault.what as unknown as Json, node) as unknown as typeof fault.what;
      if (JSON.stringify(what) === JSON.stringify(fault.what)) break;
      const faults = scenario.faults.with(at, { ...fault, what });
      const isTaken = yield {
        what: 'a named victim',
        scenario: { ...scenario, faults },
        isSimpler: true,
      };
      if (isTaken) break;
    }
  }
}

/** What shapes of `nemesis/` made of the faults in this run. */
function* pinned(best: () => Failing): Generator<Candidate, void, boolean> {
  const { scenario, result } = best();
  let isNew = false;
  const faults = scenario.faults.map((fault): ScheduledFault => {
    const { what } = fault;
    if (what.type !== 'nemesis' || what.pinned !== undefined) return fault;
    const resolved = result.injected.find((one) => one.fault === fault)?.resolved;
    if (resolved === undefined) return fault;
    isNew = true;
    const { victims, value } = resolved;
    return { ...fault, what: { ...what, pinned: { victims, value } } };
  });
  if (isNew) yield { what: 'named victims', scenario: { ...scenario, faults }, isSimpler: true };
}

/** Whom it hits is this one node, unless it is one that is named. */
function onlyOn(json: Json, node: string): Json {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, value = null]: [string, Json | undefined]) => {
      if (!FIELDS.has(name)) return [name, onlyOn(value, node)];
      return [name, Array.isArray(value) && value.length === 1 ? value : [node]];
    }),
  );
}
