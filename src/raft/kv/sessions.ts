import { unitsOf } from './datum.ts';
import { type Deadlines, later } from './deadlines.ts';
import { SESSION_ANSWERS_MAX } from './limits.ts';
import { APPLIED, applied, NOT_APPLIED, readResult, type Result, writeResult } from './result.ts';
import { orderedNumber, type RowCodec, Table } from './table.ts';

interface Session {
  readonly expiryMs: number;
  /** It is over from this log time on. */
  readonly deadlineMs: number;
  /** When it is looked at: at its deadline, or at one that was put off since. */
  readonly lookMs: number;
  /** Answers to numbers below are not kept any more: such a number is refused. */
  readonly floor: number;
  /** Answers that are kept, and about their size. */
  readonly answers: number;
  readonly units: number;
}

const SESSION: RowCodec<Session> = {
  write: (writer, { expiryMs, deadlineMs, lookMs, floor, answers, units }) =>
    void writer.u53(expiryMs).u53(deadlineMs).u53(lookMs).u53(floor).u53(answers).u53(units),
  read: (reader) => ({
    expiryMs: reader.u53(),
    deadlineMs: reader.u53(),
    lookMs: reader.u53(),
    floor: reader.u53(),
    answers: reader.u53(),
    units: reader.u53(),
  }),
};

const RESULT: RowCodec<Result> = { write: writeResult, read: readResult };

/** Which write of which session. */
export interface SessionWrite {
  readonly id: number;
  readonly sequence: number;
}

/**
 * Sessions of clients (thesis §6.3): a write that carries a session and a number takes effect once,
 * and every entry with that number answers what the first one did, refusals too.
 *
 * Several numbers of a session may be in flight, in any order. Answers are kept until the client says
 * that it has them (all below a number), and of those that it says nothing about, the newest ones up
 * to a limit: a number below what is kept is refused and never takes effect. A refusal speaks of that
 * entry alone: an earlier one with its number may have taken effect.
 */
export class Sessions {
  readonly table: Table<Session> = new Table(SESSION);
  /** By session and number. */
  readonly answers: Table<Result> = new Table(RESULT);
  readonly #deadlines: Deadlines;

  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  /** @param id - the index of the entry that opens it */
  open(id: number, expiryMs: number, nowMs: number): Result {
    const deadlineMs = later(nowMs, expiryMs);
    const session = { expiryMs, deadlineMs, lookMs: deadlineMs, floor: 0, answers: 0, units: 0 };
    this.table.set(orderedNumber(id), session);
    this.#deadlines.add(deadlineMs, nameOf(id));
    return applied(id);
  }

  keep(id: number, nowMs: number): Result {
    const session = this.#alive(id, nowMs);
    if (session === undefined) return NOT_APPLIED;
    this.#touch(id, session, nowMs);
    return APPLIED;
  }

  close(id: number, nowMs: number): Result {
    const session = this.#alive(id, nowMs);
    if (session === undefined) return NOT_APPLIED;
    this.#deadlines.remove(session.lookMs, nameOf(id));
    this.#forget(id);
    return APPLIED;
  }

  /**
   * Before a write of a session is applied; a sign of life, whatever comes of it.
   *
   * @param acknowledged - the client has the answers to all numbers below
   * @returns the answer, where the write must not be applied; undefined where it must
   */
  begin(
    { id, sequence }: SessionWrite,
    acknowledged: number,
    nowMs: number,
  ): { readonly result: Result; readonly isRepeated: boolean } | undefined {
    const session = this.#alive(id, nowMs);
    // SAFETY (thesis §6.3): nobody knows any more whether this write took effect before, so it must
    // not now; the client is told, and has to find out.
    if (session === undefined) return refused('the session is over, or never was');
    const floor = Math.max(session.floor, acknowledged);
    const kept = this.#dropBelow(id, this.#touch(id, { ...session, floor }, nowMs));
    if (sequence < kept.floor) return refused('the session is past this number');
    const result = this.answers.get(rowOf(id, sequence));
    return result === undefined ? undefined : { result, isRepeated: true };
  }

  /** After a write of a session was applied. */
  end({ id, sequence }: SessionWrite, result: Result): void {
    const session = this.table.get(orderedNumber(id));
    // A write may have closed its own session.
    if (session === undefined) return;
    this.answers.set(rowOf(id, sequence), result);
    const [answers, units] = [session.answers + 1, session.units + sizeOf(result)];
    this.#dropMost(id, { ...session, answers, units });
  }

  get size(): number {
    return this.table.size;
  }

  /** @returns whether it was cleared away */
  look(id: number, nowMs: number): boolean {
    const session = this.table.get(orderedNumber(id));
    if (session === undefined) return false;
    if (session.deadlineMs <= nowMs) {
      this.#forget(id);
      return true;
    }
    this.#deadlines.add(session.deadlineMs, nameOf(id));
    this.table.set(orderedNumber(id), { ...session, lookMs: session.deadlineMs });
    return false;
  }

  #alive(id: number, nowMs: number): Session | undefined {
    const session = this.table.get(orderedNumber(id));
    return session === undefined || session.deadlineMs <= nowMs ? undefined : session;
  }

  #touch(id: number, session: Session, nowMs: number): Session {
    const touched = { ...session, deadlineMs: later(nowMs, session.expiryMs) };
    this.table.set(orderedNumber(id), touched);
    return touched;
  }

  #dropBelow(id: number, session: Session): Session {
    let kept = session;
    for (;;) {
      const first = this.#first(id);
      if (first === undefined || first.sequence >= session.floor) break;
      kept = this.#drop(id, kept, first);
    }
    if (kept !== session) this.table.set(orderedNumber(id), kept);
    return kept;
  }

  /** Keeps the newest answer, however large. */
  #dropMost(id: number, session: Session): void {
    let kept = session;
    const { count, units } = SESSION_ANSWERS_MAX;
    while (kept.answers > 1 && (kept.answers > count || kept.units > units)) {
      const first = this.#first(id);
      if (first === undefined) break;
      kept = this.#drop(id, { ...kept, floor: first.sequence + 1 }, first);
    }
    this.table.set(orderedNumber(id), kept);
  }

  #drop(id: number, session: Session, { sequence, result }: Kept): Session {
    this.answers.delete(rowOf(id, sequence));
    return {
      ...session,
      answers: session.answers - 1,
      units: session.units - sizeOf(result),
    };
  }

  /** The answer to the lowest number. */
  #first(id: number): Kept | undefined {
    const prefix = orderedNumber(id);
    const rows = this.answers.cursor(prefix);
    if (!rows.next() || !rows.key.startsWith(prefix)) return undefined;
    return { sequence: Number.parseInt(rows.key.slice(prefix.length), 36), result: rows.value };
  }

  #forget(id: number): void {
    this.table.delete(orderedNumber(id));
    for (;;) {
      const first = this.#first(id);
      if (first === undefined) return;
      this.answers.delete(rowOf(id, first.sequence));
    }
  }
}

interface Kept {
  readonly sequence: number;
  readonly result: Result;
}

/** Among the deadlines. */
export const SESSION_MARK = 's';

function nameOf(id: number): string {
  return SESSION_MARK + orderedNumber(id);
}

/** @param name - as it stands among the deadlines, without its mark */
export function sessionOf(name: string): number {
  return Number.parseInt(name, 36);
}

function rowOf(id: number, sequence: number): string {
  return orderedNumber(id) + orderedNumber(sequence);
}

function refused(error: string): { readonly result: Result; readonly isRepeated: boolean } {
  return { result: { type: 'refused', reason: 'session', error }, isRepeated: false };
}

/** About, in UTF-16 units, with what each answer costs beside its value. */
function sizeOf(result: Result): number {
  return 32 + (result.type === 'done' ? unitsOf(result.value) : result.error.length);
}
