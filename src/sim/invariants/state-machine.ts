import { assertNever } from '../../lib/assert.ts';
import type { Entry, NodeId } from '../../raft/core/types.ts';
import type { Answer, Request, SessionNumber } from '../../raft/driver/requests.ts';
import type { Result } from '../../raft/kv/result.ts';
import type { Applied } from '../../raft/kv/state-machine.ts';
import { decodeStamped, type StampedCommand } from '../../raft/kv/stamped-command.ts';
import type { Report } from './report.ts';

/** What an entry did where it was applied first. */
interface First {
  readonly node: NodeId;
  readonly applied: Applied;
}

/** Where a write of a session took effect. */
interface Effect {
  readonly index: number;
  readonly node: NodeId;
  readonly result: Result;
}

/**
 * What entries do: the same everywhere; once for each number of a session (thesis §6.3); and locks are
 * granted with growing tokens, to one holder at a time. The last two are looked at where an entry is
 * applied first: elsewhere it does the same, or the first is broken.
 */
export function makeStateMachineInvariants(report: Report): {
  applied(node: NodeId, entry: Entry, applied: Applied): void;
  submitted(node: NodeId, request: number, what: Request): void;
  answered(node: NodeId, request: number, answer: Answer): void;
  /** Its clients hear of nothing any more. */
  stopped(node: NodeId): void;
} {
  const firsts = new Map<number, First>();
  const effects = new Map<string, Effect>();
  const locks = makeLocks(report);
  const asked = new Map<NodeId, Map<number, SessionNumber>>();
  return {
    applied(node, entry, applied) {
      const first = firsts.get(entry.index);
      if (first !== undefined) return mustBeAlike(report, entry.index, first, { node, applied });
      firsts.set(entry.index, { node, applied });
      if (entry.client !== undefined) onceInSession(report, effects, { node, entry, applied });
      locks.applied(node, applied, decodeStamped(entry.data));
    },
    submitted(node, request, what) {
      if (what.type !== 'command' || what.session === undefined) return;
      const open = asked.get(node) ?? new Map<number, SessionNumber>();
      asked.set(node, open.set(request, what.session));
    },
    answered(node, request, answer) {
      const session = asked.get(node)?.get(request);
      asked.get(node)?.delete(request);
      if (session === undefined || answer.type === 'unknown') return;
      // Refused before it was applied, or since its session is over: that is no answer to the number.
      if (answer.type === 'refused' && answer.reason !== 'conflict') return;
      const effect = effects.get(numberOf(session));
      const said = resultOf(answer);
      if (effect !== undefined && show(effect.result) === show(said)) return;
      const sentence =
        `${node} answered ${show(said)} to ${numberOf(session)}, which ` +
        (effect === undefined
          ? 'took no effect'
          : `took effect at index ${effect.index}: ${show(effect.result)}`);
      report('session-once', [node], sentence);
    },
    stopped(node) {
      asked.delete(node);
    },
  };
}

function mustBeAlike(report: Report, index: number, first: First, second: First): void {
  const [before, now] = [first.applied, second.applied];
  const isSame = before.isRepeated === now.isRepeated && show(before.result) === show(now.result);
  if (isSame) return;
  const sentence =
    `entry ${index} did ${show(now.result)} at ${second.node}, ` +
    `where it had done ${show(before.result)} at ${first.node}`;
  report('applied-alike', [first.node, second.node], sentence);
}

function onceInSession(
  report: Report,
  effects: Map<string, Effect>,
  {
    node,
    entry: { index, client },
    applied: { result, isRepeated },
  }: { readonly node: NodeId; readonly entry: Entry; readonly applied: Applied },
): void {
  if (client === undefined || (result.type === 'refused' && result.reason === 'session')) return;
  const name = numberOf(client);
  const effect = effects.get(name);
  if (!isRepeated && effect === undefined) {
    effects.set(name, { index, node, result });
  } else if (!isRepeated && effect !== undefined) {
    const sentence = `${name} took effect at index ${effect.index}, and at ${index} again`;
    report('session-once', [node], sentence);
  } else if (effect === undefined) {
    report('session-once', [node], `entry ${index} is taken for a repetition, but none was before`);
  } else if (show(effect.result) !== show(result)) {
    const sentence =
      `entry ${index} answers ${show(result)} to ${name}, ` +
      `which took effect at index ${effect.index}: ${show(effect.result)}`;
    report('session-once', [node], sentence);
  }
}

/** Who holds which lock, as the entries say. */
function makeLocks(report: Report): {
  applied(node: NodeId, applied: Applied, stamped: StampedCommand): void;
} {
  const held = new Map<string, { readonly token: number; readonly untilMs: number }>();
  let [nowMs, greatest] = [0, -1];
  return {
    applied(node, { result, isRepeated }, { timeMs, command }) {
      nowMs = Math.max(nowMs, timeMs);
      if (isRepeated || result.type === 'refused' || !result.applied) return;
      switch (command.type) {
        case 'acquire': {
          const token = Number(result.value);
          const before = held.get(command.key);
          if (token <= greatest) {
            const sentence = `${node} granted token ${token}, though ${greatest} had been granted`;
            report('lock-fenced', [node], sentence);
          } else if (before !== undefined && before.untilMs > nowMs) {
            const sentence =
              `${node} granted lock ${command.key} with token ${token} ` +
              `while it was held with token ${before.token}`;
            report('lock-fenced', [node], sentence);
          }
          greatest = Math.max(greatest, token);
          held.set(command.key, { token, untilMs: nowMs + command.ttlMs });
          return;
        }
        case 'renew':
        case 'release': {
          const { key, token } = command;
          if (held.get(key)?.token !== token) {
            const sentence = `${node} let token ${token} ${command.type} lock ${key}, of which another is the last`;
            report('lock-fenced', [node], sentence);
          }
          if (command.type === 'release') held.delete(key);
          else held.set(key, { token, untilMs: nowMs + command.ttlMs });
          return;
        }
        case 'put':
        case 'delete':
        case 'cas':
        case 'incr':
        case 'append':
        case 'txn':
        case 'set-add':
        case 'set-remove':
        case 'enqueue':
        case 'dequeue':
        case 'open-session':
        case 'keep-session':
        case 'close-session':
          return;
        default:
          assertNever(command);
      }
    },
  };
}

function numberOf({ id, sequence }: Pick<SessionNumber, 'id' | 'sequence'>): string {
  return `number ${sequence} of session ${id}`;
}

/** What an answer says of what was done. */
function resultOf(answer: Exclude<Answer, { readonly type: 'unknown' }>): Result {
  if (answer.type === 'ok') return { type: 'done', applied: answer.applied, value: answer.value };
  const { error, reason = 'conflict' } = answer;
  return { type: 'refused', reason, error };
}

/** The same text for the same result. */
function show(result: Result): string {
  if (result.type === 'refused') return `a refusal (${result.error})`;
  return `${result.applied ? '' : 'not applied, '}${JSON.stringify(result.value)}`;
}
