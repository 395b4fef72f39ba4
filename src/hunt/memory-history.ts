import type { HistoryEvent } from '../../checker/index.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Completion } from '../contracts/client.ts';
import type {
  IntendedOperation,
  OperationRecorder,
  StartedOperation,
} from '../harness/interpreter/ports.ts';

/** The history of a simulated run, in memory. */
export class MemoryHistory implements OperationRecorder {
  readonly events: HistoryEvent[] = [];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  invoke(operation: IntendedOperation): StartedOperation {
    const time = this.#clock.now();
    const { process, node, invocation } = operation;
    const { f, key, value } = invocation;
    const index = this.events.length;
    this.events.push({ index, time, type: 'invoke', process, f, ...keyed(key), value, node });
    return { ...operation, intendedNs: operation.intendedNs ?? time, invokedNs: time };
  }

  complete({ process, node, invocation }: StartedOperation, completion: Completion): void {
    const { f, key, value: asked } = invocation;
    const { type, ...rest } = completion;
    this.events.push({
      index: this.events.length,
      time: this.#clock.now(),
      type,
      process,
      f,
      ...keyed(key),
      value: asked,
      node,
      ...rest,
    });
  }
}

function keyed(key: string | undefined): { readonly key?: string } {
  return key === undefined ? {} : { key };
}
