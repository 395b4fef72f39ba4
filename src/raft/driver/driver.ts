import type { CoreConfig } from '../core/core-config.ts';
import { assert, assertNever } from '../../lib/assert.ts';
import type { Random } from '../../lib/prng.ts';
import type { Configuration } from '../core/configuration.ts';
import { makeRaftCore, type RaftCore, type Restored } from '../core/core.ts';
import type { Rules } from '../core/rules.ts';
import {
  type ConfirmedRead,
  type Entry,
  type Envelope,
  type Input,
  type LogIndex,
  type LogChange,
  type LogPosition,
  type NodeId,
  type Ready,
  type Rejected,
  type RequestId,
  type Role,
  type Term,
  type TransferEnd,
} from '../core/types.ts';
import type { Datum } from '../kv/datum.ts';
import { encodeStamped } from '../kv/stamped-command.ts';
import { StateMachine } from '../kv/state-machine.ts';
import {
  type ChangeAnswer,
  type MembershipChange,
  MembershipChanges,
  type MembersStatus,
  membersStatus,
} from './membership.ts';
import { BatchDelay } from './batch-delay.ts';
import { LogClock } from './log-clock.ts';
import { checkPeerMessage } from './peer-check.ts';
import { decodePeerMessage, encodePeerMessage } from './peer-message.ts';
import { PendingRequests } from './pending.ts';
import type { Disk, DriverObserver, Network, Scheduler } from './ports.ts';
import { checkRestored } from './restored-check.ts';
import { type Answer, CONSISTENCIES, type Consistency, type Request } from './requests.ts';
import { findState, type FoundState, renewSnapshot } from './snapshot-files.ts';
import { type SnapshotSettings, Snapshots, type SnapshotStatus } from './snapshots.ts';
import { type FsyncMode, readWal, Wal, type WalRecords } from './wal.ts';
import type { TornEnd } from './wal-segments.ts';

export interface DriverOptions {
  readonly config: CoreConfig;
  readonly clusterId: string;
  readonly fsync: FsyncMode;
  /** For `fsync: 'interval'`. */
  readonly fsyncIntervalNs: number;
  /** How long a request waits for its answer. */
  readonly requestTimeoutNs: number;
  /** How long a request to change the membership waits for its answer; longer than members may catch up. */
  readonly changeTimeoutNs: number;
  readonly rules: Rules;
  readonly random: Random;
  readonly disk: Disk;
  readonly network: Network;
  readonly scheduler: Scheduler;
  /** The disk failed, or the state is broken: the node must stop, its data stays as it is. */
  readonly onFatal: (error: unknown) => void;
  /** Another configuration is in force, or the first one; committed or not. */
  readonly onConfiguration?: (configuration: Configuration) => void;
  readonly observer?: DriverObserver;
  /** By default `SEGMENT_BYTES_MAX`. */
  readonly segmentBytesMax?: number;
  /** How long a proposal waits for others; by default not at all. */
  readonly batchDelayNs?: number;
  /** What happens to a request that the leader is to serve: by default it is handed on. */
  readonly followers?: 'forward' | 'redirect';
  /**
   * A peer sent what contradicts what is committed here; nothing was done about it. Without this hook
   * it is fatal: among nodes that do not lie it is a bug.
   */
  readonly onRejected?: (rejected: Rejected) => void;
  /** By default none is taken; those of others are installed all the same. */
  readonly snapshots?: SnapshotSettings;
  /** CPU time of this thread; by default what the scheduler's clock shows, which is no less. */
  readonly cpuNs?: () => number;
}

export interface DriverStatus {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly lastApplied: LogIndex;
  readonly log: { readonly firstIndex: LogIndex; readonly lastIndex: LogIndex };
  readonly members: MembersStatus;
  /** Answers to clients of this node by outcome. */
  readonly requests: Readonly<Record<Answer['type'], number>>;
  /** Reads by consistency, asked of this node by its clients and by peers. */
  readonly reads: Readonly<Record<Consistency, number>>;
  /** Requests that wait for their answer. */
  readonly pending: number;
  /** Inputs of the next turn, proposals that wait for company, and messages that wait for the disk. */
  readonly queues: {
    readonly inputs: number;
    readonly delayed: number;
    readonly held: number;
  };
  readonly walBatches: number;
  readonly walSegments: number;
  readonly snapshot: SnapshotStatus;
}

const NO_SNAPSHOTS: SnapshotSettings = { threshold: Infinity, trailing: 0 };
const NO_CHANGE: Pick<WalRecords, 'base'> = {};

function changeRecords({ type, base, configuration }: LogChange): WalRecords {
  return { base, configuration, ...(type === 'replaced' ? { isReplaced: true } : {}) };
}

const TICK: Input = { type: 'tick' };
const NOT_LEADER: Answer = { type: 'refused', error: 'this node does not lead' };
const NO_LEADER: Answer = { type: 'refused', error: 'no leader is known here' };
const NO_READ_INDEX: Answer = { type: 'refused', error: 'no leader confirmed the read' };

function proposal(
  id: RequestId,
  { command, session }: Extract<Request, { readonly type: 'command' }>,
  timeMs: number,
): Input {
  if (session === undefined) {
    return { type: 'propose', id, data: encodeStamped({ timeMs, acknowledged: 0, command }) };
  }
  const { acknowledged, ...client } = session;
  return { type: 'propose', id, data: encodeStamped({ timeMs, acknowledged, command }), client };
}

/** Two that a network might as well have made of one. */
function isRepeated(a: Envelope, b: Envelope): boolean {
  if (a.to !== b.to || a.message.term !== b.message.term) return false;
  switch (a.message.type) {
    case 'request-vote':
      return b.message.type === 'request-vote' && a.message.preVote === b.message.preVote;
    case 'vote-response':
      return (
        b.message.type === 'vote-response' &&
        a.message.preVote === b.message.preVote &&
        a.message.granted === b.message.granted
      );
    case 'append-entries':
    case 'append-response':
    case 'timeout-now':
    case 'install-snapshot':
    case 'snapshot-response':
    case 'read-index':
    case 'read-index-response':
      return false;
    default:
      return assertNever(a.message);
  }
}

/**
 * Runs the core and the state machine over ports. One turn: everything that arrived goes into one
 * step; what is to persist joins the next WAL batch; messages leave; committed entries are applied;
 * requests are answered.
 */
export class Driver {
  readonly #options: DriverOptions;
  readonly #core: RaftCore;
  readonly #wal: Wal;
  #machine: StateMachine;
  readonly #snapshots: Snapshots;
  readonly #logClock: LogClock;
  readonly #pending: PendingRequests;
  readonly #changes: MembershipChanges;
  readonly #answered: Record<Answer['type'], number> = { ok: 0, refused: 0, unknown: 0 };
  readonly #reads = Object.fromEntries(CONSISTENCIES.map((name) => [name, 0])) as Record<
    Consistency,
    number
  >;
  readonly #delayed: BatchDelay;
  /** For the turn that is due; what was there when a turn began is that turn's. */
  #inputs: Input[] = [];
  /** How many of them clients asked: what peers and the disk say waits for nothing. */
  #requests = 0;
  // Handed to the scheduler in every turn: made once.
  readonly #runTurn = (): void => this.#turn();
  readonly #requestsWaiting = (): number => this.#requests;
  readonly #runTick = (): void => this.#enqueue(TICK);
  #isTurnDue = false;
  #isStopped = false;
  #state: Pick<
    Ready,
    | 'role'
    | 'term'
    | 'leader'
    | 'transferee'
    | 'commitIndex'
    | 'firstIndex'
    | 'lastIndex'
    | 'configuration'
    | 'configurationIndex'
    | 'deadlineNs'
  >;
  #lastApplied: LogPosition;
  /** Who proposed the entry at an index, while it is not applied. */
  readonly #proposals = new Map<LogIndex, LogPosition & { readonly id: RequestId }>();
  #readsToServe: ConfirmedRead[] = [];
  /** Calls of `persist` so far, those that are durable, and messages that wait for one of them. */
  #persisted = 0;
  #durable = 0;
  #heldMessages: { readonly until: number; readonly envelopes: readonly Envelope[] }[] = [];
  #fsyncDueNs = Infinity;

  /** @throws WalDamage when the disk holds something that must not be started on */
  static async start(options: DriverOptions): Promise<{
    readonly driver: Driver;
    /** Writes that were interrupted, and left behind. */
    readonly torn: readonly TornEnd[];
    /** Snapshots that were damaged, and where; an older one took their place. */
    readonly damages: readonly string[];
  }> {
    const { disk, clusterId, config, observer, segmentBytesMax } = options;
    const { configuration } = config;
    const identity = { clusterId, node: config.id };
    const stored = await readWal(disk, { identity, configuration });
    const found = await findState(disk, clusterId, stored);
    checkRestored(found.restored);
    // From here on the directory is changed.
    const wal = await Wal.resume(
      disk,
      {
        identity,
        configuration,
        fsync: options.fsync,
        onFailure: (error) => driver.#fail(error),
        onWritten: (file, end, records) => observer?.written(file, end, records),
        onRemoved: (name) => observer?.snapshot({ type: 'segment-removed', name }),
        ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
      },
      stored,
    );
    for (const name of found.leftovers) await disk.remove(name);
    if (found.isLogReplaced && found.snapshot !== undefined) {
      await renewSnapshot(disk, found.snapshot);
    }
    const { tornBytes } = stored;
    const { restored, damages, machine, isLogReplaced } = found;
    observer?.restored(restored, tornBytes);
    const last = found.snapshot?.last;
    observer?.snapshot({ type: 'restored', last, machine, damages, isLogReplaced });
    const core = makeRaftCore({ ...options, restored, nowNs: options.scheduler.now() });
    const driver = new Driver(options, core, wal, found);
    driver.#enqueue(TICK);
    return { driver, torn: stored.log.torn, damages };
  }

  private constructor(options: DriverOptions, core: RaftCore, wal: Wal, found: FoundState) {
    this.#options = options;
    this.#core = core;
    this.#wal = wal;
    this.#machine = found.machine;
    this.#lastApplied = found.restored.snapshot ?? found.restored.base;
    this.#snapshots = new Snapshots(
      {
        settings: options.snapshots ?? NO_SNAPSHOTS,
        disk: options.disk,
        scheduler: options.scheduler,
        clusterId: options.clusterId,
        cpuNs: options.cpuNs ?? (() => options.scheduler.now()),
        retryNs: options.config.electionTimeout.minNs,
        send: (to, message) => this.#send(to, encodePeerMessage({ type: 'raft', message })),
        enqueue: (input) => this.#enqueue(input),
        configurationAt: (index) => core.configurationAt(index),
        onFailure: (error) => this.#fail(error),
        observer: (event) => {
          if (!this.#isStopped) options.observer?.snapshot(event);
        },
      },
      found,
    );
    if (found.isLogReplaced) this.#replaceStoredLog(found.restored);
    this.#pending = new PendingRequests(options.requestTimeoutNs, options.random.fork('requests'));
    this.#changes = new MembershipChanges({
      timeoutNs: options.changeTimeoutNs,
      random: options.random.fork('changes'),
      enqueue: (input) => this.#enqueue(input),
      forward: (leader, id, change) =>
        this.#send(leader, encodePeerMessage({ type: 'forward-change', id, change })),
    });
    this.#delayed = new BatchDelay(options.batchDelayNs ?? 0);
    this.#logClock = new LogClock(options.scheduler.now());
    this.#logClock.applied(this.#machine.timeMs, options.scheduler.now());
    this.#state = core.step([], options.scheduler.now());
    options.onConfiguration?.(this.#state.configuration);
    if (options.fsync === 'interval') {
      this.#fsyncDueNs = options.scheduler.now() + options.fsyncIntervalNs;
    }
  }

  /** A request of a client of this node; `done` is called exactly once, unless the node stops. */
  submit(request: Request, done: (answer: Answer) => void): void {
    const count = (answer: Answer): void => {
      this.#answered[answer.type] += 1;
      done(answer);
    };
    const { leader, transferee } = this.#state;
    const isRead = request.type === 'read';
    if (isRead && request.consistency === 'stale') return this.#take(request, count);
    if (leader === undefined) {
      // Its own successor is about to be known.
      if (transferee === undefined) return count(NO_LEADER);
      const id = this.#pending.add(request, this.#options.scheduler.now(), count);
      this.#pending.hold(id);
      return this.#setTimer();
    }
    // Reads are answered where they are asked, from a state that the leader says is new enough.
    if (isRead || leader === this.#options.config.id) return this.#take(request, count);
    if (this.#options.followers === 'redirect') {
      return count({ type: 'refused', error: `${leader} leads`, leader });
    }
    this.#forward(leader, request, count);
  }

  /** Asks for other voters; `done` is called exactly once, unless the node stops. */
  changeMembers(change: MembershipChange, done: (answer: ChangeAnswer) => void): void {
    const { leader } = this.#state;
    if (leader === undefined) return done({ type: 'refused', error: 'no leader is known here' });
    if (leader === this.#options.config.id) return this.#takeChange(change, done);
    this.#changes.forward(leader, change, this.#options.scheduler.now(), done);
    this.#setTimer();
  }

  /**
   * What a peer sent.
   *
   * @throws DecodeError when the bytes are malformed, or mean nothing: the transport closes that
   *   connection
   */
  receive(from: NodeId, bytes: Uint8Array): void {
    const peerMessage = decodePeerMessage(bytes);
    switch (peerMessage.type) {
      case 'raft':
        checkPeerMessage(peerMessage.message);
        return this.#enqueue({ type: 'message', from, message: peerMessage.message });
      case 'forward':
        return this.#onForwarded(from, peerMessage.id, peerMessage.request);
      case 'answer':
        return this.#pending.answerFrom(from, peerMessage.id, peerMessage.answer);
      case 'forward-change':
        return this.#takeChange(peerMessage.change, (answer) => {
          this.#send(
            from,
            encodePeerMessage({ type: 'change-answer', id: peerMessage.id, answer }),
          );
        });
      case 'change-answer':
        return this.#changes.answerFrom(from, peerMessage.id, peerMessage.answer);
      default:
        return assertNever(peerMessage);
    }
  }

  /** What was sent to this peer lately may be lost. */
  disconnected(peer: NodeId): void {
    this.#snapshots.disconnected(peer);
    this.#enqueue({ type: 'disconnected', peer });
  }

  /** No step and no answer from now on. */
  stop(): void {
    this.#isStopped = true;
  }

  /** In force here, committed or not. */
  get configuration(): Configuration {
    return this.#state.configuration;
  }

  status(): DriverStatus {
    const { role, term, leader, commitIndex, firstIndex, lastIndex } = this.#state;
    return {
      id: this.#options.config.id,
      role,
      term,
      leader,
      commitIndex,
      lastApplied: this.#lastApplied.index,
      log: { firstIndex, lastIndex },
      members: membersStatus(this.#state),
      requests: { ...this.#answered },
      reads: { ...this.#reads },
      pending: this.#pending.size,
      queues: {
        inputs: this.#isTurnDue ? this.#inputs.length : 0,
        delayed: this.#delayed.length,
        held: this.#heldMessages.length,
      },
      walBatches: this.#wal.batches,
      walSegments: this.#wal.segments,
      snapshot: this.#snapshots.status(),
    };
  }

  /** Handled by this node itself; what needs a leader is refused by the core when it does not lead. */
  #take(request: Request, done: (answer: Answer) => void): void {
    if (request.type === 'read') this.#reads[request.consistency] += 1;
    if (request.type === 'read' && request.consistency === 'stale') {
      return done(this.#ok(this.#machine.read(request.key, request.of), true));
    }
    const id = this.#pending.add(request, this.#options.scheduler.now(), done);
    this.#ask(id, request);
  }

  #ask(id: RequestId, request: Request): void {
    switch (request.type) {
      case 'command': {
        const now = this.#options.scheduler.now();
        return this.#propose(proposal(id, request, this.#logClock.readMs(now)), now);
      }
      case 'read': {
        const isLease = request.consistency === 'lease';
        return this.#enqueue({ type: 'read', id, ...(isLease ? { lease: true } : {}) });
      }
      case 'transfer':
        return this.#enqueue({ type: 'transfer', id, to: request.to });
      default:
        return assertNever(request);
    }
  }

  #propose(input: Input, now: number): void {
    if (!this.#delayed.isOn) return this.#enqueue(input);
    this.#delayed.add(input, now);
    this.#setTimer();
  }

  /** Who cannot be reached could never catch up: that is said at once. */
  #takeChange(change: MembershipChange, done: (answer: ChangeAnswer) => void): void {
    const { network, scheduler, config } = this.#options;
    const { addresses } = this.#state.configuration;
    const stranger = change.voters.find(
      (voter) =>
        voter !== config.id &&
        network.knows?.(voter) === false &&
        !change.addresses.has(voter) &&
        !addresses.has(voter),
    );
    if (stranger === undefined) return this.#changes.take(change, scheduler.now(), done);
    done({ type: 'refused', error: `no address of ${stranger} is known` });
  }

  #forward(leader: NodeId, request: Request, done: (answer: Answer) => void): void {
    const id = this.#pending.add(request, this.#options.scheduler.now(), done, leader);
    this.#sendForward(leader, id, request);
  }

  #sendForward(leader: NodeId, id: RequestId, request: Request): void {
    const isSent = this.#send(leader, encodePeerMessage({ type: 'forward', id, request }));
    if (!isSent) this.#pending.answer(id, { type: 'refused', error: `no connection to ${leader}` });
    this.#setTimer();
  }

  /** Never forwarded a second time: a loop of two followers that name each other would not end. */
  #onForwarded(from: NodeId, id: number, request: Request): void {
    this.#take(request, (answer) => {
      this.#send(from, encodePeerMessage({ type: 'answer', id, answer }));
    });
  }

  #send(to: NodeId, bytes: Uint8Array): boolean {
    return this.#options.network.send(to, bytes);
  }

  #enqueue(input: Input): void {
    if (input.type === 'propose' || input.type === 'read') this.#requests += 1;
    if (this.#isTurnDue) return void this.#inputs.push(input);
    this.#inputs = [input];
    this.#isTurnDue = true;
    this.#options.scheduler.soon(this.#runTurn, this.#requestsWaiting);
  }

  #turn(): void {
    this.#isTurnDue = false;
    this.#requests = 0;
    if (this.#isStopped) return;
    const now = this.#options.scheduler.now();
    const inputs = this.#inputs;
    if (this.#delayed.isOn) inputs.push(...this.#delayed.take(now));
    try {
      const ready = this.#core.step(inputs, now);
      this.#options.observer?.stepped(inputs, ready);
      this.#do(ready);
      this.#snapshots.turn(inputs, ready, {
        lastApplied: this.#lastApplied,
        machine: this.#machine,
      });
      if (now >= this.#snapshots.deadlineNs) this.#snapshots.tick();
      this.#pending.expire(now);
      this.#changes.expire(now);
      if (now >= this.#fsyncDueNs) {
        this.#fsyncDueNs = now + this.#options.fsyncIntervalNs;
        void this.#wal.syncNow();
      }
      this.#setTimer();
    } catch (error) {
      this.#fail(error);
    }
  }

  #do(ready: Ready): void {
    const isNew = ready.configuration !== this.#state.configuration;
    this.#state = ready;
    for (const rejected of ready.rejected) this.#onRejected(rejected);
    if (isNew) this.#options.onConfiguration?.(ready.configuration);
    if (ready.messages.length > 0) {
      // Before this node's own disk is asked (thesis §10.2.1), and before anybody is answered: forty
      // answers are half a millisecond in which the followers could be at work.
      for (const envelope of ready.messages) this.#sendRaft(envelope);
      this.#options.network.flush?.();
    }
    this.#persist(ready);
    if (ready.changes.length > 0) this.#changes.progressed(ready.changes);
    for (const accepted of ready.accepted) this.#proposals.set(accepted.index, accepted);
    if (ready.installed !== undefined) this.#install(ready.installed);
    for (const entry of ready.committed) this.#apply(entry);
    for (const id of ready.refused) this.#onRefused(id, ready);
    if (ready.transferee === undefined && this.#pending.isHolding) this.#release(ready);
    for (const id of ready.refusedReads) this.#pending.answer(id, NO_READ_INDEX);
    for (const end of ready.transfers) this.#pending.answer(end.id, this.#transferAnswer(end));
    if (ready.committed.length > 0) {
      this.#logClock.applied(this.#machine.timeMs, this.#options.scheduler.now());
    }
    for (const read of ready.reads) this.#readsToServe.push(read);
    this.#serveReads();
  }

  /** While leadership is handed over, what was appended nowhere waits for the successor. */
  #onRefused(id: RequestId, { transferee }: Ready): void {
    if (transferee === undefined) this.#pending.answer(id, NOT_LEADER);
    else this.#pending.hold(id);
  }

  /**
   * SAFETY: what was held was neither appended nor sent: to ask now is to ask once. A follower's request
   * may go on to the next leader so, and not in circles: each step on takes a transfer of leadership.
   */
  #release({ leader }: Ready): void {
    const isOwn = leader === this.#options.config.id;
    for (const { id, request } of this.#pending.release(isOwn ? undefined : leader)) {
      if (leader === undefined) this.#pending.answer(id, NO_LEADER);
      else if (isOwn || request.type === 'read') this.#ask(id, request);
      else this.#sendForward(leader, id, request);
    }
  }

  #transferAnswer(end: TransferEnd): Answer {
    return end.type === 'done' ? this.#ok(end.leader, true) : { type: end.type, error: end.why };
  }

  #persist(ready: Ready): void {
    const { hardState, entries, write, logChange } = ready;
    if (hardState !== undefined || entries.length > 0 || logChange !== undefined) {
      this.#persisted += 1;
      const records = logChange === undefined ? NO_CHANGE : changeRecords(logChange);
      this.#wal.persist({ hardState, ...records, entries }, () => {
        this.#onDurable(write);
        if (logChange !== undefined) this.#logChanged(logChange.base.index);
      });
    }
    if (ready.messagesAfterSync.length === 0) return;
    if (this.#durable === this.#persisted) {
      for (const envelope of ready.messagesAfterSync) this.#sendRaft(envelope);
    } else {
      this.#hold(ready.messagesAfterSync);
    }
  }

  /** Votes are asked for again and again: what waits for a slow disk already need not wait twice. */
  #hold(envelopes: readonly Envelope[]): void {
    const isNew = (envelope: Envelope): boolean =>
      !this.#heldMessages.some((held) =>
        held.envelopes.some((other) => isRepeated(envelope, other)),
      );
    const added = envelopes.filter(isNew);
    if (added.length > 0) this.#heldMessages.push({ until: this.#persisted, envelopes: added });
  }

  #onDurable(write: number | undefined): void {
    if (this.#isStopped) return;
    this.#durable += 1;
    for (;;) {
      const held = this.#heldMessages[0];
      if (held === undefined || held.until > this.#durable) break;
      this.#heldMessages.shift();
      for (const envelope of held.envelopes) this.#sendRaft(envelope);
    }
    if (write !== undefined) this.#enqueue({ type: 'synced', write });
  }

  /** The log that a snapshot took the place of at the start: what is written from now on is behind it. */
  #replaceStoredLog({ hardState, base, configuration }: Restored): void {
    this.#persisted += 1;
    this.#wal.persist({ hardState, base, isReplaced: true, configuration }, () => {
      this.#onDurable(undefined);
      this.#logChanged(base.index);
    });
  }

  /** SAFETY (Raft §7): what the snapshot holds is durable, and so is that the log begins behind it. */
  #logChanged(base: LogIndex): void {
    if (this.#isStopped) return;
    this.#wal.removeBehind(base);
    this.#snapshots.logChanged(base);
  }

  #install(last: LogPosition): void {
    this.#machine = this.#snapshots.install(last);
    this.#lastApplied = last;
    this.#logClock.applied(this.#machine.timeMs, this.#options.scheduler.now());
    for (const [index, { id }] of this.#proposals) {
      if (index > last.index) continue;
      this.#proposals.delete(index);
      // The snapshot may hold its entry, or another one in its place: it does not say.
      const error = 'a snapshot took the place of the log where this was proposed';
      this.#pending.answer(id, { type: 'unknown', error });
    }
  }

  #sendRaft({ to, message }: Envelope): void {
    this.#send(to, encodePeerMessage({ type: 'raft', message }));
  }

  #apply(entry: Entry): void {
    const applied = entry.kind === 'command' ? this.#machine.apply(entry) : undefined;
    this.#lastApplied = { index: entry.index, term: entry.term };
    this.#options.observer?.applied(entry, applied);
    this.#changes.applied(entry);
    const proposal = this.#proposals.get(entry.index);
    if (proposal === undefined) return;
    this.#proposals.delete(entry.index);
    // SAFETY (Raft §5.3): another entry is committed at its index, so this one never will be.
    if (proposal.term !== entry.term || applied === undefined) {
      const error = 'another leader took over and the entry was not committed';
      return this.#pending.answer(proposal.id, { type: 'refused', error });
    }
    const { result } = applied;
    if (result.type === 'refused') return this.#pending.answer(proposal.id, result);
    this.#pending.answer(proposal.id, this.#ok(result.value, result.applied));
  }

  #serveReads(): void {
    if (this.#readsToServe.length === 0) return;
    this.#readsToServe = this.#readsToServe.filter(({ id, readIndex, leaseEndNs }) => {
      const isReady = this.#options.rules.mayServeRead({
        readIndex,
        appliedIndex: this.#lastApplied.index,
      });
      if (!isReady) return true;
      if (leaseEndNs !== undefined && !this.#holdsLease(leaseEndNs)) {
        this.#enqueue({ type: 'read', id });
        return false;
      }
      const request = this.#pending.get(id);
      if (request?.type === 'read') {
        this.#pending.answer(id, this.#ok(this.#machine.read(request.key, request.of), true));
      }
      return false;
    });
  }

  /** By the clock as it is now: the process may have been stopped since the step that looked at it. */
  #holdsLease(leaseEndNs: number): boolean {
    const nowNs = this.#options.scheduler.now();
    return this.#options.rules.holdsLease({ nowNs, leaseEndNs, isHandingOver: false });
  }

  #onRejected(rejected: Rejected): void {
    const { onRejected } = this.#options;
    assert(onRejected !== undefined, () => `${rejected.from} sent a message: ${rejected.reason}`);
    onRejected(rejected);
  }

  #ok(value: Datum, applied: boolean): Answer {
    return {
      type: 'ok',
      value,
      applied,
      servedBy: this.#options.config.id,
      term: this.#state.term,
      appliedIndex: this.#lastApplied.index,
    };
  }

  #setTimer(): void {
    const { scheduler } = this.#options;
    scheduler.wakeAt(
      Math.min(
        this.#state.deadlineNs,
        this.#pending.deadlineNs,
        this.#changes.deadlineNs,
        this.#fsyncDueNs,
        this.#delayed.dueNs,
        this.#snapshots.deadlineNs,
      ),
      this.#runTick,
    );
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#options.onFatal(error);
  }
}
