import type { Random } from '../../lib/prng.ts';
import type { NodeId, RequestId } from '../core/types.ts';
import { ConsecutiveMap } from './consecutive-map.ts';
import type { Answer, Request } from './requests.ts';

/** What is said of a request that nobody answered before its deadline. */
export const TIMED_OUT = 'no answer from the cluster in time';

interface Waiting {
  readonly request: Request;
  readonly done: (answer: Answer) => void;
  readonly deadlineNs: number;
  /** Who was asked to answer it; undefined when this node does itself. */
  forwardedTo: NodeId | undefined;
  /** Nobody was asked yet, and nothing was appended. */
  isHeld: boolean;
}

/**
 * Requests that wait for their answer. Each is answered exactly once: by what happens to it, or by
 * its deadline. All have the same time to live, so the oldest is always the next to expire.
 */
export class PendingRequests {
  readonly #waiting: ConsecutiveMap<Waiting>;
  readonly #timeoutNs: number;
  /** Of the oldest; asked in every turn. */
  #deadlineNs = Infinity;
  #held = 0;

  /**
   * @param random - draws the first id: ids must differ between the lives of a node, or the leader's
   *   late answer to a request of an earlier life would be taken for that to a new one
   */
  constructor(timeoutNs: number, random: Random) {
    this.#timeoutNs = timeoutNs;
    const firstId = random.integer(1, 2 ** 20) * 2 ** 32 + random.integer(0, 2 ** 32 - 1);
    this.#waiting = new ConsecutiveMap(firstId);
  }

  add(
    request: Request,
    nowNs: number,
    done: (answer: Answer) => void,
    forwardedTo?: NodeId,
  ): RequestId {
    const deadlineNs = nowNs + this.#timeoutNs;
    if (this.#waiting.size === 0) this.#deadlineNs = deadlineNs;
    return this.#waiting.add({ request, done, deadlineNs, forwardedTo, isHeld: false });
  }

  /** What a peer answers counts only where that peer was asked. */
  answerFrom(peer: NodeId, id: RequestId, answer: Answer): void {
    if (this.#waiting.get(id)?.forwardedTo === peer) this.answer(id, answer);
  }

  /** It waits for a leader to be asked: it certainly had no effect so far. */
  hold(id: RequestId): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.isHeld) return;
    waiting.isHeld = true;
    this.#held += 1;
  }

  get isHolding(): boolean {
    return this.#held > 0;
  }

  /** Nothing is held any more: now they are asked, in the order in which they came. */
  release(forwardedTo: NodeId | undefined): readonly { id: RequestId; request: Request }[] {
    const released: { id: RequestId; request: Request }[] = [];
    for (const [id, waiting] of this.#waiting.entries()) {
      if (!waiting.isHeld) continue;
      waiting.isHeld = false;
      waiting.forwardedTo = forwardedTo;
      released.push({ id, request: waiting.request });
    }
    this.#held = 0;
    return released;
  }

  get(id: RequestId): Request | undefined {
    return this.#waiting.get(id)?.request;
  }

  /** Nothing happens when it was answered before. */
  answer(id: RequestId, answer: Answer): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (waiting.isHeld) this.#held -= 1;
    if (waiting.deadlineNs === this.#deadlineNs) this.#lookForOldest();
    waiting.done(answer);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Infinity when nothing waits. */
  get deadlineNs(): number {
    return this.#deadlineNs;
  }

  #lookForOldest(): void {
    this.#deadlineNs = this.#waiting.oldest?.deadlineNs ?? Infinity;
  }

  /** A read, or what nobody was asked, had no effect; anything else may have, or may have one later. */
  expire(nowNs: number): void {
    if (nowNs < this.#deadlineNs) return;
    for (const [id, { request, deadlineNs, isHeld }] of this.#waiting.entries()) {
      if (deadlineNs > nowNs) return;
      const type = request.type === 'read' || isHeld ? 'refused' : 'unknown';
      this.answer(id, { type, error: TIMED_OUT });
    }
  }
}
