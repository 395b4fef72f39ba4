import { setImmediate as immediate } from 'node:timers/promises';
import type { Client, Completion, Invocation, Served } from '../../contracts/client.ts';
import type { ClientDefinition } from '../../contracts/target.ts';
import { MILLISECOND } from '../../lib/duration.ts';
import { UserError } from '../../lib/user-error.ts';
import { isRecord } from './definition.ts';
import { errorText, oneLine, shown } from './error-text.ts';
import { Overdue, type UserCode } from './user-code.ts';
import { readValue, sameJson, type WrittenTypes } from './values.ts';

type Json = Invocation['value'];

/** How much longer than its deadline a client may take before it is given up. */
const GRACE_MS = 500;
const CLOSE_LIMIT_MS = 1_000;

/** These can answer with nothing but what was asked of them. */
const SETTING = ['write', 'put', 'delete', 'cas'];

/** A client of a target file, held to the contract that the harness relies on. */
export class GuardedClient implements Client {
  readonly #code: UserCode;
  readonly #connect: () => ClientDefinition | Promise<ClientDefinition>;
  readonly #written: WrittenTypes;
  #client: ClientDefinition | undefined;

  /** @param connect - called in the middle of the first operation, which it is a part of */
  constructor(
    code: UserCode,
    connect: () => ClientDefinition | Promise<ClientDefinition>,
    written: WrittenTypes,
  ) {
    this.#code = code;
    this.#connect = connect;
    this.#written = written;
  }

  /**
   * @throws UserError (`usage`): GONG-E144 `connect` gave no client, GONG-E145 an answer is none,
   *   GONG-E146 an error escaped earlier
   */
  async invoke(invocation: Invocation, deadlineNs: number): Promise<Completion> {
    this.#code.throwEscaped();
    const endMs = performance.now() + deadlineNs / MILLISECOND;
    if (this.#client === undefined) {
      const refused = await this.#open(endMs);
      if (refused !== undefined) return refused;
    }
    const client = this.#client;
    const leftMs = endMs - performance.now();
    if (client === undefined || leftMs <= 0)
      return { type: 'fail', error: 'no connection in time' };
    const hasTurned = eventLoopTurn();
    let answer: unknown;
    this.#written.note(invocation.value);
    try {
      answer = await this.#code.within(leftMs + GRACE_MS, () =>
        client.invoke(invocation, leftMs * MILLISECOND),
      );
    } catch (error) {
      await this[Symbol.asyncDispose]();
      // By name: the file may have its own copy of the class.
      if (error instanceof Error && error.name === 'NeverSentError') {
        return { type: 'fail', error: errorText(error) };
      }
      if (error instanceof Overdue) {
        return { type: 'info', error: 'no answer in time: the client did not keep its deadline' };
      }
      return { type: 'info', error: errorText(error) };
    } finally {
      // A client that answers without waiting for anything would keep everybody else from running.
      if (!hasTurned()) await immediate();
    }
    return this.#completion(invocation, answer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    try {
      await this.#code.within(CLOSE_LIMIT_MS, () => close(client));
    } catch {
      // What is wrong with a connection that is given up is nobody's business any more.
    }
  }

  /** Undefined when there is a client now. What does not connect has certainly sent nothing. */
  async #open(endMs: number): Promise<Completion | undefined> {
    let opening: unknown;
    try {
      opening = this.#code.run(this.#connect);
    } catch (error) {
      throw this.#badConnect(`threw: ${errorText(error)}`, error);
    }
    let client: unknown;
    try {
      const limitMs = endMs - performance.now() + GRACE_MS;
      client = await this.#code.within(limitMs, () => opening);
    } catch (error) {
      if (error instanceof Overdue) closeLater(this.#code, opening);
      return { type: 'fail', error: `not connected: ${errorText(error)}` };
    }
    if (!isClient(client)) throw this.#badConnect('returned no client: it has no invoke function');
    this.#client = client;
    return undefined;
  }

  #completion(invocation: Invocation, answer: unknown): Completion {
    const bad = (why: string): UserError => this.#badAnswer(invocation, why, answer);
    if (!isRecord(answer)) throw bad('is no object with a type');
    const served = servedOf(answer);
    const { type, error } = answer;
    if (type === 'fail' || type === 'info') {
      return { type, error: errorText(error), ...served };
    }
    if (type !== 'ok') throw bad("must have the type 'ok', 'fail' or 'info'");
    const value = this.#value(invocation, answer, bad);
    if (invocation.f !== 'cas') return { type, value, ...served };
    const { applied } = answer;
    if (typeof applied !== 'boolean')
      throw bad('of a cas must say applied: true or applied: false');
    return { type, value, ...(applied ? {} : { applied }), ...served };
  }

  #value(
    { f, value: asked }: Invocation,
    answer: Record<string, unknown>,
    bad: (why: string) => UserError,
  ): Json {
    if (SETTING.includes(f)) {
      if (answer['value'] === undefined || sameJson(answer['value'], asked)) return asked;
      throw bad(`of a ${f} must have the value that was asked for, or none`);
    }
    if (answer['value'] === undefined && asked !== null) return asked;
    const value = readValue(answer['value']);
    if (value === undefined)
      throw bad('must have a value that is JSON; null is for what is absent');
    const stranger = this.#written.stranger(value);
    if (stranger !== undefined) {
      throw bad(`has a ${stranger} for its value, and nothing of that type was ever written`);
    }
    return value;
  }

  #badConnect(why: string, cause?: unknown): UserError {
    return new UserError({
      kind: 'usage',
      code: 'GONG-E144',
      what: `${this.#code.file}: connect ${why}`,
      why: 'it must return a client; a node that cannot be reached is for the promise it may return',
      fix: 'correct connect in the file; see "Your own store" in README.md',
      cause,
    });
  }

  #badAnswer({ f, key, value }: Invocation, why: string, answer: unknown): UserError {
    const of = key === undefined ? '' : ` of ${key}`;
    const asked = value === null ? '' : ` ${JSON.stringify(value)}`;
    return new UserError({
      kind: 'usage',
      code: 'GONG-E145',
      what: `${this.#code.file}: the answer to ${f}${asked}${of} ${why}`,
      why: `invoke answered ${oneLine(shown(answer))}`,
      fix: 'translate what the store answers in invoke; what makes no sense there is { type: "info", error }',
    });
  }
}

let turns = 0;
let isTurnAwaited = false;

/** A function that tells whether the event loop has turned since. */
function eventLoopTurn(): () => boolean {
  const before = turns;
  if (!isTurnAwaited) {
    isTurnAwaited = true;
    setImmediate(() => {
      isTurnAwaited = false;
      turns++;
    });
  }
  return () => turns !== before;
}

function isClient(value: unknown): value is ClientDefinition {
  return isRecord(value) && typeof value['invoke'] === 'function';
}

/** By either of its names, if it has one. */
async function close(client: ClientDefinition): Promise<void> {
  if (typeof client.close === 'function') await client.close();
  else await (client as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.();
}

/** A connection that comes when nobody waits for it any more is closed again. */
function closeLater(code: UserCode, opening: unknown): void {
  void code
    .run(async () => {
      const client: unknown = await opening;
      if (isClient(client)) await close(client);
    })
    .catch(() => {});
}

function servedOf(answer: Record<string, unknown>): Served {
  const { servedBy, term, appliedIndex } = answer;
  return {
    ...(typeof servedBy === 'string' ? { servedBy } : {}),
    ...(typeof term === 'number' ? { term } : {}),
    ...(typeof appliedIndex === 'number' ? { appliedIndex } : {}),
  };
}
