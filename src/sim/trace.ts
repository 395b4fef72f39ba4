import type { Restored } from '../raft/core/core.ts';
import type { Entry, HardState, Input, NodeId, Ready } from '../raft/core/types.ts';
import { decodePeerMessage } from '../raft/driver/peer-message.ts';
import type { Applied } from '../raft/kv/state-machine.ts';
import type { Answer, Request } from '../raft/driver/requests.ts';
import type { SnapshotEvent } from '../raft/driver/ports.ts';
import type { WalRecords } from '../raft/driver/wal.ts';
import type { Happening, Life, SimObserver, Stop } from './observer.ts';
import { Lanes } from './trace-lanes.ts';
import { cell, effects, explains, isTold, type Known, sent, written } from './trace-step.ts';
import * as say from './trace-words.ts';
import type { Violation } from './violation.ts';

/** Grows with every change of what a line looks like or means. */
export const TRACE_VERSION = 1;

/**
 * `full` has every step, message, write and sync. `story` leaves out what only goes on as it should:
 * heartbeats and their answers, writes on their way to the disk.
 */
export const TRACE_LEVELS = ['story', 'full'] as const;
export type TraceLevel = (typeof TRACE_LEVELS)[number];

export interface TraceOptions {
  readonly nodes: readonly NodeId[];
  readonly level: TraceLevel;
  /** Nanoseconds of simulated time. */
  readonly now: () => number;
  /** Takes a line without its end. */
  readonly sink: (line: string) => void;
}

/** What happens all the time, or shows in what follows: no part of a story. */
const HUSHED: ReadonlySet<string> = new Set([
  'connection-made',
  'connection-half-open',
  'connection-reset',
  'dial-timed-out',
  'message-overtaken',
  'message-duplicated',
  'message-held',
  'message-dropped',
  'cache-kept',
  'name-kept',
  'torn-whole',
]);

/** Of heartbeats and acknowledgements there are always more. */
function isRoutine(message: Uint8Array | undefined): boolean {
  if (message === undefined) return false;
  const { type, ...rest } = decodePeerMessage(message);
  if (type !== 'raft' || !('message' in rest)) return false;
  const { message: raft } = rest;
  return raft.type === 'append-entries'
    ? raft.entries.length === 0
    : raft.type === 'append-response';
}

/** Records that stand in a file and are not on the disk yet. */
interface Unsynced {
  readonly file: string;
  readonly end: number;
  readonly records: readonly WalRecords[];
}

interface Lane {
  known: Known;
  unsynced: Unsynced[];
  /** Requests that are not answered, by number: whether it is a read. */
  readonly isRead: Map<number, boolean>;
}

/**
 * Writes what happens in a simulated cluster, line by line, for a person and for a golden file: the
 * same run gives the same bytes. The format stands in README.md of this folder.
 */
export class Trace implements SimObserver {
  readonly #options: TraceOptions;
  readonly #lanes: Lanes;
  readonly #nodes = new Map<NodeId, Lane>();
  readonly #isFull: boolean;

  constructor(options: TraceOptions) {
    const { nodes, level, sink } = options;
    this.#options = options;
    this.#isFull = level === 'full';
    this.#lanes = new Lanes(nodes);
    sink(`gong-trace ${TRACE_VERSION} ${level} ${nodes.join(' ')}`);
    sink(this.#lanes.header());
  }

  started({ node, number }: Life, restored: Restored, tornBytes: number): void {
    const { hardState, base, entries, snapshot = base } = restored;
    const lastIndex = entries.at(-1)?.index ?? base.index;
    this.#nodes.set(node, {
      known: {
        role: 'follower',
        term: hardState.term,
        leader: undefined,
        votedFor: hardState.votedFor,
        commitIndex: snapshot.index,
        lastIndex,
        round: 0,
        acknowledged: 0,
      },
      unsynced: [],
      isRead: new Map(),
    });
    this.#lanes.set(node, 'up');
    const log = entries.length === 0 ? 'empty log' : `log ${say.positions(entries)}`;
    const torn = tornBytes === 0 ? [] : [`cuts a torn tail of ${tornBytes} bytes`];
    this.#write(node, [
      number === 1 ? 'STARTS:' : `STARTS again (life ${number}):`,
      ...listed([say.hardState(hardState), log, ...torn]),
    ]);
  }

  stopped({ node }: Life, what: Stop): void {
    const lane = this.#nodes.get(node);
    const lost = lane === undefined ? [] : this.#unsynced(lane);
    this.#nodes.delete(node);
    this.#lanes.set(node, 'down');
    const notes = lost.length === 0 ? [] : [`(not synced: ${lost.join(', ')})`];
    this.#write(node, [say.stop(what), ...notes], 'X');
  }

  stepped({ node }: Life, inputs: readonly Input[], ready: Ready): void {
    const lane = this.#nodes.get(node);
    if (lane === undefined) return;
    const { known } = lane;
    const came = inputs.filter((one) => this.#isFull || isTold(one, known));
    const causes = this.#isFull ? came : inputs.filter((one) => explains(one, known, ready));
    const did = effects(node, known, ready);
    if (came.length === 0 && did.length === 0) return;
    if (this.#isFull) did.push(...sent(ready.messages), ...sent(ready.messagesAfterSync));
    const arrow = causes.length > 0 && did.length > 0 ? ['=>'] : [];
    this.#write(node, [...listed(causes.map(say.input)), ...arrow, ...listed(did)]);
  }

  written({ node }: Life, file: string, end: number, records: readonly WalRecords[]): void {
    const lane = this.#nodes.get(node);
    if (lane === undefined) return;
    lane.unsynced.push({ file, end, records });
    if (this.#isFull)
      this.#write(node, [`writes ${summary(records).join(', ')} to ${file}:${end}`]);
  }

  synced(node: NodeId, file: string, bytes: number): void {
    const lane = this.#nodes.get(node);
    if (lane === undefined) return;
    const done = lane.unsynced.filter((one) => one.file === file && one.end <= bytes);
    lane.unsynced = lane.unsynced.filter((one) => !done.includes(one));
    const what = summary(done.flatMap(({ records }) => records));
    if (what.length > 0) this.#write(node, [`disk has ${what.join(', ')}`]);
    else if (this.#isFull) this.#write(node, [`disk has ${file}:${bytes}`]);
  }

  applied({ node }: Life, entry: Entry, applied: Applied | undefined): void {
    if (!this.#isFull) return;
    const again = applied?.isRepeated === true ? ', which was before: without effect' : '';
    this.#write(node, [`applies ${say.contents([entry])}${again}`]);
  }

  snapshot({ node }: Life, event: SnapshotEvent): void {
    const text = say.snapshot(event);
    if (text !== undefined) this.#write(node, [text]);
  }

  submitted({ node }: Life, number: number, what: Request): void {
    this.#nodes.get(node)?.isRead.set(number, what.type === 'read');
    this.#write(node, [`client asks #${number} ${say.request(what)}`]);
  }

  answered({ node }: Life, number: number, what: Answer): void {
    const isRead = this.#nodes.get(node)?.isRead;
    const text = say.answer(what, isRead?.get(number) ?? false);
    isRead?.delete(number);
    this.#write(node, [`answers #${number} ${text}`]);
  }

  happened({ kind, node, detail, message }: Happening): void {
    if (!this.#isFull && (HUSHED.has(kind) || isRoutine(message))) return;
    const text = kind.replaceAll('-', ' ');
    const said = kind.startsWith('fault-') ? text.toUpperCase() : text;
    const details = [detail, message && say.peerMessage(message)].filter(
      (one) => one !== undefined,
    );
    this.#write(node, [details.length === 0 ? `* ${said}` : `* ${said}:`, ...listed(details)]);
  }

  /** The last line. */
  ended(violation: Violation | undefined): void {
    if (violation === undefined) return this.#write(undefined, ['END']);
    const { invariant, section, sentence } = violation;
    this.#write(undefined, [`VIOLATION of ${invariant} (${section}):`, sentence]);
  }

  #unsynced({ unsynced }: Lane): string[] {
    return summary(unsynced.flatMap(({ records }) => records));
  }

  #write(node: NodeId | undefined, parts: readonly string[], mark?: string): void {
    const { now, sink } = this.#options;
    const known = node === undefined ? undefined : this.#nodes.get(node)?.known;
    const shown = mark ?? (known === undefined ? undefined : cell(known));
    const at = node === undefined ? {} : { node, ...(shown === undefined ? {} : { cell: shown }) };
    for (const line of this.#lanes.lines(now(), at, parts)) sink(line);
  }
}

/** What records say, in one list: `t3 vote n1`, `5..7@3`. */
function summary(records: readonly WalRecords[]): string[] {
  let hard: HardState | undefined;
  for (const { hardState } of records) hard = hardState ?? hard;
  const entries = written(records.map((one) => one.entries ?? []));
  const bases = records.flatMap(({ base }) => base ?? []);
  return [
    ...(hard === undefined ? [] : [say.hardState(hard)]),
    ...bases.map((base) => `log behind ${say.position(base)}`),
    ...(entries.length === 0 ? [] : [say.positions(entries)]),
  ];
}

/** `a; b (3 times); c` in parts that stay together. */
function listed(items: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return [...counts].map(([item, count], i) => {
    const counted = count === 1 ? item : `${item} (${count} times)`;
    return i < counts.size - 1 ? `${counted};` : counted;
  });
}
