import fc from 'fast-check';
import { defined } from '../../lib/assert.ts';
import { encodeConfiguration } from '../core/configuration-codec.ts';
import {
  type Entry,
  type EntryKind,
  type LogIndex,
  logIndex,
  type LogPosition,
  type Message,
  nodeId,
  type Term,
  term,
} from '../core/types.ts';
import type { PeerMessage } from '../driver/peer-message.ts';
import { CONSISTENCIES, type Request } from '../driver/requests.ts';
import { SnapshotWriter } from '../driver/snapshot-format.ts';
import { StateMachine } from '../kv/state-machine.ts';
import { encodeStamped } from '../kv/stamped-command.ts';
import { joined } from './mutation.ts';

/** What the node that is lied to knows. */
export interface Known {
  readonly term: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
}

/** A number near one that the node knows, or far from all. */
type Near = (known: Known) => number;

const offset = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -2, max: 2 }) },
  fc.integer({ min: -1000, max: 1000 }),
);
const far = fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, 2 ** 52, Number.MAX_SAFE_INTEGER);
const clamp = (value: number): number => Math.min(Math.max(0, value), Number.MAX_SAFE_INTEGER);

function near(...fields: readonly (keyof Known)[]): fc.Arbitrary<Near> {
  const nearby = fc.tuple(fc.constantFrom(...fields), offset).map(
    ([field, by]): Near =>
      (known) =>
        clamp(known[field] + by),
  );
  return fc.oneof(
    { weight: 20, arbitrary: nearby },
    far.map(
      (value): Near =>
        () =>
          value,
    ),
  );
}

const nearTerm = near('term');
const nearIndex = near('firstIndex', 'lastIndex', 'commitIndex');
const small = fc.nat({ max: 3 });
const flag = fc.boolean();

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constant(
      encodeStamped({ timeMs: 5, acknowledged: 0, command: { type: 'put', key: 'k', value: 'v' } }),
    ),
  },
  fc.uint8Array({ maxLength: 12 }),
);
const configuration = fc
  .record({
    voters: fc.uniqueArray(fc.constantFrom('n1', 'n2', 'n3', 'n9'), { maxLength: 4 }),
    outgoing: fc.uniqueArray(fc.constantFrom('n1', 'n2', 'n3'), { maxLength: 3 }),
  })
  .map(({ voters, outgoing }) => ({
    voters: voters.map(nodeId),
    outgoing: outgoing.map(nodeId),
    learners: [],
    addresses: new Map(),
  }));

interface EntryDraft {
  readonly kind: EntryKind;
  readonly data: Uint8Array;
  readonly termDelta: number;
  readonly session: boolean;
}

const entryDraft: fc.Arbitrary<EntryDraft> = fc.oneof(
  fc.record({
    kind: fc.constant('command' as const),
    data: command,
    termDelta: fc.nat({ max: 1 }),
    session: flag,
  }),
  fc.record({
    kind: fc.constant('noop' as const),
    data: fc.uint8Array({ maxLength: 2 }),
    termDelta: fc.nat({ max: 1 }),
    session: flag,
  }),
  fc.record({
    kind: fc.constant('configuration' as const),
    data: fc.oneof(
      { weight: 4, arbitrary: configuration.map(encodeConfiguration) },
      fc.uint8Array({ maxLength: 8 }),
    ),
    termDelta: fc.nat({ max: 1 }),
    session: flag,
  }),
);

function entriesOf(drafts: readonly EntryDraft[], prev: LogPosition): Entry[] {
  let at: number = prev.term;
  return drafts.map(({ kind, data, termDelta, session }, i) => {
    at = clamp(at + termDelta);
    const index = logIndex(clamp(prev.index + 1 + i));
    const client = session ? { client: { id: i, sequence: 1 } } : {};
    return { index, term: term(at), kind, data, ...client };
  });
}

type Lie = (known: Known) => PeerMessage;

const position = fc
  .tuple(nearIndex, nearTerm)
  .map(([index, at]) => (known: Known): LogPosition => ({
    index: logIndex(index(known)),
    term: term(at(known)),
  }));

function raft(make: (known: Known, at: Term) => Message, at: Near): Lie {
  return (known) => ({ type: 'raft', message: make(known, term(at(known))) });
}

const index = nearIndex.map(
  (at) =>
    (known: Known): LogIndex =>
      logIndex(at(known)),
);

const appendEntries = fc
  .tuple(nearTerm, position, index, near('term'), fc.array(entryDraft, { maxLength: 6 }))
  .map(([at, prev, leaderCommit, round, drafts]) =>
    raft(
      (known, own) => ({
        type: 'append-entries',
        term: own,
        prev: prev(known),
        leaderCommit: leaderCommit(known),
        round: round(known),
        entries: entriesOf(drafts, prev(known)),
      }),
      at,
    ),
  );

const answers = fc
  .tuple(nearTerm, flag, flag, near('term'), index, position)
  .chain(([at, one, other, round, indexOf, hint]) =>
    fc.constantFrom(
      raft(
        (_known, own) => ({ type: 'vote-response', term: own, preVote: one, granted: other }),
        at,
      ),
      raft(
        (known, own) => ({
          type: 'append-response',
          term: own,
          round: round(known),
          result: one
            ? { success: true, matchIndex: indexOf(known) }
            : { success: false, prevIndex: indexOf(known), hint: hint(known) },
        }),
        at,
      ),
      raft(
        (known, own) => ({
          type: 'snapshot-response',
          term: own,
          last: hint(known),
          nextOffset: round(known),
          isDamaged: other,
        }),
        at,
      ),
    ),
  );

const asks = fc
  .tuple(nearTerm, flag, flag, position, configuration, far, fc.uint8Array({ maxLength: 40 }))
  .chain(([at, one, other, positionOf, members, offsetOf, data]) =>
    fc.constantFrom(
      raft(
        (known, own) => ({
          type: 'request-vote',
          term: own,
          preVote: one,
          lastLog: positionOf(known),
          ...(other ? { transfer: true } : {}),
        }),
        at,
      ),
      raft((_known, own) => ({ type: 'timeout-now', term: own }), at),
      raft((_known, own) => ({ type: 'read-index', term: own, ask: offsetOf, lease: one }), at),
      raft(
        (known, own) => ({
          type: 'read-index-response',
          term: own,
          ask: offsetOf,
          readIndex: one ? positionOf(known).index : undefined,
          lease: other,
        }),
        at,
      ),
      raft(
        (known, own) => ({
          type: 'install-snapshot',
          term: own,
          last: positionOf(known),
          configuration: members,
          offset: offsetOf,
          data,
          done: one,
        }),
        at,
      ),
    ),
  );

const EMPTY_STATE = defined(
  new StateMachine().freeze().next(1024),
  'it says at least its log time',
);

/** A snapshot that is whole, of a state that nobody had; all of it, or a piece that is not the first. */
const wholeSnapshots: fc.Arbitrary<Lie> = fc
  .tuple(
    nearTerm,
    position,
    configuration,
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([EMPTY_STATE]) },
      fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 2 }),
    ),
    fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constant(false)),
  )
  .map(([at, positionOf, members, rows, isWhole]) =>
    raft((known, own) => {
      const last = positionOf(known);
      const writer = new SnapshotWriter();
      const pieces = [writer.head({ clusterId: 'test', last, configuration: members })];
      for (const row of rows) pieces.push(writer.state(row));
      pieces.push(writer.end());
      const bytes = joined(...pieces);
      const offset = isWhole ? 0 : Math.floor(bytes.length / 2);
      return {
        type: 'install-snapshot',
        term: own,
        last,
        configuration: members,
        offset,
        data: bytes.subarray(offset),
        done: true,
      };
    }, at),
  );

const request: fc.Arbitrary<Request> = fc.oneof(
  fc.constant({
    type: 'command' as const,
    command: { type: 'put' as const, key: 'k', value: 'v' },
  }),
  fc.record({
    type: fc.constant('command' as const),
    command: fc.constant({ type: 'delete' as const, key: 'k' }),
    session: fc.record({ id: far, sequence: far, acknowledged: far }),
  }),
  fc.record({
    type: fc.constant('read' as const),
    key: fc.constant('k'),
    consistency: fc.constantFrom(...CONSISTENCIES),
  }),
  fc.record({
    type: fc.constant('transfer' as const),
    to: fc.constantFrom(nodeId('n2'), nodeId('nobody'), undefined),
  }),
);

const requests: fc.Arbitrary<Lie> = fc.oneof(
  fc.tuple(far, request).map(([id, asked]): Lie => () => ({ type: 'forward', id, request: asked })),
  fc.tuple(far, small).map(([id, kind]): Lie => () => ({
    type: 'answer',
    id,
    answer: kind === 0 ? { type: 'unknown', error: 'so' } : { type: 'refused', error: 'so' },
  })),
);

const memberships: fc.Arbitrary<Lie> = fc.oneof(
  fc.tuple(far, configuration).map(([id, { voters }]): Lie => () => ({
    type: 'forward-change',
    id,
    change: { voters, addresses: new Map([[nodeId('n9'), 'nowhere:1']]) },
  })),
  fc.tuple(far, small).map(([id, kind]): Lie => (known) => ({
    type: 'change-answer',
    id,
    answer: kind === 0 ? { type: 'ok', index: known.lastIndex } : { type: 'unknown', error: 'so' },
  })),
);

/** What a peer may say that lies: each can be encoded, and most make a little sense. */
export const lie: fc.Arbitrary<Lie> = fc.oneof(
  { weight: 4, arbitrary: appendEntries },
  { weight: 2, arbitrary: answers },
  { weight: 2, arbitrary: asks },
  wholeSnapshots,
  requests,
  memberships,
);
