import type { HistoryEvent, Json } from '../../checker/index.ts';
import type { Client, Completion, Invocation } from '../../src/contracts/client.ts';
import { nodeId } from '../../src/contracts/names.ts';
import type { Workload } from '../../src/contracts/workload.ts';
import { askEveryNode } from '../../src/harness/interpreter/final-reads.ts';
import { interpret } from '../../src/harness/interpreter/interpreter.ts';
import { openLoop } from '../../src/harness/interpreter/pace.ts';
import { MemoryHistory } from '../../src/hunt/memory-history.ts';
import { defined } from '../../src/lib/assert.ts';
import { MILLISECOND, SECOND } from '../../src/lib/duration.ts';
import type { Random } from '../../src/lib/prng.ts';
import {
  type Attempt,
  type Attempted,
  SessionClient,
} from '../../src/raft/client/session-client.ts';
import { Simulation } from '../../src/sim/simulation.ts';
import { type Done, Objects } from './objects.ts';

export interface InProcessOptions {
  readonly seed: string;
  readonly workload: Workload;
  /** One of `FLAWS`: what the store does wrong, once in a while. Undefined: nothing. */
  readonly flaw?: string | undefined;
  readonly settings?: Readonly<Record<string, number>>;
  readonly durationNs?: number;
  /** Share of operations whose answer is lost, whether they took effect or not. */
  readonly lossRate?: number;
}

const NODES = ['n1', 'n2', 'n3'].map(nodeId);
/** How likely a flaw shows where it can. */
const FLAW_RATE = 1 / 15;
const LOSS_RATE = 0.02;

/** What clients of a workload recorded on a store within this process, in simulated time. */
export async function recordInProcess(options: InProcessOptions): Promise<readonly HistoryEvent[]> {
  const { workload, flaw, settings = {}, durationNs = 10 * SECOND } = options;
  const sim = new Simulation(options.seed);
  const flaws = sim.random('flaws');
  const objects = new Objects({
    now: () => sim.now(),
    isDue: (name) => name === flaw && flaws.float() < FLAW_RATE,
  });
  const store = new LossyStore(sim, objects, options);
  const history = new MemoryHistory(sim);
  const generator = workload.generator(
    { keyOps: 150, concurrency: 8, values: undefined, settings },
    sim.random('workload'),
  );
  const ports = {
    clock: sim,
    recorder: history,
    connect: () => store.connect(),
    deadlineNs: SECOND,
    pauseAfterFailNs: 20 * MILLISECOND,
  };
  const ended = new AbortController();
  const play = async (): Promise<void> => {
    const pace = openLoop(sim, 200);
    const ending = sim.sleep(durationNs).then(() => ended.abort());
    const working = interpret({
      ...ports,
      generator,
      pace,
      nodes: NODES,
      concurrency: 8,
      signal: ended.signal,
    });
    const [firstProcess] = await Promise.all([working, ending]);
    await askEveryNode({
      ...ports,
      nodes: NODES,
      invocations: generator.finalReads(),
      firstProcess,
      signal: new AbortController().signal,
    });
  };
  await sim.drive(play());
  return history.events;
}

/** Objects behind a network that takes its time and loses answers. */
class LossyStore {
  readonly #sim: Simulation;
  readonly #objects: Objects;
  readonly #options: InProcessOptions;
  readonly #random: Random;
  /** What each write of a session was answered. */
  readonly #answers = new Map<string, Done>();
  #sessions = 0;

  constructor(sim: Simulation, objects: Objects, options: InProcessOptions) {
    this.#sim = sim;
    this.#objects = objects;
    this.#options = options;
    this.#random = sim.random('network');
  }

  connect(): Client {
    const { model, inSessions = false } = this.#options.workload;
    const close = async (): Promise<void> => {};
    if (!inSessions) {
      return {
        invoke: async (invocation) =>
          toCompletion(await this.#ask(() => this.#objects.perform(model, invocation))),
        [Symbol.asyncDispose]: close,
      };
    }
    // What is under way: the session's client speaks the store's language, this store the history's.
    let asked: Invocation = { f: 'read', value: null };
    const attempt: Attempt = (call, stamp) =>
      this.#ask(() => {
        const isOpening = call.type === 'command' && call.command.type === 'open-session';
        if (isOpening) return { value: ++this.#sessions };
        if (stamp === undefined) return this.#objects.perform(model, asked);
        return this.#once(`${stamp.id}/${stamp.sequence}`, asked);
      });
    const client = new SessionClient({
      model,
      callOf: (invocation) => {
        asked = invocation;
        const key = defined(invocation.key, 'it names a key');
        return invocation.f === 'read'
          ? { type: 'read', of: 'value', key }
          : { type: 'command', command: { type: 'delete', key } };
      },
      attempt,
      clock: this.#sim,
      close,
    });
    return client;
  }

  /** Does it once, or as often as it is asked for where that is the flaw. */
  #once(name: string, invocation: Invocation): Done {
    const known = this.#answers.get(name);
    if (known !== undefined && this.#options.flaw !== 'repeated') return known;
    const done = this.#objects.perform(this.#options.workload.model, invocation);
    this.#answers.set(name, done);
    return done;
  }

  async #ask(perform: () => Done): Promise<Attempted> {
    const { inSessions = false } = this.#options.workload;
    // Who repeats meets many losses; the others may lose few.
    const lossRate = this.#options.lossRate ?? (inSessions ? 10 * LOSS_RATE : LOSS_RATE);
    await this.#travel();
    const isLost = this.#random.float() < lossRate;
    if (isLost && this.#random.float() < 0.5) {
      // It arrives later, or never.
      if (this.#random.float() < 0.7) this.#sim.after(this.#random.integer(0, SECOND), perform);
      return { type: 'unknown', error: 'no answer' };
    }
    const { value, applied = true } = perform();
    await this.#travel();
    if (isLost) return { type: 'unknown', error: 'no answer' };
    return { type: 'ok', value: value as never, applied, served: {} };
  }

  async #travel(): Promise<void> {
    await this.#sim.sleep(this.#random.integer(1, 40) * MILLISECOND);
  }
}

function toCompletion(ended: Attempted): Completion {
  if (ended.type !== 'ok') return { type: 'info', error: ended.error };
  const value: Json = ended.value;
  return { type: 'ok', value, ...(ended.applied ? {} : { applied: false }) };
}
