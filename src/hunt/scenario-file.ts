import { readFileSync } from 'node:fs';
import type { Json } from '../../checker/index.ts';
import { nemeses } from '../../nemesis/index.ts';
import { workloads } from '../../workloads/index.ts';
import { UserError } from '../lib/user-error.ts';
import type { SnapshotSettings } from '../raft/driver/snapshots.ts';
import type { DiskProfile } from '../sim/disk.ts';
import type { SimFault } from '../sim/faults.ts';
import type { NodeProfile, SimProfile } from '../sim/profile.ts';
import { namesKnown, resolvedFault } from './faults.ts';
import { DURATION_NS_MAX, duration, range, simFault } from './sim-fault-json.ts';
import {
  type FaultKind,
  nodesOf,
  type PinnedFault,
  type Scenario,
  type ScenarioLoad,
  type ScheduledFault,
  type ScheduledOperation,
} from './scenario.ts';
import {
  dictionary,
  flag,
  list,
  Misfit,
  number,
  oneOf,
  optional,
  orNull,
  type Read,
  record,
  text,
  variants,
  whole,
} from './typed-json.ts';

/** Of the files that hold a scenario. */
export const SCENARIO_SCHEMA = 1;
export const NODES_MAX = 7;
/** As `raft.leaseDrift`. */
const LEASE_DRIFT_PPM_MAX = 500_000;
const profile = record<SimProfile>({
  disk: record<DiskProfile>({ read: range, sync: range, write: optional(range) }),
  latency: range,
  bufferBytes: optional(whole(1)),
  driftPpmMax: optional(whole(0, 999_999)),
  clockBoundPpm: optional(whole(0, 999_999)),
  clientLatency: range,
  turnNs: duration,
  restartNs: range,
  node: record<NodeProfile>({
    electionTimeout: range,
    heartbeatIntervalNs: whole(1, DURATION_NS_MAX),
    maxEntriesPerAppend: whole(1),
    maxBytesPerAppend: whole(1),
    maxInflightAppends: whole(1),
    requestTimeoutNs: whole(1, DURATION_NS_MAX),
    changeTimeoutNs: optional(whole(1, DURATION_NS_MAX)),
    segmentBytesMax: whole(1),
    sessionExpiryNs: optional(whole(1_000_000, DURATION_NS_MAX)),
    snapshots: optional(
      record<SnapshotSettings>({
        threshold: whole(1),
        trailing: whole(0),
        sliceBytes: optional(whole(1)),
        chunkBytes: optional(whole(1)),
        windowBytes: optional(whole(1)),
      }),
    ),
    batchDelayNs: optional(whole(0, DURATION_NS_MAX)),
    preVote: optional(flag),
    checkQuorum: optional(flag),
    leaseDriftPpm: optional(whole(0, LEASE_DRIFT_PPM_MAX)),
  }),
});

/** Any JSON: the nemesis, or the model, says what it makes of it. */
const anything: Read<Json> = (value) => value as Json;

const operation = record<ScheduledOperation>({
  atNs: duration,
  node: text,
  f: text,
  key: optional(text),
  value: anything,
});

const load = record<ScenarioLoad>({
  workload: oneOf([...workloads.keys()]),
  concurrency: whole(1, 1000),
  keyOps: whole(1),
  values: orNull(whole(1)),
  settings: dictionary(number(0, 1e6)),
  ratePerSecond: orNull(number(0.001, 1e6)),
  thinkNs: optional(duration),
  deadlineNs: whole(1, DURATION_NS_MAX),
  leaseShare: optional(number(0, 1)),
  operations: optional(list(operation)),
});

const nemesis: Read<FaultKind> = (value, place) => {
  const read = record<Extract<FaultKind, { type: 'nemesis' }>>({
    type: oneOf(['nemesis']),
    // What runs a script of the user's has no place in a simulation.
    kind: oneOf(
      [...nemeses.values()].flatMap(({ kind, shapes }) => (shapes.length > 0 ? [kind] : [])),
    ),
    shape: text,
    pinned: optional(record<PinnedFault>({ victims: list(text), value: anything })),
  })(value, place);
  const known = nemeses.get(read.kind);
  oneOf(known?.shapes.map(({ shape }) => shape) ?? [])(read.shape, `${place}.shape`);
  if (read.pinned === undefined) return read;
  try {
    const fault = resolvedFault(read.pinned);
    known?.links?.(fault);
    known?.check?.(fault);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new Misfit(`${place}.pinned.value`, error.why);
  }
  return read;
};

const fault = record<ScheduledFault>({
  atNs: duration,
  durationNs: duration,
  seed: text,
  what: variants<FaultKind>('type', {
    nemesis,
    sim: record<Extract<FaultKind, { type: 'sim' }>>({ type: oneOf(['sim']), fault: simFault }),
  }),
});

const scenario = record<Scenario & { readonly schema: number }>({
  schema: whole(1),
  seed: text,
  nodes: whole(1, NODES_MAX),
  spares: optional(whole(0, NODES_MAX)),
  durationNs: whole(1, DURATION_NS_MAX),
  profile,
  load,
  faults: list(fault),
});

/** What a scenario is outside of a program: JSON with a version. */
export function scenarioJson(one: Scenario): Readonly<Record<string, unknown>> {
  return { schema: SCENARIO_SCHEMA, ...one };
}

/**
 * Reads a scenario from what JSON.parse gave.
 *
 * @throws Misfit when it is none
 */
export const readScenario: Read<Scenario> = (value, place) => {
  const version: unknown =
    typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (version !== SCENARIO_SCHEMA) {
    const found = JSON.stringify(version) ?? 'missing';
    throw new Misfit(place, `its "schema" is ${found}, this Gong reads ${SCENARIO_SCHEMA}`);
  }
  const { schema: _, ...read } = scenario(value, place);
  for (const [i, { what }] of read.faults.entries())
    refuseStrangers(read, what, `faults[${i}].what`);
  const jump = read.faults.findIndex(
    ({ what }) =>
      what.type === 'sim' && what.fault.type === 'clock' && what.fault.change.type === 'jump',
  );
  if (read.profile.clockBoundPpm !== undefined && jump >= 0) {
    throw new Misfit(`faults[${jump}].what`, 'clocks whose error is bounded do not jump');
  }
  for (const [i, { node }] of (read.load.operations ?? []).entries()) {
    oneOf(nodesOf(read))(node, `load.operations[${i}].node`);
  }
  return read;
};

/** A fault can only hit what is there, and only so many. */
function refuseStrangers(one: Scenario, what: FaultKind, place: string): void {
  const nodes = nodesOf(one).length;
  if (what.type === 'sim') return refuseStrangersOf(one, what.fault, `${place}.fault`);
  const shape = nemeses.get(what.kind)?.shapes.find((one) => one.shape === what.shape);
  const nodesMin = shape?.nodesMin ?? 1;
  if (nodes < nodesMin) {
    throw new Misfit(
      place,
      `${what.kind}:${what.shape} needs ${nodesMin} nodes, there are ${nodes}`,
    );
  }
  const { sparesMin = 0 } = shape ?? {};
  if ((one.spares ?? 0) < sparesMin) {
    const count = `${sparesMin} spare node${sparesMin === 1 ? '' : 's'}`;
    throw new Misfit(place, `${what.kind}:${what.shape} needs ${count}`);
  }
  const stranger = what.pinned?.victims.find((name) => !nodesOf(one).includes(name));
  if (stranger !== undefined) throw new Misfit(`${place}.pinned`, `there is no node ${stranger}`);
  const { pinned } = what;
  if (pinned === undefined || namesKnown(nodesOf(one), what.kind, resolvedFault(pinned))) return;
  throw new Misfit(`${place}.pinned.value`, `it says nothing that ${what.kind} can do here`);
}

function refuseStrangersOf(one: Scenario, fault: SimFault, place: string): void {
  const victims =
    'victims' in fault
      ? fault.victims
      : 'links' in fault && 'of' in fault.links
        ? fault.links.of
        : fault.type === 'transfer'
          ? (fault.to ?? [])
          : 'aim' in fault && fault.aim.type === 'set'
            ? fault.aim.voters
            : [];
  if (typeof victims === 'string') return;
  const stranger = victims.find((name) => !nodesOf(one).includes(name));
  if (stranger !== undefined) throw new Misfit(place, `there is no node ${stranger}`);
}

/**
 * Reads a scenario from a file.
 *
 * @throws UserError (`usage`, GONG-E157) when there is no such file, or something else in it, with the place
 */
export function readScenarioFile(path: string): Scenario {
  return readJsonFile(path, readScenario);
}

/** The same for a file of another form. */
export function readJsonFile<T>(path: string, read: Read<T>): T {
  try {
    return read(JSON.parse(readFileSync(path, 'utf8')), '');
  } catch (cause) {
    const isDirectory = cause instanceof Error && 'code' in cause && cause.code === 'EISDIR';
    const place = cause instanceof Misfit && cause.place !== '' ? `${path}, ${cause.place}` : path;
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E157',
      what: `${place} is no part of a scenario`,
      why: isDirectory
        ? 'it is a directory'
        : cause instanceof Error
          ? cause.message
          : String(cause),
      fix: isDirectory
        ? 'name one of its files: shrunk.json, or schedule.json as it was found'
        : 'pass a file that gong sim wrote, or correct it there',
      cause,
    });
  }
}
