import type { Workload, WorkloadOptions, WorkloadSetting } from '../src/contracts/workload.ts';
import { UserError } from '../src/lib/user-error.ts';

/**
 * Reads what a user chose for a workload.
 *
 * @param texts - by name, as written on the command line
 * @returns every setting of the workload, defaults filled in
 * @throws UserError (`usage`, GONG-E161): a name that the workload does not declare, or a value outside
 *   of its bounds
 */
export function resolveWorkloadSettings(
  workload: Pick<Workload, 'name' | 'settings'>,
  texts: Readonly<Record<string, string>>,
): Readonly<Record<string, number>> {
  const { settings = [] } = workload;
  const unknown = Object.keys(texts).find((name) => !settings.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E161',
      what: `the workload ${workload.name} has no setting ${unknown}`,
      why:
        settings.length === 0
          ? 'it has none at all'
          : `it has ${settings.map(describe).join('; ')}`,
      fix: 'correct the name, or leave it out',
    });
  }
  return Object.fromEntries(
    settings.map((one) => {
      const text = texts[one.name];
      return [one.name, text === undefined ? one.fallback : readNumber(workload.name, one, text)];
    }),
  );
}

/** The value of a declared setting. */
export function settingOf(
  { settings = {} }: WorkloadOptions,
  { name, fallback }: WorkloadSetting,
): number {
  return settings[name] ?? fallback;
}

function readNumber(workload: string, setting: WorkloadSetting, text: string): number {
  const { name, min, max, isWhole = false } = setting;
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max && (!isWhole || Number.isInteger(value))) return value;
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E161',
    what: `workload.${name}=${text} does not fit`,
    why: `for ${workload} it is ${describe(setting)}`,
    fix: `for example --set workload.${name}=${setting.fallback}`,
  });
}

function describe({ name, what, min, max, isWhole = false }: WorkloadSetting): string {
  return `${name}, ${what}: a ${isWhole ? 'whole ' : ''}number from ${min} to ${max}`;
}
