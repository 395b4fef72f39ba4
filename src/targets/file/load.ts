import { existsSync, statSync } from 'node:fs';
import { registerHooks } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Target } from '../../contracts/target.ts';
import { UserError } from '../../lib/user-error.ts';
import { asDefinition } from './definition.ts';
import { errorText } from './error-text.ts';
import { guardedTarget } from './guarded-target.ts';
import { UserCode } from './user-code.ts';

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
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw notLoaded(word, 'there is no such file', 'name a file that exports a target');
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
    throw notLoaded(
      word,
      whereOf(error, file),
      'correct it: node FILE loads it as gong does',
      error,
    );
  }
  code.throwEscaped();
  const exported = 'target' in loaded ? loaded['target'] : loaded['default'];
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

function noTarget(word: string, names: readonly string[]): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E142',
    what: `${word} exports no target`,
    why: names.length === 0 ? 'it exports nothing' : `it exports ${names.join(', ')}`,
    fix: 'export it by that name: export const target = { … }; see "Your own store" in README.md',
  });
}
