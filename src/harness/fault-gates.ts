import type { EvidenceKind } from '../contracts/nemesis.ts';
import { assertNever } from '../lib/assert.ts';
import { formatDuration, formatInstant } from '../lib/duration.ts';
import type { FaultRecord, GateFailure } from '../rundir/cluster-log.ts';
import { missingChange, missingHandOver } from './steering-gates.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** Of a cut that lasts so many election timeouts both sides have tried to cross it. */
const ELECTION_TIMEOUTS_HELD = 2;
/** What faults show that cut links. */
export const CUTS: readonly EvidenceKind[] = ['cut-off-side', 'links-cut'];

/** What a planned fault was to show. */
export interface FaultPromise {
  /** The word of `--nemesis` that asked for it. */
  readonly word: string;
  readonly hitsLeader: boolean;
  /** It hit the nodes that a schedule named, whoever led: not all that it does need be felt. */
  readonly isScheduled?: boolean;
}

export interface FaultGateInput {
  readonly faults: readonly FaultRecord[];
  /** Of each planned fault, in the order of the plan; without it each stands for itself alone. */
  readonly promises?: readonly FaultPromise[] | undefined;
  /**
   * The longest a healthy cluster needs to notice a dead leader. Without it links need not have held
   * anything both ways, however long they were cut.
   */
  readonly electionTimeoutNsMax?: number | undefined;
  /** The run ended before its time, its disk budget spent. */
  readonly isDiskSpent?: boolean;
}

/** Finds out whether every planned fault left the evidence that it bit. */
export function faultGates(input: FaultGateInput): readonly GateFailure[] {
  const excused = excusedFaults(input);
  return input.faults
    .filter((record) => !excused.has(record))
    .flatMap((record) => gatesOf(record, input));
}

/**
 * Skipped faults that are not missed. Faults that are held for an election push the later ones on, and
 * the last of them out of the run: it is enough that each word of `--nemesis` came once and, if the
 * plan held any, a fault that hits the leader. Of those that are missed one per reason is told.
 */
function excusedFaults({ faults, promises = [] }: FaultGateInput): ReadonlySet<FaultRecord> {
  const shown = new Set<string>();
  const show = (promise: FaultPromise): void => {
    shown.add(`word ${promise.word}`);
    if (promise.hitsLeader) shown.add('leader');
  };
  for (const { fault, outcome } of faults) {
    const promise = promises[fault];
    if (outcome === 'injected' && promise !== undefined) show(promise);
  }
  const excused = new Set<FaultRecord>();
  for (const record of faults.filter(({ outcome }) => outcome === 'skipped')) {
    const promise = promises[record.fault];
    if (promise === undefined) continue;
    const isMissed =
      !shown.has(`word ${promise.word}`) || (promise.hitsLeader && !shown.has('leader'));
    if (isMissed) show(promise);
    else excused.add(record);
  }
  return excused;
}

function gatesOf(record: FaultRecord, input: FaultGateInput): GateFailure[] {
  const name = `fault ${record.fault + 1} (${record.kind}:${record.shape})`;
  const gate = (what: string): string => `fault-${record.fault + 1}-${what}`;
  switch (record.outcome) {
    case 'skipped':
      return [
        {
          gate: gate('injected'),
          sentence:
            input.isDiskSpent === true
              ? `expected ${name} to be injected, but the disk budget was spent before its turn: ` +
                'allow more (--max-disk), or let the run write less (--rate, --concurrency)'
              : `expected ${name} to be injected, but those before it were held so long that its ` +
                'turn never came: leave more time between faults (--nemesis-interval)',
        },
      ];
    case 'unresolved':
      return [
        {
          gate: gate('injected'),
          sentence:
            `expected ${name} to find its victims, but ` +
            (record.voters === undefined
              ? 'no leader was known'
              : `too few voted (${record.voters.join(', ')})`) +
            ` for ${formatDuration(record.waitedNs)}: see in cluster.jsonl what the nodes said, and leave ` +
            `more time between faults (--nemesis-interval)`,
        },
      ];
    case 'injected': {
      const isCut = record.required.some((one) => CUTS.includes(one));
      const unasked = isCut ? unaskedSide(record) : undefined;
      const missing = record.required.map((kind) => ({
        what: kind,
        // Nobody asked the victims: that has been said, and nothing can have been felt there.
        sentence:
          kind === 'cut-off-side' && unasked?.isOfVictims === true
            ? missingHold(record, input)
            : missingEvidence(kind, record, input),
      }));
      return [...missing, { what: 'both-sides', sentence: unasked?.sentence }].flatMap((one) =>
        one.sentence === undefined
          ? []
          : [
              {
                gate: gate(one.what),
                sentence: `expected of ${name} ${where(record)} ${one.sentence}`,
              },
            ],
      );
    }
    default:
      return assertNever(record);
  }
}

/** Undefined when the evidence is there; else what was expected, what was seen, what to change. */
function missingEvidence(
  kind: EvidenceKind,
  record: Injected,
  input: FaultGateInput,
): string | undefined {
  switch (kind) {
    case 'election':
      if (record.election !== null) return undefined;
      return (
        'another node to lead a higher term before the heal, saw none: see in cluster.jsonl what ' +
        'the nodes said, and leave more time (--nemesis-interval)'
      );
    case 'new-process': {
      const same = record.processes.filter(
        ({ pidBefore, pidAfter }) =>
          pidBefore === null || pidAfter === null || pidBefore === pidAfter,
      );
      if (same.length > 0) {
        const pids = same.map(
          (one) => `${one.node} had pid ${one.pidBefore ?? 'none'}, then ${one.pidAfter ?? 'none'}`,
        );
        return `a new process, saw that ${pids.join('; ')}: see the logs of the nodes`;
      }
      return wereRefused(record) ? undefined : notFelt('fail or time out', record);
    }
    case 'cut-off-side':
      return missingCut(record, input);
    case 'links-cut':
      return missingHold(record, input);
    case 'stopped':
      return missingStop(record);
    case 'slowed':
      return missingDelay(record);
    case 'connections-reset':
      return missingReset(record);
    case 'hook-output':
      return missingHook(record);
    case 'members-changed':
      return missingChange(record, isScheduled(record, input));
    case 'led-by-target':
      return missingHandOver(record, isScheduled(record, input));
    default:
      return assertNever(kind);
  }
}

/**
 * Whether a fault that is in force would pass its gates if it healed now, as far as that can be told
 * before the heal: nothing is said of elections, of new processes' pids and of scripts.
 *
 * @param record - with what has been seen so far
 */
export function hasShown(record: Injected): boolean {
  const isCut = record.required.some((one) => CUTS.includes(one));
  if (isCut && unaskedSide(record) !== undefined) return false;
  return record.required.every((kind) => {
    switch (kind) {
      case 'election':
      case 'hook-output':
        return true;
      case 'new-process':
        return wereRefused(record);
      case 'cut-off-side':
      case 'links-cut':
      case 'stopped':
      case 'slowed':
      case 'connections-reset':
      case 'members-changed':
      case 'led-by-target':
        return missingEvidence(kind, record, { faults: [record] }) === undefined;
      default:
        return assertNever(kind);
    }
  });
}

/** Of a cut both sides must have been asked, or nobody knows what they would have said. */
function unaskedSide(
  record: Injected,
): { readonly isOfVictims: boolean; readonly sentence: string } | undefined {
  const { victims, victimOperations, otherOperations } = record;
  const change =
    'use more clients (--concurrency) than nodes, a higher --rate, or leave more time ' +
    '(--nemesis-interval)';
  const sentence = (side: string): string =>
    `operations under way on both sides of the cut, but none was sent to ${side}: ${change}`;
  const partly = partialSides(record);
  if (partly !== undefined) {
    const unasked = partly.find((side) => !side.some((node) => record.asked?.includes(node)));
    if (unasked === undefined) return undefined;
    return { isOfVictims: false, sentence: sentence(unasked.join(', ')) };
  }
  const { ok, fail, info, delayed = 0 } = victimOperations;
  const isOfVictims = victims.length > 0 && ok + fail + info + delayed === 0;
  if (!isOfVictims && otherOperations !== 0) return undefined;
  return { isOfVictims, sentence: sentence(isOfVictims ? victims.join(', ') : 'the other nodes') };
}

/**
 * The sides of a cut whose victims stand on all of them, as those of a bridge; undefined where the
 * victims are one side, or it is not known who was asked.
 */
function partialSides({ required, value, asked }: Injected): readonly string[][] | undefined {
  if (!required.includes('links-cut') || asked === undefined) return undefined;
  if (typeof value !== 'object' || value === null || !('groups' in value)) return undefined;
  const { groups } = value;
  return Array.isArray(groups) ? groups.map((group) => [group].flat().map(String)) : undefined;
}

function isScheduled({ fault }: Injected, { promises }: FaultGateInput): boolean {
  return promises?.[fault]?.isScheduled === true;
}

function wereRefused({ victimOperations: { fail, info } }: Injected): boolean {
  return fail + info > 0;
}

/** A cut must be felt on its wrong side, and let nothing through: a leak is no cut at all. */
function missingCut(record: Injected, input: FaultGateInput): string | undefined {
  const { fail, info, leaked = 0, delayed = 0 } = record.victimOperations;
  if (leaked > 0) {
    return (
      `no operation to cross the cut, but the cut leaked: ${leaked} that were sent there were ` +
      'answered by nodes on the other side before the heal: see links in cluster.jsonl, and whether ' +
      'nodes reach each other by another way than their links'
    );
  }
  const missing = missingHold(record, input);
  if (missing !== undefined) return missing;
  return fail + info + delayed > 0
    ? undefined
    : notFelt('fail, time out or wait until the heal', record);
}

/** What the links themselves counted. */
function missingHold(record: Injected, input: FaultGateInput): string | undefined {
  const { links, startedNs, healedNs, required } = record;
  if (links === undefined) return undefined;
  if (links.forwardedBytes > 0) {
    return (
      `nothing to cross the cut links, but the cut leaked: ${links.forwardedBytes} bytes crossed ` +
      `${links.leaked.join(', ')}: the cluster does not cut what it says it cuts`
    );
  }
  const { heldFromVictimsBytes: from, heldToVictimsBytes: to, heldBytes = from + to } = links;
  const otherWay = 'nodes reach each other by another way, or are not alive: see their logs';
  // Of links that a schedule names: with another leader nobody may have anything to send there.
  if (heldBytes === 0 && !isScheduled(record, input)) {
    return `something to wait at the cut links, but they held nothing: ${otherWay}`;
  }
  const { electionTimeoutNsMax = Infinity } = input;
  if (healedNs - startedNs < ELECTION_TIMEOUTS_HELD * electionTimeoutNsMax) return undefined;
  if (!required.includes('cut-off-side') || (from > 0 && to > 0)) return undefined;
  return (
    `nodes of both sides to try to reach the other, but the links held ${from} bytes from the ` +
    `victims and ${to} to them: ${otherWay}`
  );
}

/** A stopped node answers nothing, and somebody must have waited for it. */
function missingStop(record: Injected): string | undefined {
  const { fail, info, delayed = 0, answered = 0 } = record.victimOperations;
  if (answered > 0) {
    return (
      `no operation sent there to be answered before the heal, but ${answered} were: the processes ` +
      'that were stopped are not those that answer, see pid in cluster.jsonl'
    );
  }
  return fail + info + delayed > 0
    ? undefined
    : notFelt('fail, time out or wait until it went on', record);
}

function missingDelay(record: Injected): string | undefined {
  const { delayedBytes = 0 } = record.links ?? {};
  if (delayedBytes === 0) {
    return (
      'bytes to be delayed on the links, but none were: nodes reach each other by another way than ' +
      'their links, or say nothing to each other: see their logs'
    );
  }
  const { ok, fail, info, slowed = 0 } = record.victimOperations;
  if (slowed > 0) return undefined;
  const seen = ok + fail + info === 0 ? 'none was sent' : `all ${ok + fail + info} took less`;
  return (
    `an operation sent there to take the delay at least, but ${seen}: use more clients ` +
    '(--concurrency) than nodes, and leave more time (--nemesis-interval)'
  );
}

function missingReset({ links }: Injected): string | undefined {
  const { resets = 0, connections = 0 } = links ?? {};
  if (resets === 0) {
    return (
      'connections between nodes to be reset, but there were none: nodes reach each other by another ' +
      'way than their links, or were not connected: see their logs'
    );
  }
  return connections > 0
    ? undefined
    : `new connections after ${resets} had been reset, but none was made: leave more time ` +
        '(--nemesis-interval), and see in the logs of the nodes whether they connect again';
}

/** The words of a script are recorded whatever they are; it must have ended well, both times. */
function missingHook({ hook = [] }: Injected): string | undefined {
  const wanting = ['start', 'heal'].filter(
    (word) => !hook.some(({ words, code }) => words[0] === word && code === 0),
  );
  return wanting.length === 0
    ? undefined
    : `the script to end with 0 for ${wanting.join(' and for ')}, but it did not: see hook in ` +
        'cluster.jsonl for what it said, and let it end with 0 when all is done';
}

/** Clients of a victim must have felt it. An answer from elsewhere is what a healthy follower gives. */
function notFelt(what: string, { victimOperations, victims }: Injected): string {
  const { ok } = victimOperations;
  const expected = `an operation sent there to ${what}`;
  return ok === 0
    ? `${expected}, but none was sent: use more clients (--concurrency) than nodes`
    : `${expected}, but all ${ok} were answered while ${victims.join(', ')} should have been unable ` +
        'to: the fault was not felt, see the logs of the nodes';
}

function where({ victims, startedNs, healedNs }: Injected): string {
  const on = victims.length === 0 ? '' : `on ${victims.join(', ')} `;
  return `${on}from ${formatInstant(startedNs)} to ${formatInstant(healedNs)}`;
}
