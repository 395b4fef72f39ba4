import type { Client, Completion, Invocation } from '../contracts/client.ts';
import { defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import { type Call, callOf } from '../raft/client/calls.ts';
import {
  type Attempt,
  type Attempted,
  completionAs,
  SessionClient,
  type SessionStamp,
} from '../raft/client/session-client.ts';
import type { Answer, Consistency, Request } from '../raft/driver/requests.ts';
import type { SimNode } from './node.ts';
import type { RangeNs } from './profile.ts';
import type { Simulation } from './simulation.ts';

/** What clients do: see `ConnectOptions`. */
export interface ClientKind {
  readonly model: string;
  readonly inSessions: boolean;
  /** How many of its reads a lease may serve, 0 to 1; by default none. */
  readonly leaseShare?: number;
}

export const OF_REGISTERS: ClientKind = { model: 'cas-register', inSessions: false };

export interface SimClientParts {
  readonly sim: Simulation;
  readonly node: SimNode;
  readonly latency: RangeNs;
  /** Draws the latency of each message. */
  readonly random: Random;
  /** The other nodes: a client with a session asks them in turn for what this one did not answer. */
  readonly others?: readonly SimNode[];
  /** Of its sessions. */
  readonly expiryMs?: number | undefined;
}

/** One client's connection to a simulated node. */
export function connectTo(
  parts: SimClientParts,
  { model, inSessions, leaseShare = 0 }: ClientKind,
): Client {
  const { sim, node, others = [], expiryMs } = parts;
  const choice = parts.random.fork('read modes');
  const consistency = (): Consistency =>
    leaseShare > 0 && choice.float() < leaseShare ? 'lease' : 'linearizable';
  const call = (invocation: Invocation): Call =>
    defined(callOf(model, invocation), `the simulated store can ${invocation.f} as a ${model}`);
  const attempt = (
    what: Call,
    stamp: SessionStamp | undefined,
    deadlineNs: number,
  ): Promise<Attempted> => ask(parts, requestOf(what, stamp, consistency), deadlineNs);
  const close = async (): Promise<void> => {};
  if (inSessions) {
    const nodes = [node, ...others];
    const attemptAround = makeAround(nodes, (at, what, stamp, deadlineNs) =>
      ask({ ...parts, node: at }, requestOf(what, stamp, consistency), deadlineNs),
    );
    return new SessionClient({
      model,
      callOf: call,
      attempt: attemptAround,
      clock: sim,
      expiryMs,
      close,
    });
  }
  return {
    async invoke(invocation, deadlineNs): Promise<Completion> {
      const ended = await attempt(call(invocation), undefined, deadlineNs);
      return completionAs(model, invocation, ended);
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Asks the first node, and for the same number again the next one, round and round. */
function makeAround(
  nodes: readonly SimNode[],
  attemptAt: (node: SimNode, ...asked: Parameters<Attempt>) => Promise<Attempted>,
): Attempt {
  let last: SessionStamp | undefined;
  let tries = 0;
  return (call, stamp, deadlineNs) => {
    const isAgain =
      stamp !== undefined && last?.id === stamp.id && last.sequence === stamp.sequence;
    tries = isAgain ? tries + 1 : 0;
    last = stamp;
    const node = defined(nodes[tries % nodes.length], 'one of the nodes');
    return attemptAt(node, call, stamp, deadlineNs);
  };
}

function requestOf(
  call: Call,
  stamp: SessionStamp | undefined,
  consistency: () => Consistency,
): Request {
  if (call.type === 'read') return { ...call, consistency: consistency() };
  // A client that goes on to a number has the answers to all before.
  const session =
    stamp === undefined ? {} : { session: { ...stamp, acknowledged: stamp.sequence } };
  return { ...call, ...session };
}

/** One request: it travels to the node, and its answer back, or not. */
function ask(
  { sim, node, latency, random }: SimClientParts,
  request: Request,
  deadlineNs: number,
): Promise<Attempted> {
  const travelNs = (): number => random.integer(latency.minNs, latency.maxNs);
  return new Promise((resolve) => {
    let isOpen = true;
    const complete = (attempted: Attempted): void => {
      if (!isOpen) return;
      isOpen = false;
      sim.settles();
      resolve(attempted);
    };
    sim.after(deadlineNs, () => complete({ type: 'unknown', error: 'no answer in time' }));
    sim.after(travelNs(), () => {
      if (!isOpen) return;
      node.submit(request, (reply) => {
        sim.after(travelNs(), () => {
          if (reply.type === 'lost')
            complete({ type: 'unknown', error: 'the connection was lost' });
          else complete(attemptedOf(reply));
        });
      });
    });
  });
}

function attemptedOf(answer: Answer): Attempted {
  if (answer.type !== 'ok') return answer;
  const { value, applied, servedBy, term, appliedIndex } = answer;
  return { type: 'ok', value, applied, served: { servedBy, term, appliedIndex } };
}
