import { statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Target } from '../../contracts/target.ts';
import { UserError } from '../../lib/user-error.ts';
import { asDefinition, isRecord } from './definition.ts';
import { errorText } from './error-text.ts';
import { guardedTarget } from './guarded-target.ts';
import { Overdue, UserCode } from './user-code.ts';

const LOAD_LIMIT_MS = 10_000;
const KIT_URL = new URL('../kit.ts', import.meta.url).href;

let isKitKnown = false;

/** `import … from 'gong/target'` finds this Gong's own, wherever the importing file lies. */
function makeKitKnown(): void {
  if (isKitKnown) return;
  isKitKnown = true;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'gong/target' ? { url: KIT_URL, shortCircuit: true } : next(specifier, context),
  });
}

/** True for what `--target` takes for a path, and not for the name of a target that comes with Gong. */
export function isTargetFile(word: string): boolean {
  return /[/\\]|\.(ts|mts|js|mjs)$/.test(word);
}

export interface LoadedTarget {
  readonly target: Target;
  /** The fence around the file's code. */
  readonly code: UserCode;
}

/**
 * Loads `--target ./my-target.ts`: the export `target`, or the default one.
 *
 * @param word - as the user wrote it, from the current directory
 * @throws UserError (`usage`): GONG-E141 the file cannot be loaded, GONG-E142 it exports no target,
 *   GONG-E143 a member of it is missing or wrong, GONG-E146 it let an error escape
 */
export async function loadTargetFile(word: string): Promise<LoadedTarget> {
  const file = path.resolve(word);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true) {
    const why = found === undefined ? 'there is no such file (as seen from here)' : 'it is no file';
    throw notLoaded(word, why, 'name a file that exports a target');
  }
  makeKitKnown();
  const code = new UserCode(word);
  let loaded: Readonly<Record<string, unknown>>;
  try {
    loaded = await code.within(
      LOAD_LIMIT_MS,
      async () => (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>,
    );
  } catch (error) {
    const why =
      error instanceof Overdue
        ? `it did not come to its end within ${LOAD_LIMIT_MS / 1000} s: it waits for something`
        : whereOf(error, file);
    throw notLoaded(word, why, 'correct the file, or what it imports', error);
  }
  code.throwEscaped();
  const exported = 'target' in loaded ? loaded['target'] : defaultOf(loaded);
  if (exported === undefined) throw noTarget(word, Object.keys(loaded));
  const definition = asDefinition(word, exported);
  const name = path.basename(file).replace(/\.[a-z]+$/, '');
  return { target: guardedTarget(definition, { code, name }), code };
}

function notLoaded(word: string, why: string, fix: string, cause?: unknown): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E141',
    what: `the target ${word} cannot be loaded`,
    why,
    fix,
    cause,
  });
}

/** With the line of the file, where the error has one. */
function whereOf(error: unknown, file: string): string {
  const text = errorText(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const line = new RegExp(`${RegExp.escape(file)}:(\\d+)`).exec(stack)?.[1];
  return line === undefined ? text : `${text} (line ${line})`;
}

/** A file that says nothing may be CommonJS, as Node sees it, and then exports an empty object. */
function defaultOf(loaded: Readonly<Record<string, unknown>>): unknown {
  const { default: exported } = loaded;
  const isNothing = 'module.exports' in loaded && isRecord(exported);
  return isNothing && Object.keys(exported).length === 0 ? undefined : exported;
}

function noTarget(word: string, names: readonly string[]): UserError {
  // Of a module of CommonJS Node adds these.
  const said = names.includes('module.exports')
    ? names.filter((name) => name !== 'module.exports' && name !== 'default')
    : names;
  return new UserError({
    kind: 'usage',
    code: 'GONG-E142',
    what: `${word} exports no target`,
    why: said.length === 0 ? 'it exports nothing' : `it exports ${said.join(', ')}`,
    fix: 'export it by that name: export const target = { … }; see "Your own store" in README.md',
  });
}
