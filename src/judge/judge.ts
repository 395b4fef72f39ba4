import { setImmediate } from 'node:timers/promises';
import {
  combine,
  decideKey,
  findMalformed,
  inferModel,
  MODELS,
  partition,
  verifyWitness,
  type KeyVerdict,
  type Model,
  type Operation,
} from '../../checker/index.ts';
import { assert, defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { UserError } from '../lib/user-error.ts';
import { faultWindows } from './faults.ts';
import { readHistory, type ReadHistory } from './read.ts';
import { bounded, reportFailure, summariseStale, type JudgeVerdict } from './verdict.ts';

export interface JudgeOptions {
  /** Name of a model; guessed from the functions that occur when absent. */
  readonly model?: string | undefined;
  /** For the whole history, reading not included. Default 60 s. */
  readonly budgetNs?: number;
  /** What the search may hold for one key (keys are decided one by one). Default 2 GiB. */
  readonly memoryBytesMax?: number;
  /** Interrupts: keys that are not decided yet become `unknown`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each key. */
  readonly onProgress?: ((progress: JudgeProgress) => void) | undefined;
  /** Monotonic clock in nanoseconds; the machine's when absent. */
  readonly now?: () => number;
}

export interface JudgeProgress {
  readonly keysDecided: number;
  readonly keysTotal: number;
  readonly keysInvalid: number;
}

export interface Judgement {
  readonly verdict: JudgeVerdict;
  /** Ids in a legal order, for each valid key; the key is undefined in a history without keys. */
  readonly witnesses: ReadonlyMap<string | undefined, readonly number[]>;
}

const BUDGET_NS = 60 * SECOND;
const MEMORY_BYTES_MAX = 2 * 1024 ** 3;
/** The longest that the event loop waits for the search, about. */
const TURN_NS = 20 * MILLISECOND;

/**
 * Decides whether the history in a file is linearizable, key by key under one budget, and replays the
 * witness of every valid key. The event loop gets its turn all the while.
 *
 * @param path - of a `history.jsonl`; one that is still being written, or was cut short, will do
 * @throws UserError (`usage`) `GONG-E101` … `GONG-E106`: unreadable, malformed, unknown model
 * @throws InvariantError when a witness does not replay (a bug in Gong) and no key is invalid
 */
export async function judgeFile(path: string, options: JudgeOptions = {}): Promise<Judgement> {
  const known = options.model === undefined ? undefined : modelNamed(options.model);
  const history = await readHistory(path, options.signal);
  const model = known ?? guessModel(path, history.operations);
  const malformed = findMalformed(history.operations, model);
  if (malformed !== undefined) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E104',
      what: `${path}:${malformed.line}: ${malformed.message}`,
      why: `the model ${model.name} cannot judge that operation`,
      fix: `correct it, or choose another model with --model (${[...MODELS.keys()].join(', ')})`,
    });
  }
  return judgeHistory(history, model, options);
}

async function judgeHistory(
  history: ReadHistory,
  model: Model,
  options: JudgeOptions,
): Promise<Judgement> {
  const now = options.now ?? monotonicNs;
  const begin = now();
  const parts = partition(history.operations);
  const decided = await decideAll(parts, model, { ...options, now });
  const witnesses = new Map<string | undefined, readonly number[]>();
  const windows = faultWindows(history.nemesis);
  const count = { valid: 0, invalid: 0, unknown: 0 };
  const failures = [];
  const unknown: JudgeVerdict['unknown'][number][] = [];
  const unproved: string[] = [];
  for (const [key, part] of parts) {
    const verdict = defined(decided.get(key), 'every key has a verdict');
    if (verdict.valid === true) {
      const wrong = verifyWitness(part, model, verdict.witness);
      if (wrong === undefined) {
        count.valid++;
        witnesses.set(key, verdict.witness);
      } else {
        count.unknown++;
        unknown.push({ key: key ?? null, reason: 'witness', operations: part.length });
        unproved.push(`the witness of key ${key ?? '(none)'} does not replay: ${wrong}`);
      }
    } else if (verdict.valid === false) {
      count.invalid++;
      failures.push(reportFailure(verdict, part, model.name, windows));
    } else {
      count.unknown++;
      unknown.push({ key: key ?? null, reason: verdict.reason, operations: part.length });
    }
  }
  // Nothing masks a violation, not even a bug in Gong. With one, nothing is lost: what was not proved
  // is reported as not decided. Without one there is nothing to say that could be relied on.
  assert(unproved.length === 0 || failures.length > 0, unproved.join('; '));
  const stale = summariseStale(failures);
  const completed = history.operations.filter((each) => each.outcome === 'ok').length;
  return {
    witnesses,
    verdict: {
      schema: 1,
      valid: combine(decided.values()),
      model: model.name,
      operations: history.operations.length,
      completed,
      crashed: history.operations.length - completed,
      failed: history.failed,
      keys: { total: parts.size, ...count },
      witnessesVerified: witnesses.size,
      torn: history.isTorn,
      failures: bounded(failures, stale.worst),
      stale,
      unknown,
      elapsedNs: now() - begin,
    },
  };
}

type Parts = ReadonlyMap<string | undefined, readonly Operation[]>;

/**
 * Two rounds. First every key may use an equal share of what is left, small keys first, so that one
 * hard key starves nobody; then what stayed open gets what the others did not need.
 */
async function decideAll(
  parts: Parts,
  model: Model,
  options: JudgeOptions & { readonly now: () => number },
): Promise<ReadonlyMap<string | undefined, KeyVerdict>> {
  const { now, signal } = options;
  const deadlineNs = now() + (options.budgetNs ?? BUDGET_NS);
  const memoryBytesMax = options.memoryBytesMax ?? MEMORY_BYTES_MAX;
  const decided = new Map<string | undefined, KeyVerdict>();
  let keysInvalid = 0;
  let turnEnds = now() + TURN_NS;
  let open = [...parts.values()].toSorted((a, b) => a.length - b.length);
  for (let round = 0; round < 2; round++) {
    for (const [i, part] of open.entries()) {
      const key = part[0]?.key;
      const share = (deadlineNs - now()) / (open.length - i);
      const budget = { now, memoryBytesMax, deadlineNs: now() + share };
      const decision = decideKey(part, model, budget);
      let step = signal?.aborted === true ? undefined : decision.next();
      while (step !== undefined && step.done !== true) {
        if (now() >= turnEnds) {
          await setImmediate();
          turnEnds = now() + TURN_NS;
        }
        step = signal?.aborted === true ? undefined : decision.next();
      }
      const verdict = step?.value ?? interrupted(part, decided.get(key));
      decided.set(key, verdict);
      if (verdict.valid === false && round === 0) keysInvalid++;
      options.onProgress?.({ keysDecided: decided.size, keysTotal: parts.size, keysInvalid });
    }
    open = open.filter((part) => isUnsettled(defined(decided.get(part[0]?.key), 'decided')));
    if (now() >= deadlineNs || open.length === 0) break;
  }
  return decided;
}

/** More time may change it, or its evidence. */
function isUnsettled(verdict: KeyVerdict): boolean {
  if (verdict.valid === 'unknown') return verdict.reason === 'time';
  return !verdict.valid && !verdict.stuck.isExact;
}

/** Nothing masks a violation: what an earlier round knew stays known. */
function interrupted(part: readonly Operation[], before: KeyVerdict | undefined): KeyVerdict {
  return (
    before ?? {
      valid: 'unknown',
      key: part[0]?.key,
      operations: part.length,
      reason: 'interrupted',
    }
  );
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

function guessModel(path: string, operations: readonly Operation[]): Model {
  const functions = new Set(operations.map((operation) => operation.f));
  const model = functions.size === 0 ? MODELS.get('register') : inferModel(functions);
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

function monotonicNs(): number {
  return performance.now() * MILLISECOND;
}
