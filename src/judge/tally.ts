import { verifyWitness, type KeyVerdict, type Model, type Operation } from '../../checker/index.ts';
import { assert } from '../lib/assert.ts';
import { FailureSelection } from './failure-selection.ts';
import type { FaultWindow } from './faults.ts';
import { reportFailure, type JudgeVerdict } from './verdict.ts';

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
}

/** Bugs in the search that are told in words; more of them say nothing new. */
const UNPROVED_MAX = 5;

type UndecidedKey = JudgeVerdict['unknown'][number] & { readonly firstId: number };

/**
 * Adds up what was decided key by key, in any order, and replays the witness of every valid key. What
 * it holds does not grow with the number of valid or invalid keys.
 */
export class Tally {
  readonly #model: Model;
  readonly #failures = new FailureSelection();
  readonly #unknown: UndecidedKey[] = [];
  readonly #unproved: string[] = [];
  #valid = 0;

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
   * @returns true when the key is valid, and its witness was replayed
   */
  add(verdict: KeyVerdict, part: readonly Operation[], windows: readonly FaultWindow[]): boolean {
    const { key = null } = verdict;
    const undecided = { key, operations: part.length, firstId: part[0]?.id ?? 0 };
    if (verdict.valid === false) {
      const failure = reportFailure(verdict, part, this.#model.name, windows);
      this.#failures.add(failure);
    } else if (verdict.valid === 'unknown') {
      this.#unknown.push({ ...undecided, reason: verdict.reason });
    } else {
      const wrong = verifyWitness(part, this.#model, verdict.witness);
      if (wrong === undefined) {
        this.#valid++;
        return true;
      }
      this.#unknown.push({ ...undecided, reason: 'witness' });
      if (this.#unproved.length < UNPROVED_MAX) {
        this.#unproved.push(`the witness of key ${key ?? '(none)'} does not replay: ${wrong}`);
      }
    }
    return false;
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
      witnessesVerified: this.#valid,
      torn: counts.torn,
      failures,
      stale,
      unknown: byFirst.map(({ key, reason, operations }) => ({ key, reason, operations })),
      elapsedNs: counts.elapsedNs,
    };
  }
}
