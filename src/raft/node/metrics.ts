import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Input, LogIndex, Ready, Role, Term } from '../core/types.ts';
import type { DriverStatus } from '../driver/driver.ts';
import type { Disk, DriverObserver } from '../driver/ports.ts';
import type { ClientCounts } from './client-server.ts';
import type { Transport } from './transport.ts';

/** What is counted elsewhere, and looked at when somebody asks. */
export interface MetricSources {
  readonly status: () => DriverStatus;
  readonly peers: Pick<Transport, 'connections' | 'queuedBytes'>;
  readonly clients: { readonly counts: ClientCounts; readonly pending: number };
}

const ROLES: readonly Role[] = ['follower', 'pre-candidate', 'candidate', 'leader'];
/** Seconds: from a disk that only pretends to one that is in trouble. */
const FSYNC_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2];
const APPEND_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
/** From 1 ms to 10 s, each a quarter longer than the one before: fine enough for quantiles. */
const GAP_BUCKETS = Array.from({ length: 42 }, (_, i) =>
  Number((0.001 * 1.25 ** i).toPrecision(3)),
);
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 1024];

/**
 * The node's metrics for Prometheus. What happens often costs an increment where it happens; the rest
 * is read off when `scrape` is called. Per step and per sync of the disk there is one clock reading.
 */
export class NodeMetrics {
  readonly #registry = new Registry();
  readonly #fsync: Histogram;
  readonly #append: Histogram;
  readonly #batch: Histogram;
  readonly #leaderGap: Histogram;
  /** When this node, as a follower, heard its leader last; undefined when it had none. */
  #leaderHeardMs: number | undefined;
  #elections = { started: 0, won: 0 };
  #leaderChanges = 0;
  #last: Pick<Ready, 'role' | 'term' | 'leader'> | undefined;
  /** Own entries that are not committed yet: the last of each step, and when it was appended. */
  #appended: { readonly index: LogIndex; readonly atMs: number }[] = [];

  constructor() {
    const registers = [this.#registry];
    this.#fsync = new Histogram({
      name: 'gong_raft_fsync_seconds',
      help: 'how long the disk took to make a file durable',
      buckets: FSYNC_BUCKETS,
      registers,
    });
    this.#append = new Histogram({
      name: 'gong_raft_append_seconds',
      help: 'from the append of entries to the log of their leader until they were committed',
      buckets: APPEND_BUCKETS,
      registers,
    });
    this.#batch = new Histogram({
      name: 'gong_raft_batch_entries',
      help: 'log entries in one write to the disk',
      buckets: BATCH_BUCKETS,
      registers,
    });
    this.#leaderGap = new Histogram({
      name: 'gong_raft_leader_gap_seconds',
      help: 'at a follower: between one sign of life of its leader and the next',
      buckets: GAP_BUCKETS,
      registers,
    });
    // Its timer for the delay of the event loop would wake the node a hundred times a second.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
  }

  /** For the driver. */
  readonly observer: DriverObserver = {
    restored() {},
    applied() {},
    snapshot() {},
    stepped: (inputs, ready) => {
      this.#stepped(ready);
      this.#observeLeader(inputs, ready);
    },
    written: (_file, _end, records) => {
      let entries = 0;
      for (const record of records) entries += record.entries?.length ?? 0;
      if (entries > 0) this.#batch.observe(entries);
    },
  };

  /** The same disk, and each sync is timed. */
  timed(disk: Disk): Disk {
    return {
      ...disk,
      sync: (name) => {
        const began = performance.now();
        const syncing = disk.sync(name);
        return syncing.then(() => this.#fsync.observe((performance.now() - began) / 1000));
      },
    };
  }

  /** Call it once, when there is something to look at. */
  read(sources: MetricSources): void {
    this.#readLog(sources);
    this.#readQueues(sources);
    this.#readRequests(sources);
  }

  /** Of the node's own metrics. */
  get names(): readonly string[] {
    return this.#registry
      .getMetricsAsArray()
      .map(({ name }) => name)
      .filter((name) => name.startsWith('gong_'));
  }

  async scrape(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  #stepped(ready: Ready): void {
    const last = this.#last;
    const { role, term, leader } = ready;
    if (last?.role !== role || last.term !== term || last.leader !== leader) {
      this.#last = { role, term, leader };
      this.#countElection(role, term, last);
      if (leader !== undefined && leader !== last?.leader) this.#leaderChanges += 1;
    }
    const own = ready.accepted.at(-1);
    if (own !== undefined) this.#appended.push({ index: own.index, atMs: performance.now() });
    if (this.#appended.length > 0) this.#observeCommitted(ready);
  }

  #observeLeader(inputs: readonly Input[], { role, leader }: Ready): void {
    if (role !== 'follower' || leader === undefined) {
      this.#leaderHeardMs = undefined;
      return;
    }
    const isHeard = inputs.some((input) => input.type === 'message' && input.from === leader);
    if (!isHeard) return;
    const now = performance.now();
    if (this.#leaderHeardMs !== undefined) {
      this.#leaderGap.observe((now - this.#leaderHeardMs) / 1000);
    }
    this.#leaderHeardMs = now;
  }

  #countElection(role: Role, term: Term, last: Pick<Ready, 'role' | 'term'> | undefined): void {
    const isOfTerm = role === 'candidate' || role === 'leader';
    if (isOfTerm && term !== last?.term) this.#elections.started += 1;
    if (role === 'leader' && (last?.role !== 'leader' || last.term !== term)) {
      this.#elections.won += 1;
    }
  }

  #observeCommitted(ready: Ready): void {
    // What another leader makes of them is not this one's to time.
    if (ready.role !== 'leader') this.#appended = [];
    for (let oldest = this.#appended[0]; oldest !== undefined; oldest = this.#appended[0]) {
      if (oldest.index > ready.commitIndex) return;
      this.#append.observe((performance.now() - oldest.atMs) / 1000);
      this.#appended.shift();
    }
  }

  #readLog({ status }: MetricSources): void {
    this.#gauge('term', 'the current term', () => status().term);
    this.#gauge('commit_index', 'the last entry known to be committed', () => status().commitIndex);
    this.#gauge('applied_index', 'the last entry applied here', () => status().lastApplied);
    this.#gauge('log_first_index', 'the first entry in the log', () => status().log.firstIndex);
    this.#gauge('log_last_index', 'the last entry in the log', () => status().log.lastIndex);
    this.#gauges('role', '1 for the role that this node has', 'role', () =>
      Object.fromEntries(ROLES.map((role) => [role, Number(status().role === role)])),
    );
    this.#counters('elections_total', 'elections of this node', 'event', () => this.#elections);
    this.#counter(
      'leader_changes_total',
      'leaders that this node has followed or been',
      () => this.#leaderChanges,
    );
    this.#counter('wal_batches_total', 'writes to the disk', () => status().walBatches);
    this.#gauge('wal_segments', 'files of the log', () => status().walSegments);
    this.#readSnapshots(status);
  }

  #readSnapshots(status: MetricSources['status']): void {
    this.#gauge('snapshot_index', 'the last entry that the newest snapshot holds', () => {
      return status().snapshot.lastIndex;
    });
    this.#gauge('snapshot_bytes', 'size of the newest snapshot', () => status().snapshot.bytes);
    this.#gauge('snapshot_slice_cpu_seconds_max', 'CPU of the longest slice of a snapshot', () => {
      return status().snapshot.sliceCpuNsMax / 1e9;
    });
    this.#counters('snapshots_total', 'snapshots of this node', 'event', () => {
      const { taken, installed } = status().snapshot;
      return { taken, installed };
    });
  }

  #readQueues({ status, peers, clients }: MetricSources): void {
    this.#gauges('queue_length', 'what waits, by where', 'queue', () => {
      const { queues, pending } = status();
      return { ...queues, requests: pending, http: clients.pending };
    });
    this.#gauges('peer_queue_bytes', 'bytes that a peer has not taken yet', 'peer', () =>
      Object.fromEntries<number>(peers.queuedBytes),
    );
    this.#gauge('peer_connections', 'connections of peers to this node', () => {
      return peers.connections.open;
    });
    this.#counters(
      'peer_connections_closed_total',
      'connections of peers, or strangers, that this node closed',
      'reason',
      () => peers.connections.closed,
    );
  }

  #readRequests({ status, clients }: MetricSources): void {
    this.#counters('requests_total', 'requests of clients', 'outcome', () => status().requests);
    this.#counters('reads_total', 'reads taken by this node', 'mode', () => status().reads);
    this.#counters(
      'clients_refused_total',
      'what clients were refused before it reached the store',
      'reason',
      () => ({ ...clients.counts }),
    );
  }

  #gauge(name: string, help: string, read: () => number): void {
    const registers = [this.#registry];
    const gauge: Gauge = new Gauge({
      name: `gong_raft_${name}`,
      help,
      registers,
      collect: () => gauge.set(read()),
    });
  }

  #gauges(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const registers = [this.#registry];
    const gauge: Gauge = new Gauge({
      name: `gong_raft_${name}`,
      help,
      labelNames: [label],
      registers,
      collect() {
        gauge.reset();
        for (const [value, count] of Object.entries(read())) gauge.set({ [label]: value }, count);
      },
    });
  }

  /** Counted elsewhere: it is set anew each time, and only grows. */
  #counter(name: string, help: string, read: () => number): void {
    const registers = [this.#registry];
    const counter: Counter = new Counter({
      name: `gong_raft_${name}`,
      help,
      registers,
      collect() {
        counter.reset();
        counter.inc(read());
      },
    });
  }

  #counters(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const registers = [this.#registry];
    const counter: Counter = new Counter({
      name: `gong_raft_${name}`,
      help,
      labelNames: [label],
      registers,
      collect() {
        counter.reset();
        for (const [value, count] of Object.entries(read())) counter.inc({ [label]: value }, count);
      },
    });
  }
}
