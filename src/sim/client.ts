import type { Json } from '../../checker/index.ts';
import type { Client, Completion, Invocation } from '../contracts/client.ts';
import { assert, assertNever, InvariantError } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { Answer, Request } from '../raft/driver/requests.ts';
import type { SimNode } from './node.ts';
import type { RangeNs } from './profile.ts';
import type { Simulation } from './simulation.ts';

/** Values are kept in the store as JSON text; null stands for an absent key. */
function encode(value: Json): string | null {
  return value === null ? null : JSON.stringify(value);
}

function toRequest({ f, key = 'gong', value }: Invocation): Request {
  switch (f) {
    case 'read':
      return { type: 'read', key, consistency: 'linearizable' };
    case 'write': {
      const text = encode(value);
      const command =
        text === null
          ? ({ type: 'delete', key } as const)
          : ({ type: 'put', key, value: text } as const);
      return { type: 'command', command };
    }
    case 'cas': {
      assert(Array.isArray(value), 'a CAS has a pair of values');
      const [from = null, to = null]: readonly Json[] = value;
      return { type: 'command', command: { type: 'cas', key, from: encode(from), to: encode(to) } };
    }
    default:
      throw new InvariantError(`the simulated store cannot ${f}`);
  }
}

function toCompletion({ f, value }: Invocation, answer: Answer): Completion {
  switch (answer.type) {
    case 'refused':
      return { type: 'fail', error: answer.error };
    case 'unknown':
      return { type: 'info', error: answer.error };
    case 'ok': {
      const { servedBy, term, appliedIndex } = answer;
      const served = { servedBy, term, appliedIndex };
      if (f === 'read') {
        const read: Json =
          typeof answer.value === 'string' ? (JSON.parse(answer.value) as Json) : answer.value;
        return { type: 'ok', value: read, ...served };
      }
      const applied = f === 'cas' && !answer.applied ? { applied: false } : {};
      return { type: 'ok', value, ...applied, ...served };
    }
    default:
      return assertNever(answer);
  }
}

/** One client's connection to a simulated node. */
export class SimClient implements Client {
  readonly #sim: Simulation;
  readonly #node: SimNode;
  readonly #latency: RangeNs;
  readonly #random: Random;

  /** @param random - draws the latency of each message */
  constructor(sim: Simulation, node: SimNode, latency: RangeNs, random: Random) {
    this.#sim = sim;
    this.#node = node;
    this.#latency = latency;
    this.#random = random;
  }

  invoke(invocation: Invocation, deadlineNs: number): Promise<Completion> {
    const request = toRequest(invocation);
    return new Promise((resolve) => {
      let isOpen = true;
      const complete = (completion: Completion): void => {
        if (!isOpen) return;
        isOpen = false;
        this.#sim.settles();
        resolve(completion);
      };
      this.#sim.after(deadlineNs, () => complete({ type: 'info', error: 'no answer in time' }));
      this.#sim.after(this.#travelNs(), () => {
        if (!isOpen) return;
        this.#node.submit(request, (reply) => {
          this.#sim.after(this.#travelNs(), () => {
            if (reply.type === 'lost') complete({ type: 'info', error: 'the connection was lost' });
            else complete(toCompletion(invocation, reply));
          });
        });
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #travelNs(): number {
    return this.#random.integer(this.#latency.minNs, this.#latency.maxNs);
  }
}
