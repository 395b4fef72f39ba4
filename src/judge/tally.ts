import type { EngineName, Model, Progress } from '../../checker/index.ts';
import { assert } from '../lib/assert.ts';
import { FailureSelection } from './failure-selection.ts';
import type { FaultWindow } from './faults.ts';
import type { Part } from './part.ts';
import type { Proved } from './prove.ts';
import { reportFailure, type JudgeVerdict, type UndecidedReason } from './verdict.ts';

/** What is counted of a whole history, beside its keys. */
export interface HistoryCounts {
  readonly operations: number;
  readonly completed: number;
  readonly failed: number;
  readonly torn: boolean;
  /** False: an interruption left the rest unread, of which nothing is known. */
  readonly isWhole: boolean;
  /** What deciding took, in nanoseconds. */
  readonly elapsedNs: number;
  /** What reading took before; 0 for what was read while it was written. */
  readonly readNs: number;
}

/** Bugs in the search that are told in words; more of them say nothing new. */
const UNPROVED_MAX = 5;

interface UndecidedKey {
  readonly told: JudgeVerdict['unknown'][number];
  readonly firstId: number;
}

/**
 * Adds up what was decided key by key, in any order. What it holds does not grow with the number of valid
 * or invalid keys.
 */
export class Tally {
  readonly #model: Model;
  readonly #failures = new FailureSelection();
  readonly #unknown: UndecidedKey[] = [];
  readonly #unproved: string[] = [];
  readonly #engines = new Map<EngineName, number>();
  #valid = 0;
  #verified = 0;
  #decideNs = 0;
  #evidenceNs = 0;
  #verifyNs = 0;

  constructor(model: Model) {
    this.#model = model;
  }

  get keysInvalid(): number {
    return this.#failures.keys;
  }

  get keysDecided(): number {
    return this.#valid + this.#failures.keys + this.#unknown.length;
  }

  /**
   * @param part - all operations of the key
   * @param windows - faults so far: those that began before the key's last completion at least
   * @returns true when the key is valid, and nothing speaks against its witness
   */
  add(proved: Proved, part: Part, windows: readonly FaultWindow[]): boolean {
    const { verdict, wrong } = proved;
    this.#decideNs += proved.decideNs;
    this.#evidenceNs += proved.evidenceNs;
    this.#verifyNs += proved.verifyNs;
    const { engine } = verdict;
    if (engine !== undefined) this.#engines.set(engine, (this.#engines.get(engine) ?? 0) + 1);
    if (verdict.valid === false) {
      this.#failures.add(reportFailure(verdict, part.table(), this.#model.name, windows));
    } else if (verdict.valid === 'unknown') {
      this.#undecided(part, verdict, verdict.reason);
    } else if (wrong === undefined) {
      this.#valid++;
      if (proved.isVerified) this.#verified++;
      return true;
    } else {
      const completions = part.completions();
      this.#undecided(part, { engine, progress: { completionsProven: 0, completions } }, 'witness');
      if (this.#unproved.length < UNPROVED_MAX) {
        const { key = '(none)' } = verdict;
        this.#unproved.push(`the witness of key ${key} does not replay: ${wrong}`);
      }
    }
    return false;
  }

  #undecided(
    part: Part,
    { engine, progress }: { readonly engine: EngineName | undefined; readonly progress: Progress },
    reason: UndecidedReason,
  ): void {
    const { key = null, operations, firstId } = part;
    const told = { key, reason, operations, engine: engine ?? null, ...progress };
    this.#unknown.push({ told, firstId });
  }

  /**
   * The verdict on all keys that were added.
   *
   * @param windows - all faults of the history
   * @throws InvariantError when a witness did not replay (a bug in Gong) and no key is invalid
   */
  verdict(counts: HistoryCounts, windows: readonly FaultWindow[]): JudgeVerdict {
    const { failures, stale, keys: invalid } = this.#failures.selected(windows);
    // Nothing masks a violation, not even a bug in Gong. With one, nothing is lost: what was not proved
    // is reported as not decided. Without one there is nothing to say that could be relied on.
    assert(this.#unproved.length === 0 || invalid > 0, this.#unproved.join('; '));
    const unknown = this.#unknown.length;
    const byFirst = this.#unknown.toSorted((a, b) => a.firstId - b.firstId);
    return {
      schema: 1,
      valid: invalid > 0 ? false : unknown > 0 || !counts.isWhole ? 'unknown' : true,
      model: this.#model.name,
      operations: counts.operations,
      completed: counts.completed,
      crashed: counts.operations - counts.completed,
      failed: counts.failed,
      keys: { total: this.keysDecided, valid: this.#valid, invalid, unknown },
      witnessesVerified: this.#verified,
      engines: Object.fromEntries([...this.#engines].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      torn: counts.torn,
      failures,
      stale,
      unknown: byFirst.map(({ told }) => told),
      elapsedNs: counts.elapsedNs,
      readNs: Math.round(counts.readNs),
      decideNs: Math.round(this.#decideNs),
      evidenceNs: Math.round(this.#evidenceNs),
      verifyNs: Math.round(this.#verifyNs),
    };
  }
}
