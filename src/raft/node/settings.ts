import { assertNever } from '../../lib/assert.ts';
import { UserError } from '../../lib/user-error.ts';
import { parseTunables, resolveSettings, TUNABLES, type Tunables } from './config.ts';
import { readSettingsFile } from './settings-file.ts';

/** Where the text of a setting came from. */
export type SettingSource =
  | { readonly type: 'default' }
  | { readonly type: 'file'; readonly path: string; readonly line: number }
  | { readonly type: 'environment'; readonly variable: string }
  | { readonly type: 'flag' };

export interface GivenSetting {
  readonly name: string;
  readonly text: string;
  readonly source: SettingSource;
}

/** What a node runs with, and who said so. */
export interface Settings {
  readonly tunables: Tunables;
  /** By name, all of them, in the order of `TUNABLES`. */
  readonly resolved: ReadonlyMap<string, Omit<GivenSetting, 'name'>>;
}

const VARIABLE_PREFIX = 'GONG_RAFT_';

/** `raft.heartbeatInterval` is `GONG_RAFT_HEARTBEAT_INTERVAL`. */
export function variableOf(name: string): string {
  const word = name.replace(/^raft\./, '');
  return VARIABLE_PREFIX + word.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

/**
 * Settings from all their sources; a later one wins: default, file, environment, `--set`. What an
 * earlier one says must be valid all the same: it may come to count any day.
 *
 * @param sources.file - path of a JSON file, read here
 * @throws UserError (`usage`) that names the source, the setting, and what it takes
 */
export function gatherSettings(sources: {
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly (readonly [name: string, text: string])[];
}): Settings {
  const given: GivenSetting[] = [];
  if (sources.file !== undefined) given.push(...readSettingsFile(sources.file));
  given.push(...ofEnvironment(sources.environment));
  for (const [name, text] of sources.flags) given.push({ name, text, source: { type: 'flag' } });
  for (const setting of given) checkAlone(setting);
  const texts = Object.fromEntries(given.map(({ name, text }) => [name, text]));
  const resolved = new Map<string, Omit<GivenSetting, 'name'>>(
    Object.entries(resolveSettings(texts)).map(([name, text]) => [
      name,
      { text, source: { type: 'default' } },
    ]),
  );
  for (const { name, text, source } of given) resolved.set(name, { text, source });
  return { tunables: parseTunables(texts), resolved };
}

function ofEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): readonly GivenSetting[] {
  const given: GivenSetting[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || text === undefined) continue;
    const name = TUNABLES.find((tunable) => variableOf(tunable.name) === variable)?.name;
    if (name === undefined) {
      throw new UserError({
        kind: 'usage',
        code: 'GONG-E051',
        what: `the environment sets ${variable}, which is no setting`,
        why: `variables that begin with ${VARIABLE_PREFIX} are ${TUNABLES.map((tunable) => variableOf(tunable.name)).join(', ')}`,
        fix: `correct the name, or unset ${variable}`,
      });
    }
    given.push({ name, text, source: { type: 'environment', variable } });
  }
  return given;
}

function checkAlone({ name, text, source }: GivenSetting): void {
  const tunable = TUNABLES.find((row) => row.name === name);
  if (tunable === undefined) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E051',
      what: `setting ${name} is not known (${describeSource(source)})`,
      why: `a node knows ${TUNABLES.map((row) => row.name).join(', ')}`,
      fix: 'correct the name',
    });
  }
  if (tunable.parse(text) !== undefined) return;
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E052',
    what: `${name}=${text} is not a value of this setting (${describeSource(source)})`,
    why: `it takes ${tunable.form}; it is ${tunable.meaning}`,
    fix: `for example ${tunable.fallback}`,
  });
}

/** `file node.json, line 3`, `environment GONG_RAFT_FSYNC`, `--set`, `default`. */
export function describeSource(source: SettingSource): string {
  switch (source.type) {
    case 'default':
      return 'default';
    case 'file':
      return `file ${source.path}, line ${source.line}`;
    case 'environment':
      return `environment ${source.variable}`;
    case 'flag':
      return '--set';
    default:
      return assertNever(source);
  }
}

/** The body of `GET /config`: each setting by name. */
export function describeSettings(settings: Settings): Readonly<Record<string, object>> {
  return Object.fromEntries(
    TUNABLES.map(({ name, fallback, form, meaning }) => {
      const { text, source } = settings.resolved.get(name) ?? {
        text: fallback,
        source: { type: 'default' },
      };
      const described = { value: text, source: describeSource(source), default: fallback };
      return [name, { ...described, form, meaning }];
    }),
  );
}

/** One paragraph per setting, for `--help`. */
export function settingsHelp(): string {
  return TUNABLES.map(
    ({ name, fallback, form, meaning }) =>
      `  ${name}=${fallback}\n      ${meaning}\n      ${form}; ${variableOf(name)}`,
  ).join('\n');
}
