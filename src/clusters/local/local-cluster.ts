import { join } from 'node:path';
import type {
  Cluster,
  LinkControl,
  LinkDelay,
  ProcessControl,
  UnexpectedExit,
} from '../../contracts/cluster.ts';
import type { Link, NodeId } from '../../contracts/names.ts';
import type { LaunchSpec } from '../../contracts/target.ts';
import { assert, defined } from '../../lib/assert.ts';
import { UserError } from '../../lib/user-error.ts';
import { hasListener } from './port-holder.ts';
import { type PortLayout, portInUse } from './ports.ts';
import { HOST, type NodeEvent } from './protocol.ts';
import { SupervisorClient, SupervisorFailure } from './supervisor-client.ts';

export interface LocalClusterParts {
  readonly layout: PortLayout;
  /** Those of its nodes that belong to nobody until they are added; by default none. */
  readonly spares?: readonly NodeId[];
  readonly specs: ReadonlyMap<NodeId, LaunchSpec>;
  readonly logDir: string;
  readonly removeOnExit: readonly string[];
  /** What keeps its ports for it; released when every node has ended. */
  readonly claimed?: AsyncDisposable | undefined;
}

type LinkFault =
  | { readonly type: 'cut' }
  | { readonly type: 'slow'; readonly delay: LinkDelay }
  | { readonly type: 'reset-every'; readonly everyNs: number };

/**
 * Processes on this machine, with a proxy on every directed link between two nodes. Clients talk to
 * the nodes directly. A supervisor process runs the proxies and ends the nodes when the harness dies.
 */
export class LocalCluster implements Cluster {
  readonly nodes: readonly NodeId[];
  readonly spares: readonly NodeId[];
  readonly processes: ProcessControl;
  readonly links: LinkControl;
  readonly #parts: LocalClusterParts;
  readonly #supervisor: SupervisorClient;
  readonly #listeners: ((exit: UnexpectedExit) => void)[];
  readonly #unheard: UnexpectedExit[];
  /** The last thing that was asked about each node, settled or not. */
  readonly #turns = new Map<NodeId, Promise<void>>();
  #nextFault = 1;

  private constructor(
    parts: LocalClusterParts,
    supervisor: SupervisorClient,
    exits: { listeners: ((exit: UnexpectedExit) => void)[]; unheard: UnexpectedExit[] },
  ) {
    this.#parts = parts;
    this.#supervisor = supervisor;
    this.#listeners = exits.listeners;
    this.#unheard = exits.unheard;
    this.nodes = parts.layout.nodes.map(({ node }) => node);
    this.spares = parts.spares ?? [];
    this.processes = {
      pid: (node) => supervisor.pidOf(this.#known(node)),
      kill: (node) => this.#inTurn(node, () => this.#signal('kill', node)),
      start: (node) => this.#inTurn(node, () => this.#start(node)),
      pause: (node) => this.#inTurn(node, () => this.#signal('pause', node)),
      resume: (node) => this.#inTurn(node, () => this.#signal('resume', node)),
    };
    this.links = {
      cut: (links) => this.#begin(links, { type: 'cut' }),
      slow: (links, delay) => this.#begin(links, { type: 'slow', delay }),
      reset: (links) => supervisor.request({ type: 'reset', links: this.#knownLinks(links) }),
      resetEvery: (links, everyNs) => this.#begin(links, { type: 'reset-every', everyNs }),
      healAll: async () => {
        await supervisor.request({ type: 'heal-all' });
      },
      traffic: (link) => supervisor.request({ type: 'traffic', link: this.#knownLink(link) }),
    };
  }

  /**
   * Opens the proxies; starts no node yet.
   *
   * @throws UserError (`infrastructure`; GONG-E031 when a link's port is in use)
   */
  static async open(parts: LocalClusterParts): Promise<LocalCluster> {
    const listeners: ((exit: UnexpectedExit) => void)[] = [];
    const unheard: UnexpectedExit[] = [];
    const onNodeEvent = (event: NodeEvent): void => {
      if (event.type !== 'exited' || event.isExpected) return;
      const exit: UnexpectedExit = { node: event.node, code: event.code, signal: event.signal };
      if (listeners.length === 0) unheard.push(exit);
      for (const listener of listeners) listener(exit);
    };
    const supervisor = await SupervisorClient.start({
      logFile: join(parts.logDir, 'supervisor.log'),
      removeOnExit: parts.removeOnExit,
      onNodeEvent,
    });
    const cluster = new LocalCluster(parts, supervisor, { listeners, unheard });
    const peerPorts = new Map(parts.layout.nodes.map(({ node, peerPort }) => [node, peerPort]));
    const links = parts.layout.links.map((link) => ({
      ...link,
      targetPort: defined(peerPorts.get(link.to), 'every link ends at a node'),
    }));
    try {
      await supervisor.request({ type: 'open', links });
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      if (!(error instanceof SupervisorFailure) || error.port === undefined) throw error;
      throw await portInUse(error.port, parts.layout, error);
    }
  }

  url(node: NodeId): string {
    return `http://${HOST}:${this.#portsOf(node).clientPort}`;
  }

  /** For the manifest, and for whoever wants to see the guardian at work. */
  get supervisorPid(): number | undefined {
    return this.#supervisor.pid;
  }

  /**
   * Exits from before the first listener are kept for it. When the supervisor dies, every node that
   * ran is reported once it is gone, with neither code nor signal: nobody saw how it ended.
   */
  onUnexpectedExit(listener: (exit: UnexpectedExit) => void): void {
    this.#listeners.push(listener);
    const kept = this.#unheard.splice(0);
    queueMicrotask(() => {
      for (const exit of kept) listener(exit);
    });
  }

  /** Stops everything; resolves when no process is left. May be called at any time, and again. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#supervisor[Symbol.asyncDispose]();
    } finally {
      await this.#parts.claimed?.[Symbol.asyncDispose]();
    }
  }

  /** One after the other for each node: a kill that follows a start finds the process it started. */
  #inTurn(node: NodeId, action: () => Promise<void>): Promise<void> {
    const before = this.#turns.get(node) ?? Promise.resolve();
    const turn = before.then(action, action);
    this.#turns.set(node, turn);
    return turn;
  }

  async #start(node: NodeId): Promise<void> {
    const ports = this.#portsOf(node);
    // Somebody may have taken a port while the node was down; its own error would be hard to find.
    for (const port of [ports.clientPort, ports.peerPort]) {
      if (!(await hasListener(port))) continue;
      throw await portInUse(port, this.#parts.layout, new Error(`${HOST}:${port} is listened on`));
    }
    const spec = defined(this.#parts.specs.get(node), 'every node has a way to start it');
    const logFile = join(this.#parts.logDir, `${node}.log`);
    try {
      await this.#supervisor.request({ type: 'start', node, spec, logFile });
    } catch (error) {
      if (!(error instanceof SupervisorFailure) || error.errno === undefined) throw error;
      throw new UserError({
        kind: 'infrastructure',
        code: 'GONG-E035',
        what: `node ${node} could not be started`,
        why: error.message,
        fix: `check that ${spec.command} exists and may be executed`,
        log: logFile,
        cause: error,
      });
    }
  }

  async #signal(type: 'kill' | 'pause' | 'resume', node: NodeId): Promise<void> {
    await this.#supervisor.request({ type, node: this.#known(node) });
  }

  /** A fault of the links, in force until disposal. */
  async #begin(links: readonly Link[], what: LinkFault): Promise<AsyncDisposable> {
    const fault = this.#nextFault++;
    await this.#supervisor.request({ ...what, fault, links: this.#knownLinks(links) });
    let healing: Promise<null> | undefined;
    return {
      [Symbol.asyncDispose]: async () => {
        // A cluster that was stopped in order has no links left to heal.
        if (this.#supervisor.isEnding) return;
        healing ??= this.#supervisor.request({ type: 'heal', fault });
        await healing;
      },
    };
  }

  #portsOf(node: NodeId): PortLayout['nodes'][number] {
    const ports = this.#parts.layout.nodes.find((entry) => entry.node === node);
    return defined(ports, `there is no node ${node}`);
  }

  #known(node: NodeId): NodeId {
    return this.#portsOf(node).node;
  }

  #knownLinks(links: readonly Link[]): readonly Link[] {
    return links.map((link) => this.#knownLink(link));
  }

  #knownLink({ from, to }: Link): Link {
    assert(from !== to, `a node has no link to itself: ${from}`);
    return { from: this.#known(from), to: this.#known(to) };
  }
}
