import { defined } from '../../lib/assert.ts';
import type { Configuration } from '../core/configuration.ts';
import {
  type Input,
  type LogIndex,
  logIndex,
  type LogPosition,
  type Message,
  type NodeId,
  type Ready,
  type Term,
} from '../core/types.ts';
import type { StateMachine } from '../kv/state-machine.ts';
import type { Disk, Scheduler, SnapshotEvent } from './ports.ts';
import type { FoundState, SnapshotFile, StoredSnapshot } from './snapshot-files.ts';
import { SnapshotReceiving } from './snapshot-receiving.ts';
import { SnapshotSending } from './snapshot-sending.ts';
import { SnapshotTaking } from './snapshot-taking.ts';

/** What is tuned about snapshots. */
export interface SnapshotSettings {
  /** Entries that are applied between one snapshot and the next; Infinity: none is taken. */
  readonly threshold: number;
  /** Entries that the log keeps behind a snapshot, so that slow followers need none. */
  readonly trailing: number;
  /** Bytes that one turn encodes, that one message carries, and that are on the way to a follower. */
  readonly sliceBytes?: number;
  readonly chunkBytes?: number;
  readonly windowBytes?: number;
}

export interface SnapshotParts {
  readonly settings: SnapshotSettings;
  readonly disk: Disk;
  readonly scheduler: Scheduler;
  readonly clusterId: string;
  readonly cpuNs: () => number;
  readonly retryNs: number;
  readonly send: (to: NodeId, message: Message) => boolean;
  readonly enqueue: (input: Input) => void;
  /** In force at an applied index. */
  readonly configurationAt: (index: LogIndex) => Configuration;
  readonly onFailure: (error: unknown) => void;
  readonly observer: (event: SnapshotEvent) => void;
}

/** For whoever watches a node. */
export interface SnapshotStatus {
  /** The last position that the newest one holds; 0 where there is none. */
  readonly lastIndex: number;
  readonly bytes: number;
  readonly isTaking: boolean;
  readonly taken: number;
  readonly installed: number;
  /** Slices of all that were taken, and the longest. */
  readonly slices: number;
  readonly sliceCpuNsMax: number;
}

/**
 * A snapshot that is being sent keeps the log behind it, so that its follower can go on there; but for a
 * slow one no more than so many times what is kept anyway.
 */
const KEPT_FOR_SENDING = 4;
/** One that was not taken to its end is tried again after this share of the threshold. */
const RETRY_SHARE = 4;

/** What is applied so far, and what came of it. */
export interface AppliedState {
  readonly lastApplied: LogPosition;
  readonly machine: StateMachine;
}

/** All that a node does with snapshots: when one is taken, sent and installed, and what goes then. Raft §7. */
export class Snapshots {
  readonly #parts: SnapshotParts;
  readonly #taking: SnapshotTaking;
  readonly #sending: SnapshotSending;
  readonly #receiving: SnapshotReceiving;
  /** Whole and durable. */
  #newest: StoredSnapshot | undefined;
  /** All others, some of them damaged: each goes when it is of no use any more. */
  #others: SnapshotFile[];
  /** A follower found it damaged, or it cannot be read: another one must be taken. */
  #refused: StoredSnapshot | undefined;
  /** Where the stored log begins, durable. */
  #base: LogIndex;
  /** None is taken before so much is applied. */
  #nextIndex: number;
  #term: Term;
  #removing: Promise<void> = Promise.resolve();
  #taken = 0;
  #installed = 0;

  constructor(parts: SnapshotParts, found: FoundState) {
    this.#parts = parts;
    const { settings, disk, scheduler, clusterId, cpuNs, retryNs, onFailure, observer } = parts;
    const { sliceBytes, chunkBytes, windowBytes } = settings;
    this.#newest = found.snapshot;
    this.#others = [...found.others];
    this.#base = found.restored.base.index;
    this.#nextIndex = (found.snapshot?.last.index ?? 0) + settings.threshold;
    this.#term = found.restored.hardState.term;
    this.#taking = new SnapshotTaking({
      disk,
      now: () => scheduler.now(),
      cpuNs,
      wake: () => parts.enqueue({ type: 'tick' }),
      sliceBytes,
      onTaken: (snapshot) => this.#onTaken(snapshot),
      onAbandoned: ({ last }, why) => this.#onAbandoned(last, why),
      onFailure,
    });
    this.#sending = new SnapshotSending({
      disk,
      chunkBytes,
      windowBytes,
      retryNs,
      now: () => scheduler.now(),
      send: parts.send,
      onBegun: (to, last, offset) => observer({ type: 'sent', to, last, offset }),
      onUnusable: (snapshot) => {
        this.#refused = snapshot;
      },
    });
    this.#receiving = new SnapshotReceiving({
      disk,
      clusterId,
      answer: (to, answer) =>
        void parts.send(to, { type: 'snapshot-response', term: this.#term, ...answer }),
      onReceived: (snapshot) => this.#onReceived(snapshot),
      onDamaged: (last, why) => observer({ type: 'damaged', last, why }),
      onAbandoned: (last, why) => observer({ type: 'abandoned', was: 'received', last, why }),
      onFailure,
    });
  }

  /** The state of a snapshot that was received; the core has made room for it. */
  install(last: LogPosition): StateMachine {
    const machine = defined(this.#receiving.takeMachine(last), 'its state was received');
    this.#taking.abandon('a newer one was installed');
    this.#nextIndex = last.index + this.#parts.settings.threshold;
    this.#installed += 1;
    this.#parts.observer({ type: 'installed', last, machine });
    return machine;
  }

  /** After a step, when all that it committed is applied. */
  turn(inputs: readonly Input[], ready: Ready, state: AppliedState): void {
    this.#term = ready.term;
    for (const { from, chunk } of ready.chunks) this.#receiving.take(from, chunk);
    this.#receiving.settle(ready.commitIndex);
    if (this.#sending.isBusy) this.#handResponses(inputs, ready.term);
    const { needSnapshot, term } = ready;
    const isUsable = this.#newest !== this.#refused;
    this.#sending.update(needSnapshot, term, isUsable ? this.#newest : undefined);
    if (this.#taking.isBusy) return;
    if (state.lastApplied.index >= this.#nextIndex || !(isUsable || this.#newest === undefined)) {
      this.#take(state);
    }
  }

  /** The record of where the log begins is durable. */
  logChanged(base: LogIndex): void {
    this.#base = base;
    this.#removeOld();
  }

  disconnected(peer: NodeId): void {
    this.#sending.onDisconnected(peer);
  }

  /** When `tick` is due. */
  get deadlineNs(): number {
    return Math.min(this.#sending.deadlineNs, this.#taking.dueNs);
  }

  tick(): void {
    this.#sending.tick();
    this.#taking.tick();
  }

  status(): SnapshotStatus {
    return {
      lastIndex: this.#newest?.last.index ?? 0,
      bytes: this.#newest?.bytes ?? 0,
      isTaking: this.#taking.isBusy,
      taken: this.#taken,
      installed: this.#installed,
      slices: this.#taking.slices,
      sliceCpuNsMax: this.#taking.sliceCpuNsMax,
    };
  }

  #handResponses(inputs: readonly Input[], term: Term): void {
    for (const input of inputs) {
      if (input.type !== 'message' || input.message.type !== 'snapshot-response') continue;
      if (input.message.term === term) this.#sending.onResponse(input.from, input.message);
    }
  }

  #take({ lastApplied, machine }: AppliedState): void {
    const { clusterId, configurationAt, observer } = this.#parts;
    const configuration = configurationAt(lastApplied.index);
    observer({ type: 'begun', last: lastApplied, machine });
    this.#taking.begin({ clusterId, last: lastApplied, configuration }, machine.freeze());
  }

  /** SAFETY (Raft §7): only now may what it holds go from the log. */
  #onTaken(snapshot: StoredSnapshot): void {
    const { settings, enqueue, observer } = this.#parts;
    const { last, bytes } = snapshot;
    this.#taken += 1;
    this.#nextIndex = Math.max(this.#nextIndex, last.index + settings.threshold);
    this.#add(snapshot);
    observer({ type: 'taken', last, bytes });
    const upTo = this.#compactedUpTo(last.index);
    if (upTo > this.#base) enqueue({ type: 'compact', upTo: logIndex(upTo) });
    this.#removeOld();
  }

  #compactedUpTo(last: LogIndex): number {
    const { threshold, trailing } = this.#parts.settings;
    const upTo = last - trailing;
    const kept = KEPT_FOR_SENDING * (trailing + threshold);
    return Math.min(upTo, Math.max(this.#sending.oldestIndex, upTo - kept));
  }

  #onAbandoned(last: LogPosition, why: string): void {
    this.#nextIndex = last.index + Math.ceil(this.#parts.settings.threshold / RETRY_SHARE);
    this.#refused = undefined;
    this.#parts.observer({ type: 'abandoned', was: 'taken', last, why });
  }

  #onReceived(snapshot: StoredSnapshot): void {
    const { last, configuration } = snapshot;
    this.#add(snapshot);
    this.#parts.observer({ type: 'received', last });
    this.#parts.enqueue({ type: 'snapshot-received', last, configuration });
  }

  #add(snapshot: StoredSnapshot): void {
    const before = this.#newest;
    this.#others = this.#others.filter(({ name }) => name !== snapshot.name);
    if (before !== undefined && before.last.index > snapshot.last.index) {
      this.#others.push(snapshot);
      return;
    }
    if (before !== undefined && before.name !== snapshot.name) this.#others.push(before);
    this.#newest = snapshot;
  }

  /**
   * What lies before the log's beginning is of no use, and of what does not only the newest: should that
   * one be damaged. A file of a later position is left alone: one of its name may be about to be written.
   */
  #removeOld(): void {
    const newest = this.#newest?.last.index ?? 0;
    const older = this.#others
      .filter(({ name, last }) => last.index < newest && !this.#sending.isInUse(name))
      .toSorted((a, b) => b.last.index - a.last.index);
    const spare = older.find((file) => file.isDamaged !== true && file.last.index >= this.#base);
    const gone = older.filter((file) => file !== spare);
    if (gone.length === 0) return;
    this.#others = this.#others.filter((file) => !gone.includes(file));
    const remove = async (): Promise<void> => {
      for (const { name } of gone) await this.#parts.disk.remove(name);
    };
    this.#removing = this.#removing.then(remove).catch((error: unknown) => {
      this.#parts.onFailure(error);
    });
  }
}
