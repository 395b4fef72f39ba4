import type { Client, Completion, Invocation, Served } from '../../contracts/client.ts';
import type { Clock } from '../../contracts/clock.ts';
import { assertNever } from '../../lib/assert.ts';
import { MILLISECOND, SECOND } from '../../lib/duration.ts';
import type { Command } from '../kv/commands.ts';
import type { Datum } from '../kv/datum.ts';
import type { RefusalReason } from '../kv/result.ts';
import { type Call, completionOf } from './calls.ts';

/** A session that nobody uses for so long is over, where nobody says otherwise. */
export const EXPIRY_MS = 60_000;
/** Before the same is asked again. */
const PAUSE_NS = 20 * MILLISECOND;
/** One attempt of several has this part of the time that is left, and at least so much. */
const ATTEMPT_SHARE = 1 / 3;
const ATTEMPT_NS_MIN = 100 * MILLISECOND;
/** A request that nobody answers is asked for again by then, however long the operation may take. */
const ATTEMPT_NS_MAX = SECOND;

/** Which write of which session. */
export interface SessionStamp {
  readonly id: number;
  readonly sequence: number;
}

/** How one request ended. */
export type Attempted =
  | {
      readonly type: 'ok';
      readonly value: Datum;
      readonly applied: boolean;
      readonly served: Served;
    }
  /** This request certainly did not happen; of an earlier one with its number it says nothing. */
  | {
      readonly type: 'refused';
      readonly error: string;
      readonly reason?: RefusalReason | undefined;
    }
  | { readonly type: 'unknown'; readonly error: string };

/** Sends one request, once. Whatever it finds, a later attempt may follow. */
export type Attempt = (
  call: Call,
  stamp: SessionStamp | undefined,
  deadlineNs: number,
) => Promise<Attempted>;

/** What a history says of an operation that ended so. */
export function completionAs(model: string, invocation: Invocation, ended: Attempted): Completion {
  switch (ended.type) {
    case 'ok':
      return completionOf(model, invocation, ended);
    case 'refused':
      return { type: 'fail', error: ended.error };
    case 'unknown':
      return { type: 'info', error: ended.error };
    default:
      return assertNever(ended);
  }
}

export interface SessionClientParts {
  readonly model: string;
  /** What an operation asks of the store. */
  readonly callOf: (invocation: Invocation) => Call;
  readonly attempt: Attempt;
  readonly clock: Clock;
  /** How long a session outlives the last write with it; by default `EXPIRY_MS`. */
  readonly expiryMs?: number | undefined;
  readonly close: () => Promise<void>;
}

/**
 * One client that holds a session of the store (thesis §6.3). Writes that were not answered it asks for
 * again, with the same number, until it is told what came of them or the time is over. Reads it asks
 * for once.
 */
export class SessionClient implements Client {
  readonly #parts: SessionClientParts;
  #session: number | undefined;
  #sequence = 0;

  constructor(parts: SessionClientParts) {
    this.#parts = parts;
  }

  async invoke(invocation: Invocation, deadlineNs: number): Promise<Completion> {
    const { model, callOf, attempt, clock } = this.#parts;
    const call = callOf(invocation);
    const endNs = clock.now() + deadlineNs;
    const ended =
      call.type === 'read'
        ? await attempt(call, undefined, deadlineNs)
        : await this.#writeOnce(call, endNs);
    return completionAs(model, invocation, ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.close();
  }

  async #writeOnce(call: Call, endNs: number): Promise<Attempted> {
    this.#session ??= await this.#open(endNs);
    const id = this.#session;
    // The write itself was never sent.
    if (id === undefined) return { type: 'refused', error: 'no session could be opened in time' };
    const ended = await this.#repeat(call, { id, sequence: this.#sequence++ }, endNs);
    if (ended.type === 'refused' && ended.reason === 'session') this.#session = undefined;
    return ended;
  }

  /** Opened twice where an answer is lost: the other one ends by itself. */
  async #open(endNs: number): Promise<number | undefined> {
    const { expiryMs = EXPIRY_MS } = this.#parts;
    const command: Command = { type: 'open-session', expiryMs };
    for (;;) {
      const ended = await this.#attempt({ type: 'command', command }, undefined, endNs);
      if (ended.type === 'ok' && typeof ended.value === 'number') return ended.value;
      if (!(await this.#pause(endNs))) return undefined;
    }
  }

  async #repeat(call: Call, stamp: SessionStamp, endNs: number): Promise<Attempted> {
    let unknown: string | undefined;
    for (;;) {
      const ended = await this.#attempt(call, stamp, endNs);
      if (ended.type === 'ok') return ended;
      if (ended.type === 'unknown') unknown = ended.error;
      // SAFETY (thesis §6.3): a refusal is certain of its own request alone. After one of which nobody
      // knows what came of it, it proves nothing: that may have taken effect, or still do.
      else if (unknown === undefined) return ended;
      else if (ended.reason !== undefined) return { type: 'unknown', error: ended.error };
      if (!(await this.#pause(endNs))) return { type: 'unknown', error: unknown };
    }
  }

  #attempt(call: Call, stamp: SessionStamp | undefined, endNs: number): Promise<Attempted> {
    const { attempt, clock } = this.#parts;
    const leftNs = Math.max(1, endNs - clock.now());
    const shareNs = Math.max(ATTEMPT_NS_MIN, Math.round(leftNs * ATTEMPT_SHARE));
    return attempt(call, stamp, Math.min(leftNs, shareNs, ATTEMPT_NS_MAX));
  }

  /** @returns false when there is no time left for another attempt */
  async #pause(endNs: number): Promise<boolean> {
    const { clock } = this.#parts;
    if (endNs - clock.now() <= PAUSE_NS) return false;
    await clock.sleep(PAUSE_NS);
    return true;
  }
}
