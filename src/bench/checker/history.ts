import { assertNever } from '../../lib/assert.ts';
import { makeRandom, type Random } from '../../lib/prng.ts';
import { SimulatedLock, SimulatedQueue, SimulatedSet } from './collections.ts';
import { SimulatedRegister } from './register.ts';

/** What is generated. The same options give the same history. */
export interface HistoryOptions {
  readonly object: 'register' | 'queue' | 'set' | 'lock';
  readonly seed: number;
  /** How many operations are invoked, of all keys together. */
  readonly operations: number;
  /** Clients of each key. Every one is busy all the time. */
  readonly clients: number;
  /** Independent objects; 0 for one without a key. Default 0. */
  readonly keys?: number;
  /** register: values are drawn from 1 … n; every write has its own value when absent. */
  readonly values?: number;
  /** register: share of CAS. Default 0; reads and writes share the rest evenly. */
  readonly casShare?: number;
  /** register: a CAS that finds another value says so (`applied: false`); else it is `fail`. */
  readonly isCasObserved?: boolean;
  /** set: share of reads of the whole. Default 0.0001. */
  readonly readShare?: number;
  /** Share of operations that end `info`: half of them take effect, some much later. Default 0. */
  readonly crashRate?: number;
  /**
   * Plants a violation that no order explains at this share of the history, in one key: a stale read,
   * a lost element, an add that a read misses, a lock held by two.
   */
  readonly violationAt?: number;
}

/** One operation under way. */
export interface Call {
  readonly f: string;
  /** JSON text of what is asked. */
  readonly input: string;
  /** Position of its invocation. */
  readonly invokedAt: number;
  /** JSON text of the answer, once it took effect. */
  output: string | undefined;
  /** Certainly did not happen. */
  isFailed: boolean;
  /** `applied: false` at its end. */
  isObservation: boolean;
  /** Ends `info`. */
  readonly isCrashed: boolean;
}

/** An object that clients call. */
export interface Simulated {
  /** Begins an operation; undefined: the client has nothing to ask now. */
  invoke(call: Invocation): Call | undefined;
  /** Takes effect; false: not yet. */
  apply(call: Call): boolean;
  /** It was answered, or is given up. */
  end(call: Call, position: number): void;
}

export interface Invocation {
  readonly client: number;
  readonly position: number;
  readonly isCrashed: boolean;
  /** True from where the violation is to stand. */
  readonly isPlanting: boolean;
}

/** Lines of a history, many in each text. Clients on a correct object, but for what is planted. */
export function* generateHistory(options: HistoryOptions): Generator<string, void> {
  yield* new Generation(options).run();
}

interface Keyed {
  readonly key: string;
  readonly simulated: Simulated;
  /** The violation is to stand here. */
  readonly isChosen: boolean;
}

interface Client {
  process: number;
  call: Call | undefined;
}

const CHUNK = 1 << 16;

class Generation {
  readonly #options: HistoryOptions;
  readonly #random: Random;
  readonly #objects: readonly Keyed[];
  readonly #clients: Client[];
  /** Crashed ones that do not take effect while their client waits, and those that may do so later. */
  readonly #lost = new Set<Call>();
  readonly #ghosts: { readonly call: Call; readonly simulated: Simulated }[] = [];
  #processes: number;
  #text = '';
  #position = 0;
  #time = 0;
  #invoked = 0;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#random = makeRandom(options.seed);
    const { keys = 0 } = options;
    this.#objects = Array.from({ length: Math.max(1, keys) }, (_, i) => ({
      key: keys === 0 ? '' : `"key":"k${i}",`,
      simulated: simulate(options, this.#random.fork(`object ${i}`)),
      isChosen: i === keys >>> 1,
    }));
    this.#processes = this.#objects.length * options.clients;
    this.#clients = Array.from({ length: this.#processes }, (_, process) => ({
      process,
      call: undefined,
    }));
  }

  *run(): Generator<string, void> {
    const { operations, clients } = this.#options;
    let underWay = 0;
    let idle = 0;
    while (this.#invoked < operations || underWay > 0) {
      // A client that waits for a lock whose holder has nothing to do any more waits for ever.
      if (idle > 1000 * this.#clients.length) break;
      const at = this.#random.integer(0, this.#clients.length - 1);
      const client = this.#clients[at] as Client;
      const object = this.#objects[Math.floor(at / clients)];
      if (object === undefined) throw new RangeError('every client has an object');
      const { simulated, key } = object;
      idle++;
      const { call } = client;
      if (call === undefined) {
        if (this.#invoked >= operations || !this.#invoke(client, object, at % clients)) continue;
        underWay++;
      } else if (call.output === undefined && !this.#isLost(call)) {
        if (!simulated.apply(call)) continue;
      } else {
        this.#complete(client, call, key);
        simulated.end(call, this.#position - 1);
        client.call = undefined;
        underWay--;
        // Saturated: the next operation begins at once.
        if (this.#invoked < operations && this.#invoke(client, object, at % clients)) underWay++;
      }
      idle = 0;
      this.#haunt();
      if (this.#text.length >= CHUNK) yield this.#take();
    }
    yield this.#take();
  }

  #invoke(client: Client, { simulated, key, isChosen }: Keyed, number: number): boolean {
    const { crashRate = 0, violationAt = Infinity, operations } = this.#options;
    const call = simulated.invoke({
      client: number,
      position: this.#position,
      isCrashed: crashRate > 0 && this.#random.float() < crashRate,
      isPlanting: isChosen && this.#invoked >= violationAt * operations,
    });
    if (call === undefined) return false;
    this.#invoked++;
    client.call = call;
    this.#line('invoke', client.process, key, call.f, call.input, '');
    // Half of the crashed ones take effect as others do, a quarter later, a quarter never.
    if (!call.isCrashed) return true;
    const fate = this.#random.float();
    if (fate < 0.5) return true;
    if (fate < 0.75) this.#ghosts.push({ call, simulated });
    this.#lost.add(call);
    return true;
  }

  #isLost(call: Call): boolean {
    return call.isCrashed && this.#lost.has(call);
  }

  #complete(client: Client, call: Call, key: string): void {
    if (call.isCrashed) {
      this.#line('info', client.process, key, call.f, call.input, '');
      client.process = this.#processes++;
      this.#lost.delete(call);
    } else if (call.isFailed) {
      this.#line('fail', client.process, key, call.f, call.input, '');
    } else {
      const applied = call.isObservation ? ',"applied":false' : '';
      this.#line('ok', client.process, key, call.f, call.output ?? 'null', applied);
    }
  }

  /** Now and then a crashed operation takes effect after all. */
  #haunt(): void {
    if (this.#ghosts.length === 0 || this.#random.float() > 0.01) return;
    const [ghost] = this.#ghosts.splice(this.#random.integer(0, this.#ghosts.length - 1), 1);
    if (ghost !== undefined) ghost.simulated.apply(ghost.call);
  }

  #line(
    type: string,
    process: number,
    key: string,
    f: string,
    value: string,
    applied: string,
  ): void {
    this.#time += this.#random.integer(1_000, 100_000);
    this.#text +=
      `{"index":${this.#position++},"time":${this.#time},"type":"${type}","process":${process},` +
      `"f":"${f}",${key}"value":${value}${applied}}\n`;
  }

  #take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}

function simulate(options: HistoryOptions, random: Random): Simulated {
  switch (options.object) {
    case 'register':
      return new SimulatedRegister(options, random);
    case 'queue':
      return new SimulatedQueue(random);
    case 'set':
      return new SimulatedSet(random, options.readShare ?? 0.0001);
    case 'lock':
      return new SimulatedLock();
    default:
      return assertNever(options.object);
  }
}
