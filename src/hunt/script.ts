import type { Client, Invocation } from '../contracts/client.ts';
import type { NodeId } from '../contracts/names.ts';
import { LogicalClient } from '../harness/interpreter/logical-client.ts';
import type { ClientPorts } from '../harness/interpreter/ports.ts';
import { defined } from '../lib/assert.ts';
import type { ScheduledOperation } from './scenario.ts';

export interface ScriptOptions extends Omit<ClientPorts, 'connect'> {
  /** @param atNs - when its operation is due: tells clients apart whichever others there are */
  readonly connect: (node: NodeId, atNs: number) => Client;
  readonly nodes: readonly NodeId[];
  /** See `Workload.lookAt`. */
  readonly lookAt: (key: string) => readonly Invocation[];
  /** Nothing begins after it; what is under way is waited for. */
  readonly ended: AbortSignal;
}

/**
 * Has a client of its own do each operation at its time, whatever becomes of the others: an operation
 * less moves none of the rest.
 */
export function performScript(
  operations: readonly ScheduledOperation[],
  options: ScriptOptions,
): { readonly working: Promise<number>; readonly finalReads: () => readonly Invocation[] } {
  const working = Promise.all(
    operations.map((operation, process) => perform(operation, process, options)),
  );
  const keys = new Set(operations.flatMap(({ key }) => key ?? []));
  return {
    working: working.then(() => operations.length),
    finalReads: () => [...keys].flatMap(options.lookAt),
  };
}

async function perform(
  { atNs, node: name, f, key, value }: ScheduledOperation,
  process: number,
  { connect, nodes, ended, ...ports }: ScriptOptions,
): Promise<void> {
  await ports.clock.sleep(atNs, ended);
  if (ended.aborted) return;
  const node = defined(
    nodes.find((one) => one === name),
    `there is a node ${name}`,
  );
  await using client = new LogicalClient(
    { ...ports, connect: (to) => connect(to, atNs) },
    () => node,
    process,
    1,
  );
  await client.perform({ f, ...(key === undefined ? {} : { key }), value });
}
