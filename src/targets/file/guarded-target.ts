import type {
  ConnectOptions,
  ConsistencyPromise,
  LaunchRequest,
  LaunchSpec,
  NodeStatus,
  ProbeFailure,
  PromiseContext,
  Target,
  TargetDefinition,
} from '../../contracts/target.ts';
import type { Client } from '../../contracts/client.ts';
import { MILLISECOND } from '../../lib/duration.ts';
import { UserError } from '../../lib/user-error.ts';
import { asPromise, isRecord, isTexts } from './definition.ts';
import { guardedAdmin } from './guarded-admin.ts';
import { errorText, oneLine, shown } from './error-text.ts';
import { GuardedClient } from './guarded-client.ts';
import { Overdue, type UserCode } from './user-code.ts';
import { WrittenTypes } from './values.ts';

type Settings = Readonly<Record<string, string>>;

/** How much longer than its limit a probe may take before it is given up. */
const PROBE_GRACE_MS = 250;

export const DEFAULT_READ_MODE = 'default';

/** A target of a target file, held to the contract that the harness relies on. */
export function guardedTarget(
  definition: TargetDefinition,
  parts: { readonly code: UserCode; readonly name: string },
): Target {
  const { code } = parts;
  const written = new WrittenTypes();
  const hasLeader = definition.hasLeader ?? false;
  return {
    name: definition.name ?? parts.name,
    readModes: [...(definition.readModes ?? [DEFAULT_READ_MODE])],
    functions: [...definition.functions],
    hasLeader,
    promises: (context) => promisesOf(definition, code, context),
    resolveSettings: (settings) => resolveSettings(definition, code, settings),
    ...(definition.launch === undefined
      ? {}
      : { launch: (request: LaunchRequest) => launch(definition, code, request) }),
    ...(definition.electionTimeoutNsMax === undefined
      ? {}
      : { electionTimeoutNsMax: (settings: Settings) => timeoutOf(definition, code, settings) }),
    probe: (url, timeoutNs) => probe({ definition, code, hasLeader }, url, timeoutNs),
    connect: (url: string, options: ConnectOptions): Client =>
      new GuardedClient(code, () => definition.connect(url, options), written),
    ...(definition.admin === undefined ? {} : { admin: guardedAdmin(definition.admin, code) }),
  };
}

/** Calls a function of the file that must answer at once. @throws UserError (`usage`, GONG-E144) */
function call<T>(code: UserCode, member: string, act: () => T): T {
  try {
    return code.run(act);
  } catch (error) {
    throw misbehaved(code, `${member} threw: ${errorText(error)}`, error);
  }
}

function misbehaved(code: UserCode, what: string, cause?: unknown): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E144',
    what: `${code.file}: ${what}`,
    why: 'Gong cannot go on without what it was to return',
    fix: 'correct it in the file; see "Your own store" in README.md',
    cause,
  });
}

function promisesOf(
  definition: TargetDefinition,
  code: UserCode,
  context: PromiseContext,
): ConsistencyPromise {
  const promise = asPromise(call(code, 'promises', () => definition.promises(context)));
  if (promise !== undefined) return promise;
  throw misbehaved(
    code,
    "promises returned neither { consistency: 'linearizable' } nor { consistency: 'weaker', note }",
  );
}

/** What it throws is about the settings, not about the file. */
function resolveSettings(
  definition: TargetDefinition,
  code: UserCode,
  settings: Settings,
): Settings {
  const [first] = Object.keys(settings);
  if (definition.resolveSettings === undefined) {
    if (first === undefined) return settings;
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E148',
      what: `--set ${first}: ${code.file} has no tunables`,
      why: 'its target has no resolveSettings',
      fix: 'leave --set out, or add resolveSettings to the file',
    });
  }
  let resolved: unknown;
  try {
    resolved = code.run(() => definition.resolveSettings?.(settings));
  } catch (error) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E148',
      what: `${code.file} does not take these settings: ${errorText(error)}`,
      why: `--set gave ${first === undefined ? 'nothing' : JSON.stringify(settings)}`,
      fix: 'correct --set, or resolveSettings in the file',
      cause: error,
    });
  }
  if (isTexts(resolved)) return resolved;
  throw misbehaved(code, 'resolveSettings returned no object of texts');
}

function launch(definition: TargetDefinition, code: UserCode, request: LaunchRequest): LaunchSpec {
  const spec: unknown = call(code, 'launch', () => definition.launch?.(request));
  if (!isRecord(spec)) throw misbehaved(code, 'launch returned no object with a command');
  const { command, args = [], env = {} } = spec;
  if (typeof command !== 'string' || command === '') {
    throw misbehaved(code, 'launch returned no command');
  }
  if (!Array.isArray(args) || !args.every((one) => typeof one === 'string')) {
    throw misbehaved(code, 'launch returned args that are no list of texts');
  }
  if (!isTexts(env)) throw misbehaved(code, 'launch returned an env that is no object of texts');
  return { command, args, env };
}

function timeoutOf(definition: TargetDefinition, code: UserCode, settings: Settings): number {
  const ns: unknown = call(code, 'electionTimeoutNsMax', () =>
    definition.electionTimeoutNsMax?.(settings),
  );
  if (typeof ns === 'number' && Number.isFinite(ns) && ns > 0) return ns;
  throw misbehaved(code, 'electionTimeoutNsMax returned no number of nanoseconds above 0');
}

/** @throws UserError (`usage`, GONG-E146) when an error has escaped earlier; for nothing else */
async function probe(
  parts: {
    readonly definition: TargetDefinition;
    readonly code: UserCode;
    readonly hasLeader: boolean;
  },
  url: string,
  timeoutNs: number,
): Promise<NodeStatus | ProbeFailure | undefined> {
  const { definition, code, hasLeader } = parts;
  code.throwEscaped();
  let status: unknown;
  try {
    status = await code.within(timeoutNs / MILLISECOND + PROBE_GRACE_MS, () =>
      definition.probe(url, timeoutNs),
    );
  } catch (error) {
    if (error instanceof Overdue) return { failure: 'its probe had no answer in time' };
    return { failure: `its probe failed: ${errorText(error)}` };
  }
  if (status === undefined) return undefined;
  if (!isRecord(status)) return { failure: 'its probe returned neither an object nor undefined' };
  const read = statusOf(status);
  if (hasLeader && (read.role === undefined || read.term === undefined)) {
    return {
      failure:
        `its probe told ${oneLine(shown(status))}, and of a target with hasLeader it must tell ` +
        `a role (${ROLES.join(', ')}) and a term (a number)`,
    };
  }
  return read;
}

const ROLES = ['leader', 'follower', 'candidate', 'pre-candidate'] as const;

/** What is of another type than it should be counts as not told. */
function statusOf(status: Record<string, unknown>): NodeStatus {
  const text = (name: string): string | undefined => {
    const value = status[name];
    return typeof value === 'string' ? value : undefined;
  };
  const number = (name: string): number | undefined => {
    const value = status[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  };
  return {
    id: text('id'),
    role: ROLES.find((role) => role === status['role']),
    term: number('term'),
    leader: text('leader'),
    commitIndex: number('commitIndex'),
    lastApplied: number('lastApplied'),
    pid: number('pid'),
  };
}
