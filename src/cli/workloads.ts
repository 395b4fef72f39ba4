import { workloads } from '../../workloads/index.ts';
import type { Workload, WorkloadSetting } from '../contracts/workload.ts';
import { aligned } from './columns.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** The options of `gong workloads` as the parser gives them. */
export interface WorkloadsFlags {
  readonly json?: boolean;
}

/** `gong workloads`: what clients may do, what a store needs for it, and what it finds. */
export function workloadsVerb(flags: WorkloadsFlags): ExitCode {
  const all = [...workloads.values()];
  const text =
    flags.json === true ? `${JSON.stringify(workloadsAsJson(all))}\n` : describeWorkloads(all);
  process.stdout.write(text);
  return EXIT.pass;
}

/** What `gong workloads --json` prints. */
export interface WorkloadsJson {
  readonly schema: 1;
  readonly workloads: readonly {
    readonly name: string;
    readonly about: string;
    readonly finds: string;
    /** Of the checker: `gong check --model`. */
    readonly model: string;
    /** What the clients of a target must know. */
    readonly functions: readonly string[];
    readonly mutations: readonly string[];
    /** True when they must be able to hold sessions as well. */
    readonly inSessions: boolean;
    readonly settings: readonly WorkloadSetting[];
  }[];
}

/** All that the code says of them. */
export function workloadsAsJson(all: readonly Workload[]): WorkloadsJson {
  return {
    schema: 1,
    workloads: all.map(({ name, about, finds, model, functions, mutations, ...rest }) => ({
      name,
      about,
      finds,
      model,
      functions,
      mutations,
      inSessions: rest.inSessions ?? false,
      settings: rest.settings ?? [],
    })),
  };
}

/** For people: a line for each, and its settings. */
export function describeWorkloads(all: readonly Workload[]): string {
  const table = aligned([
    ['WORKLOAD', 'MODEL', 'FUNCTIONS', 'WHAT CLIENTS DO', 'WHAT IT FINDS'],
    ...all.map(({ name, model, functions, about, finds }) => [
      name,
      model,
      functions.join(', '),
      about,
      finds,
    ]),
  ]);
  const settings = aligned([
    ['SETTING', 'DEFAULT', 'BOUNDS', 'OF', 'WHAT IT IS'],
    ...distinctSettings(all).map(({ setting, of }) => [
      `workload.${setting.name}`,
      String(setting.fallback),
      `${setting.min}..${setting.max}`,
      of.join(', '),
      setting.what,
    ]),
  ]);
  return [
    ...table,
    '',
    ...settings,
    '',
    'gong run --workload queue --set workload.enqueueShare=0.6 takes one of them, and its settings.',
    '',
  ].join('\n');
}

/** Each setting once, with all who have it. */
function distinctSettings(
  all: readonly Workload[],
): readonly { readonly setting: WorkloadSetting; readonly of: readonly string[] }[] {
  const found = new Map<string, { readonly setting: WorkloadSetting; readonly of: string[] }>();
  for (const { name, settings = [] } of all) {
    for (const setting of settings) {
      const known = found.get(setting.name);
      if (known === undefined) found.set(setting.name, { setting, of: [name] });
      else known.of.push(name);
    }
  }
  return [...found.values()];
}
