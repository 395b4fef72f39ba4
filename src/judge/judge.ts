import { availableParallelism } from 'node:os';
import {
  findMalformed,
  groupByKey,
  inferModel,
  MODELS,
  unlikeOperations,
  type Columns,
  type EngineName,
  type Model,
} from '../../checker/index.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { UserError } from '../lib/user-error.ts';
import { decideAll, type JudgeProgress, type Sharing } from './decide-all.ts';
import { faultWindows } from './faults.ts';
import { completionsOf, partsOf } from './part.ts';
import { readHistory, type ReadHistory } from './read.ts';
import { Tally } from './tally.ts';
import type { JudgeVerdict } from './verdict.ts';

export interface JudgeOptions {
  /** Name of a model; guessed from the functions that occur when absent. */
  readonly model?: string | undefined;
  /** For the whole history, reading not included. Default 60 s. */
  readonly budgetNs?: number;
  /** What the search may hold for all keys that are decided at once. Default 2 GiB. */
  readonly memoryBytesMax?: number;
  /** Forces one engine; the best is chosen for each key when absent. */
  readonly engine?: EngineName | undefined;
  /** Replays the witness of every valid key with the separate verifier. Default true. */
  readonly isVerified?: boolean | undefined;
  /** Threads beside this one, and when to start them. Default one for each further core. */
  readonly threads?: Partial<Omit<Sharing, 'history'>> | undefined;
  /** Interrupts: keys that are not decided yet become `unknown`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each key. */
  readonly onProgress?: ((progress: JudgeProgress) => void) | undefined;
  /** Monotonic clock in nanoseconds; the machine's when absent. */
  readonly now?: () => number;
}

export interface Judgement {
  readonly verdict: JudgeVerdict;
  /** False when an interruption left the rest of the file unread: nothing is known of it. */
  readonly isWhole: boolean;
  /** Ids in a legal order, for each valid key; the key is undefined in a history without keys. */
  readonly witnesses: ReadonlyMap<string | undefined, Int32Array>;
}

export const BUDGET_NS: number = 60 * SECOND;
export const MEMORY_BYTES_MAX: number = 2 * 1024 ** 3;

/**
 * Decides whether the history in a file is linearizable, key by key under one budget, and replays the
 * witness of every valid key. The event loop gets its turn all the while.
 *
 * @param path - of a `history.jsonl`; one that is still being written, or was cut short, will do
 * @throws UserError (`usage`) `GONG-E101` … `GONG-E106`: unreadable, malformed, unknown model
 * @throws InvariantError when a witness does not replay (a bug in Gong) and no key is invalid
 */
export async function judgeFile(path: string, options: JudgeOptions = {}): Promise<Judgement> {
  const now = options.now ?? monotonicNs;
  const begin = now();
  const known = options.model === undefined ? undefined : modelNamed(options.model);
  const history = await readHistory(path, options.signal);
  const { columns } = history;
  const model = known ?? guessModel(path, columns);
  const malformed = findMalformed(columns, model);
  if (malformed !== undefined) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E104',
      what: `${path}:${malformed.line}: ${malformed.message}`,
      why: `the model ${model.name} cannot judge that operation`,
      fix: `correct it, or choose another model with --model (${[...MODELS.keys()].join(', ')})`,
    });
  }
  return judgeHistory(history, model, { ...options, now, readNs: now() - begin });
}

async function judgeHistory(
  history: ReadHistory,
  model: Model,
  options: JudgeOptions & { readonly now: () => number; readonly readNs: number },
): Promise<Judgement> {
  const { now, readNs } = options;
  const { columns } = history;
  const begin = now();
  const grouped = groupByKey(columns);
  const parts = partsOf(grouped);
  const proved = await decideAll(parts, model, {
    now,
    deadlineNs: begin + (options.budgetNs ?? BUDGET_NS),
    memoryBytesMax: options.memoryBytesMax ?? MEMORY_BYTES_MAX,
    signal: options.signal,
    onProgress: options.onProgress,
    engine: options.engine,
    isVerified: options.isVerified,
    sharing: { threads: availableParallelism() - 1, ...options.threads, history: grouped },
  });
  const witnesses = new Map<string | undefined, Int32Array>();
  const windows = faultWindows(history.nemesis);
  const tally = new Tally(model);
  for (const [i, part] of parts.entries()) {
    const its = defined(proved[i], 'every key has a verdict');
    const isProved = tally.add(its, part, windows);
    if (isProved && its.verdict.valid === true) witnesses.set(part.key, its.verdict.witness);
  }
  const counts = {
    operations: columns.size,
    completed: completionsOf(columns.return),
    failed: history.failed,
    torn: history.isTorn,
    isWhole: history.isWhole,
    elapsedNs: now() - begin,
    readNs,
  };
  return { witnesses, verdict: tally.verdict(counts, windows), isWhole: history.isWhole };
}

/** @throws UserError `GONG-E105` naming the models that there are */
export function modelNamed(name: string): Model {
  const model = MODELS.get(name);
  if (model !== undefined) return model;
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E105',
    what: `there is no model "${name}"`,
    why: `known models: ${[...MODELS.keys()].join(', ')}`,
    fix: 'pass one of them with --model',
  });
}

function guessModel(path: string, columns: Columns): Model {
  const functions = new Set(columns.functions);
  const model =
    functions.size === 0
      ? MODELS.get('register')
      : inferModel(functions, unlikeOperations(columns));
  if (model !== undefined) return model;
  const models = [...MODELS.values()];
  const found = [...functions].join(', ');
  const foreign = [...functions].filter((f) => !models.some((each) => each.functions.includes(f)));
  const isForeign = foreign.length > 0;
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E106',
    what: `${path}: no model knows ${isForeign ? foreign.join(', ') : `all of ${found}`}`,
    why:
      `functions found: ${found}; ` +
      models.map((each) => `${each.name} knows ${each.functions.join(', ')}`).join('; '),
    fix: isForeign
      ? 'write them as functions of one model that do the same; another kind of object has no model'
      : 'write all of them as functions of one model, or judge each kind of object by itself',
  });
}

/** The machine's monotonic clock. */
export function monotonicNs(): number {
  return performance.now() * MILLISECOND;
}
