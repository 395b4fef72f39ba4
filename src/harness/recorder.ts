import type { Json } from '../../checker/index.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Completion } from '../contracts/client.ts';
import type {
  IntendedOperation,
  OperationRecorder,
  StartedOperation,
} from './interpreter/ports.ts';

/** Takes the lines of a file one by one; throws when an earlier one could not be written. */
export interface LineSink {
  append(line: string): void;
}

/** An operation both ends of which are recorded. */
export interface FinishedOperation extends StartedOperation {
  readonly completion: Completion;
  readonly completedNs: number;
}

/**
 * The one writer of `history.jsonl`: the order of its calls is the order of lines, and that order is
 * the real-time order that the checker believes. Lines are built by hand: two of them for every
 * operation come out of the clients' own time.
 */
export class HistoryRecorder implements OperationRecorder {
  readonly #clock: Clock;
  readonly #sink: LineSink;
  readonly #onFinished: (operation: FinishedOperation) => void;
  #index = 0;

  constructor(parts: {
    readonly clock: Clock;
    readonly sink: LineSink;
    /** Called at each completion, after its line: statistics, evidence, progress. */
    readonly onFinished: (operation: FinishedOperation) => void;
  }) {
    this.#clock = parts.clock;
    this.#sink = parts.sink;
    this.#onFinished = parts.onFinished;
  }

  /** Events recorded so far. */
  get events(): number {
    return this.#index;
  }

  invoke(operation: IntendedOperation): StartedOperation {
    const invokedNs = this.#clock.now();
    const { process, node, invocation, intendedNs = invokedNs } = operation;
    let line = `${this.#head(invokedNs, 'invoke', operation)},"value":${json(invocation.value)}`;
    line += `,"node":${json(node)}`;
    // Latency counts from here: what is measured can be derived from the history again.
    if (intendedNs !== invokedNs) line += `,"intended":${intendedNs}`;
    this.#sink.append(`${line}}`);
    return { process, node, invocation, intendedNs, invokedNs };
  }

  complete(operation: StartedOperation, completion: Completion): void {
    const completedNs = this.#clock.now();
    const { type } = completion;
    // What failed or is unknown has no result: its line repeats what was asked, as Jepsen's do.
    const value = type === 'ok' ? completion.value : operation.invocation.value;
    let line = `${this.#head(completedNs, type, operation)},"value":${json(value)}`;
    line += `,"node":${json(operation.node)}`;
    if (type !== 'ok') line += `,"error":${json(completion.error)}`;
    else if (completion.applied !== undefined) line += `,"applied":${completion.applied}`;
    if (completion.servedBy !== undefined) line += `,"servedBy":${json(completion.servedBy)}`;
    if (completion.term !== undefined) line += `,"term":${json(completion.term)}`;
    if (completion.appliedIndex !== undefined) {
      line += `,"appliedIndex":${json(completion.appliedIndex)}`;
    }
    this.#sink.append(`${line}}`);
    this.#onFinished({ ...operation, completion, completedNs });
  }

  /** An event of the nemesis. @returns its time */
  nemesis(f: string, value: Json): number {
    const time = this.#clock.now();
    const head = `{"index":${this.#index++},"time":${time},"type":"info","process":"nemesis"`;
    this.#sink.append(`${head},"f":${json(f)},"value":${json(value)}}`);
    return time;
  }

  #head(
    time: number,
    type: string,
    { process, invocation: { f, key } }: IntendedOperation,
  ): string {
    const head = `{"index":${this.#index++},"time":${time},"type":"${type}","process":${process}`;
    const named = `${head},"f":${json(f)}`;
    return key === undefined ? named : `${named},"key":${json(key)}`;
  }
}

/** Numbers and null are most of what is written, and need no escaping. */
function json(value: Json): string {
  if (value === null) return 'null';
  return typeof value === 'number' && Number.isFinite(value) ? `${value}` : JSON.stringify(value);
}
