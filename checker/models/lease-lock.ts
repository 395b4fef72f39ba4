import type { Json } from '../history.ts';
import { isArray } from '../json.ts';
import { REJECTED, type Model } from './model.ts';
import { show, unknownFunction } from './register.ts';
import { describeCall } from './wording.ts';

const FUNCTIONS = ['acquire', 'renew', 'release'] as const;

/**
 * A lock with fencing tokens that its holder may lose by time. `acquire` → token, an integer from 0 greater
 * than all before; its argument says for how long it is held at most, and null that this is longer than the
 * history. `release` names the token, `renew` the token and such a time, from then on: [token, time]. Each
 * of them may be refused: `applied: false`, an observation that the lock was held (`acquire`), or was not
 * held with this token (the others).
 *
 * *Time.* When a lock expires is the object's own business (its clock is none of the history's). So one that
 * may expire can be granted to another at any time, and who holds a token may be told at any time that it
 * is not good any more; but from then on, and once a greater one was given, it never is again. One that
 * does not expire is given to nobody else before it is released. Whether an expired lock is free is
 * hidden until somebody is told, so the object is deterministic: it stays held until then, and nobody
 * but its holder could tell.
 *
 * The token of a crashed acquire is unknown, and taken for one between the last and the next that somebody
 * saw, as if tokens were dense. A renewal or release that takes effect while such a one holds the lock tells
 * which it is.
 *
 * States: [holder, last token or -1], the holder null where free, else [token, or null where unknown;
 * whether it may expire].
 */
export const leaseLock: Model = {
  name: 'lease-lock',
  about: 'a lock with growing tokens, renewed and released by token, which may expire',
  functions: FUNCTIONS,
  initial: [null, -1],
  malformed(operation) {
    const { f, input, output, outcome, applied } = operation;
    if (f === 'acquire') {
      return outcome === 'info' || !applied || isToken(output)
        ? undefined
        : `acquire returned ${show(output)}, expected a token: an integer from 0`;
    }
    if (f !== 'renew' && f !== 'release')
      return unknownFunction('lease-lock', FUNCTIONS, operation);
    if (f === 'renew' && (!isArray(input) || input.length !== 2)) {
      return `renew has value ${show(input)}, expected [token, time]`;
    }
    return isToken(tokenOf(input))
      ? undefined
      : `${f} has value ${show(input)}, expected a token: an integer from 0`;
  },
  step(state, operation) {
    const { holder, last } = lockOf(state);
    const { f, input, output, outcome, applied } = operation;
    if (f === 'acquire') {
      if (!applied) return holder === undefined ? REJECTED : state;
      if (holder?.mayExpire === false) return REJECTED;
      if (outcome === 'info') return [[null, input !== null], last];
      return Number(output) > last ? [[Number(output), input !== null], Number(output)] : REJECTED;
    }
    const named = Number(tokenOf(input));
    if (!applied) {
      // An unknown token may be another.
      if (holder?.token !== named) return state;
      // It had expired: the token is void from now on.
      return holder.mayExpire ? [null, last] : REJECTED;
    }
    if (holder === undefined) return REJECTED;
    const isHolder = holder.token === undefined ? named > last : holder.token === named;
    if (!isHolder) return REJECTED;
    return f === 'release' ? [null, named] : [[named, timeOf(input) !== null], named];
  },
  // A renewal may tell a token that nobody knew; whoever was refused may tell that it had expired.
  isReadOnly: ({ f, applied }) => f === 'acquire' && !applied,
  effectKey({ f, input, output, outcome, applied }) {
    if (f === 'acquire') {
      if (!applied) return 'acquire refused';
      const token = outcome === 'ok' ? Number(output) : '?';
      return `acquire ${token}${input === null ? '' : ' for a time'}`;
    }
    const token = Number(tokenOf(input));
    if (!applied) return `${token} refused`;
    return `${f} ${token}${f === 'renew' && timeOf(input) !== null ? ' for a time' : ''}`;
  },
  describe(operation) {
    const { f, outcome, applied, output } = operation;
    if (outcome === 'ok' && !applied) return describeCall(operation, 'refused');
    return describeCall(operation, f === 'acquire' ? `token ${show(output)}` : undefined);
  },
  describeState(state) {
    const { holder, last } = lockOf(state);
    const tokens = last < 0 ? 'no token given' : `last token ${last}`;
    return `the lock ${describeHolder(holder)}, ${tokens}`;
  },
  explainRejection(state, { f, input, output, applied }) {
    const { holder, last } = lockOf(state);
    const isHeld = `the lock is ${describeHolder(holder)}`;
    if (!applied) return `it was refused, but ${isHeld}`;
    if (f !== 'acquire') return `it named token ${show(tokenOf(input))}, but ${isHeld}`;
    if (holder?.mayExpire === false) return isHeld;
    return `it got token ${show(output)}, but ${last} had been given`;
  },
};

/** What a release names, and a renewal before its time. */
function tokenOf(input: Json): Json {
  return isArray(input) ? (input[0] ?? null) : input;
}

function timeOf(input: Json): Json {
  return isArray(input) ? (input[1] ?? null) : null;
}

interface Holder {
  /** Undefined where nobody knows it. */
  readonly token: number | undefined;
  readonly mayExpire: boolean;
}

function isToken(value: Json): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function lockOf(state: Json): { readonly holder: Holder | undefined; readonly last: number } {
  if (!isArray(state)) return { holder: undefined, last: -1 };
  const [held, last] = state;
  return { holder: holderOf(held ?? null), last: Number(last) };
}

function holderOf(held: Json): Holder | undefined {
  if (!isArray(held)) return undefined;
  const [token, mayExpire] = held;
  return { token: typeof token === 'number' ? token : undefined, mayExpire: mayExpire === true };
}

function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return 'free';
  const token = holder.token === undefined ? 'an unknown token' : `token ${holder.token}`;
  return `held with ${token}${holder.mayExpire ? ' for a time' : ''}`;
}
