import type { Client, Completion, Invocation } from '../../contracts/client.ts';
import type { NodeId } from '../../contracts/names.ts';
import type { ClientPorts } from './ports.ts';

/**
 * One single-threaded client, bound to a node. After an operation of unknown outcome its connection
 * is given up and it goes on under a new process id: the old process has, for all that is known,
 * still an operation under way.
 */
export class LogicalClient implements AsyncDisposable {
  readonly #ports: ClientPorts;
  readonly #node: NodeId;
  /** Distance between this client's process ids; the number of clients that share the numbers. */
  readonly #stride: number;
  #process: number;
  #client: Client | undefined;

  constructor(ports: ClientPorts, node: NodeId, process: number, stride: number) {
    this.#ports = ports;
    this.#node = node;
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
    const { recorder, connect, deadlineNs } = this.#ports;
    this.#client ??= connect(this.#node);
    const operation = { process: this.#process, node: this.#node, invocation, intendedNs };
    const started = recorder.invoke(operation);
    const completion = await this.#client.invoke(invocation, deadlineNs);
    recorder.complete(started, completion);
    if (completion.type === 'info') await this.#retire();
    return completion;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.[Symbol.asyncDispose]();
  }

  async #retire(): Promise<void> {
    this.#process += this.#stride;
    // An answer that still arrives belongs to nobody: it must not meet the next operation.
    await this[Symbol.asyncDispose]();
  }
}
