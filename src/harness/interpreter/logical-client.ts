import type { Client, Completion, Invocation } from '../../contracts/client.ts';
import type { NodeId } from '../../contracts/names.ts';
import type { ClientPorts } from './ports.ts';

/**
 * One single-threaded client, with a connection to each node that it has asked, one operation at a time.
 * After an operation of unknown outcome its connections are given up and it goes on under a new process
 * id: the old process has, for all that is known, still an operation under way.
 */
export class LogicalClient implements AsyncDisposable {
  readonly #ports: ClientPorts;
  readonly #place: (invocation: Invocation) => NodeId;
  /** Distance between this client's process ids; the number of clients that share the numbers. */
  readonly #stride: number;
  #process: number;
  #clients = new Map<NodeId, Client>();

  /** @param place - whom an operation is sent to */
  constructor(
    ports: ClientPorts,
    place: (invocation: Invocation) => NodeId,
    process: number,
    stride: number,
  ) {
    this.#ports = ports;
    this.#place = place;
    this.#process = process;
    this.#stride = stride;
  }

  /** The id that its next operation will carry. */
  get process(): number {
    return this.#process;
  }

  /**
   * Does one operation and records both of its ends. Never retries. What the client throws is a bug
   * in Gong: it propagates, and the operation stays without a completion, which is the truth.
   *
   * @param intendedNs - when it was meant to start; by default now
   */
  async perform(invocation: Invocation, intendedNs?: number): Promise<Completion> {
    const { recorder, deadlineNs } = this.#ports;
    const node = this.#place(invocation);
    const client = this.#clientOf(node);
    const started = recorder.invoke({ process: this.#process, node, invocation, intendedNs });
    const completion = await client.invoke(invocation, deadlineNs);
    recorder.complete(started, completion);
    if (completion.type === 'info') await this.#retire();
    return completion;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = this.#clients;
    this.#clients = new Map();
    // One after the other, and no turn of the queue of promises more than it needs: a simulation counts them.
    const errors: unknown[] = [];
    for (const client of clients.values()) {
      try {
        await client[Symbol.asyncDispose]();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  #clientOf(node: NodeId): Client {
    const known = this.#clients.get(node);
    if (known !== undefined) return known;
    const client = this.#ports.connect(node);
    this.#clients.set(node, client);
    return client;
  }

  async #retire(): Promise<void> {
    this.#process += this.#stride;
    // An answer that still arrives belongs to nobody: it must not meet the next operation.
    await this[Symbol.asyncDispose]();
  }
}
