import type { Capability } from '../contracts/cluster.ts';
import { type Link, type NodeId, nodeId } from '../contracts/names.ts';
import type { Nemesis, NemesisShape, PlannedFault, ResolvedFault } from '../contracts/nemesis.ts';
import { InvariantError } from '../lib/assert.ts';
import { formatDuration, formatInstant, SECOND } from '../lib/duration.ts';
import { makeRandom } from '../lib/prng.ts';
import { UserError } from '../lib/user-error.ts';
import { openPaths } from './open-paths.ts';
import { RECOVERY_NS } from './plan.ts';
import { malformed, readScheduleFile, type ScheduledFault } from './schedule-file.ts';
import { shapeOf, whereDone } from './selection.ts';

export interface ScheduleRequest {
  /** A run directory, one of its files, a plan, or a file written by hand. */
  readonly path: string;
  readonly nemeses: ReadonlyMap<string, Nemesis>;
  readonly capabilities: ReadonlySet<Capability>;
  readonly nodes: readonly NodeId[];
  /** How many of them, the last ones, are no members in the beginning; by default none. */
  readonly spares?: number | undefined;
  /** Of this run: for faults that name their shape alone. */
  readonly seed: string;
  readonly durationNs: number;
}

/**
 * Makes a plan of what a file says. Faults that name their nodes are resolved: they come at exactly
 * their times, on these nodes, whoever leads. Those that do not are planned as `--nemesis` would.
 *
 * @returns faults in the order of their times
 * @throws UserError (`usage`): GONG-E122 no schedule, GONG-E123 an unknown kind or shape, GONG-E124 a
 *   fault that this cluster cannot do, GONG-E125 a node that it does not have, GONG-E126 the run is too
 *   short, GONG-E127 two faults at one time
 */
export function readSchedule(request: ScheduleRequest): readonly PlannedFault[] {
  const { faults, recordedNs } = readScheduleFile(request.path);
  const inOrder = faults.toSorted((a, b) => a.atNs - b.atNs);
  const plan = inOrder.map((fault, i) => planned(fault, i, request));
  for (const [i, next] of inOrder.entries()) {
    const before = inOrder[i - 1];
    if (before !== undefined && before.atNs + before.durationNs > next.atNs) {
      throw overlap(before, next);
    }
  }
  // A run whose faults were held worked longer than it was to; the same --duration repeats that, too.
  const endNs = Math.max(...plan.map(({ atNs, durationNs }) => atNs + durationNs)) + RECOVERY_NS;
  const leastNs = Math.min(endNs, recordedNs ?? Infinity);
  if (request.durationNs < leastNs) throw tooShort(request, leastNs);
  return plan;
}

/** What the words of a fault mean. */
interface Known {
  readonly nemesis: Nemesis;
  readonly shape: NemesisShape;
  readonly seed: string;
}

function planned(fault: ScheduledFault, position: number, request: ScheduleRequest): PlannedFault {
  const { kind, shape, atNs, durationNs, word } = fault;
  const nemesis = knownNemesis(fault, request);
  const known = knownShape(fault, nemesis);
  const seed = fault.seed ?? `${request.seed}/schedule/${position}`;
  const resolved = resolve(fault, { nemesis, shape: known, seed }, request.nodes);
  const { nodes, spares = 0 } = request;
  const length = nodes.length - spares;
  const { nodesMin, sparesMin = 0 } = known;
  if (resolved === undefined && sparesMin > spares) {
    throw usage('GONG-E124', {
      what: `${fault.place}: ${kind}:${shape} cannot be done with so few spare nodes: ${spares}`,
      why: `it needs ${sparesMin} at least`,
      fix: `pass --spares ${sparesMin}`,
    });
  }
  if (resolved === undefined && nodesMin > length) {
    throw usage('GONG-E124', {
      what: `${fault.place}: ${kind}:${shape} makes no sense with ${length} nodes`,
      why: `it needs ${nodesMin} at least`,
      fix: `pass --nodes ${nodesMin}`,
    });
  }
  return {
    kind,
    shape,
    atNs,
    durationNs,
    seed,
    ...(word === undefined ? {} : { word }),
    ...(resolved === undefined ? {} : { resolved }),
  };
}

function knownNemesis({ kind, place }: ScheduledFault, request: ScheduleRequest): Nemesis {
  const nemesis = request.nemeses.get(kind);
  if (nemesis === undefined) {
    throw usage('GONG-E123', {
      what: `${place}.kind: no nemesis is called ${JSON.stringify(kind)}`,
      why: `known are ${[...request.nemeses.keys()].join(', ')}`,
      fix: 'gong nemeses tells what each of them does',
    });
  }
  if (!request.capabilities.has(nemesis.requires)) {
    throw usage('GONG-E124', {
      what: `${place}: this cluster cannot do ${kind}`,
      why: `it gives no control of ${nemesis.requires}`,
      fix: whereDone(nemesis, `the fault`),
    });
  }
  return nemesis;
}

function knownShape({ kind, shape, place }: ScheduledFault, nemesis: Nemesis): NemesisShape {
  const known = shapeOf(nemesis, shape);
  if (known !== undefined) return known;
  throw usage('GONG-E123', {
    what: `${place}.shape: ${kind} has no shape ${JSON.stringify(shape)}`,
    why: `its shapes are ${nemesis.shapes.map((one) => one.shape).join(', ')}`,
    fix: 'gong nemeses tells what each of them does',
  });
}

/** Undefined when the file leaves it to the shape whom it hits. */
function resolve(
  { place, kind, victims: named, value: given }: ScheduledFault,
  { nemesis, shape, seed }: Known,
  nodes: readonly NodeId[],
): ResolvedFault | undefined {
  if (named === undefined) {
    if (given === undefined) return undefined;
    const why = 'it has a "value", and so it must name the nodes that are hit';
    throw malformed(`${place}.nodes`, why);
  }
  const victims = [...new Set(named)].map((name) => nodeId(name));
  refuseStrangers(victims, nodes, `${place}.nodes`);
  // Whom a script hits is its own business.
  if (victims.length === 0 && (given === undefined || nemesis.requires !== 'hooks')) {
    const why = 'it is empty: leave it out together with "value", and the shape chooses';
    throw malformed(`${place}.nodes`, why);
  }
  const value = given ?? shape.valueOn?.(victims, nodes, makeRandom(seed));
  if (value === undefined) {
    throw malformed(
      `${place}.value`,
      `it is missing, and the nodes alone do not say what ${kind}:${shape.shape} does; take the ` +
        'value of such a fault from the cluster.jsonl of a run',
    );
  }
  const resolved = { victims, leader: undefined, value };
  const links = linksOf(nemesis, resolved, place);
  refuseStrangers(nemesis.named?.(resolved) ?? [], nodes, `${place}.value`);
  if (links === undefined) return resolved;
  const ends = links.flatMap(({ from, to }) => [from, to]);
  refuseStrangers(ends, nodes, `${place}.value`);
  const untouched = victims.filter((victim) => !ends.includes(victim));
  if (untouched.length > 0) {
    throw malformed(
      `${place}.value`,
      `it does nothing to ${untouched.join(', ')}, whom it is to hit`,
    );
  }
  if (shape.evidence.includes('cut-off-side')) refuseWayOut(resolved, { links, nodes, place });
  return resolved;
}

/** A side that is to be cut off must not reach the others in any way: it would prove nothing. */
function refuseWayOut(
  { victims }: ResolvedFault,
  { links, nodes, place }: { links: readonly Link[]; nodes: readonly NodeId[]; place: string },
): void {
  const reaches = openPaths(nodes, links);
  for (const victim of victims) {
    const other = nodes.find((node) => !victims.includes(node) && reaches(victim, node));
    if (other === undefined) continue;
    throw malformed(
      `${place}.value`,
      `${victim} is to be cut off, and is left a way to ${other}: name every node of this run in ` +
        'its groups, or choose a shape that leaves ways, such as bridge',
    );
  }
}

/** The links on which it acts, if on any. A nemesis that cannot read the value says so. */
function linksOf(
  nemesis: Nemesis,
  resolved: ResolvedFault,
  place: string,
): readonly Link[] | undefined {
  try {
    nemesis.check?.(resolved);
    return nemesis.links?.(resolved);
  } catch (error) {
    if (error instanceof UserError) {
      throw malformed(`${place}.value`, `${error.message}: ${error.why}`, error);
    }
    if (error instanceof InvariantError) throw malformed(`${place}.value`, error.message, error);
    throw error;
  }
}

function refuseStrangers(named: readonly NodeId[], nodes: readonly NodeId[], place: string): void {
  const strangers = [...new Set(named)].filter((node) => !nodes.includes(node));
  if (strangers.length === 0) return;
  throw usage('GONG-E125', {
    what: `${place} names ${strangers.join(', ')}, and there is no such node`,
    why: `the nodes of this run are ${nodes.join(', ')}`,
    fix: 'pass --nodes with as many as the schedule names, or name others',
  });
}

function overlap(before: ScheduledFault, next: ScheduledFault): UserError {
  return usage('GONG-E127', {
    what: `${next.place} begins while ${before.place} is in force`,
    why:
      `one is healed at ${formatInstant(before.atNs + before.durationNs)}, the other begins at ` +
      `${formatInstant(next.atNs)}; of two at one time nobody could tell which of them was felt`,
    fix: 'let the one begin when the other has healed, or later',
  });
}

function tooShort({ durationNs, path }: ScheduleRequest, leastNs: number): UserError {
  const least = Math.ceil(leastNs / (SECOND / 10)) / 10;
  return usage('GONG-E126', {
    what: `${formatDuration(durationNs)} is too short for the schedule ${path}`,
    why: `its last fault and the recovery from it need ${least} s`,
    fix: `pass --duration ${least}s at least`,
  });
}

function usage(code: string, parts: { what: string; why: string; fix: string }): UserError {
  return new UserError({ kind: 'usage', code, ...parts });
}
