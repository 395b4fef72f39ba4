import type { Json } from '../../checker/index.ts';
import { nodesOf, type Scenario, type ScheduledFault } from './scenario.ts';

/**
 * The scenario that begins with so many nodes: as they are named, the last ones gone; and such that
 * those stay that faults name most. Spares stay. Who asked a node that is gone asks another one.
 */
export function fewerNodes(scenario: Scenario, count: number): readonly Scenario[] {
  const all = nodesOf({ nodes: scenario.nodes });
  const spares = nodesOf(scenario).slice(scenario.nodes);
  const mentions = new Map(all.map((name) => [name, 0]));
  for (const { what } of scenario.faults) {
    walk(what as unknown as Json, (text) => {
      const known = mentions.get(text);
      if (known !== undefined) mentions.set(text, known + 1);
    });
  }
  const byMentions = all.toSorted((a, b) => (mentions.get(b) ?? 0) - (mentions.get(a) ?? 0));
  const orders = byMentions.every((name, i) => name === all[i]) ? [all] : [all, byMentions];
  return orders.map((order) => ({
    ...withNodes(scenario, [...order.slice(0, count), ...spares]),
    nodes: count,
  }));
}

/** The scenario without its last spare. */
export function fewerSpares(scenario: Scenario): Scenario {
  const { spares = 0 } = scenario;
  return { ...withNodes(scenario, nodesOf(scenario).slice(0, -1)), spares: spares - 1 };
}

/** @param kept - they become `n1`, `n2`, … in this order */
function withNodes(scenario: Scenario, kept: readonly string[]): Scenario {
  const all = nodesOf(scenario);
  const renamed = new Map<string, string | undefined>(all.map((name) => [name, undefined]));
  for (const [i, name] of kept.entries()) renamed.set(name, `n${i + 1}`);
  const { load } = scenario;
  const operations = load.operations?.map((operation) => {
    const other = `n${(all.indexOf(operation.node) % kept.length) + 1}`;
    return { ...operation, node: renamed.get(operation.node) ?? other };
  });
  return {
    ...scenario,
    faults: scenario.faults.flatMap((fault): readonly ScheduledFault[] => {
      const what = rename(fault.what as unknown as Json, renamed);
      // SAFETY: of a fault's JSON only names of nodes were replaced, and items of its lists left out.
      return what === undefined ? [] : [{ ...fault, what: what as unknown as typeof fault.what }];
    }),
    load: operations === undefined ? load : { ...load, operations },
  };
}

/** Undefined where it names a node that is gone, but in a list: there it is left out. */
function rename(json: Json, renamed: ReadonlyMap<string, string | undefined>): Json | undefined {
  if (typeof json === 'string') return renamed.has(json) ? renamed.get(json) : json;
  if (Array.isArray(json)) return json.flatMap((item: Json) => listed(rename(item, renamed)));
  if (json === null || typeof json !== 'object') return json;
  const entries: [string, Json][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (value === undefined) continue;
    const changed = rename(value, renamed);
    if (changed === undefined) return undefined;
    entries.push([name, changed]);
  }
  return Object.fromEntries(entries);
}

/** Keeps a list from being flattened into the one around it. */
function listed(item: Json | undefined): readonly Json[] {
  return item === undefined ? [] : [item];
}

function walk(json: Json, onText: (text: string) => void): void {
  if (typeof json === 'string') onText(json);
  else if (json !== null && typeof json === 'object') {
    for (const value of Object.values(json)) if (value !== undefined) walk(value, onText);
  }
}
