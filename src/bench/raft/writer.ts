import http from 'node:http';
import type { PreparedRequest } from './system.ts';

/** One write that was acknowledged. */
export interface Acknowledged {
  readonly sentMs: number;
  readonly acknowledgedMs: number;
}

/** Shorter than a request waits at a node that knows no leader: the next one finds the new leader. */
const TIMEOUT_MS = 1000;

/**
 * Writes without waiting for answers, one every so often, to the nodes in turn. What is not acknowledged
 * is forgotten: a store without a leader answers late, or never.
 */
export class SteadyWriter implements Disposable {
  readonly acknowledged: Acknowledged[] = [];
  readonly #requests: readonly PreparedRequest[];
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #timer: NodeJS.Timeout;
  #urls: readonly string[];
  #count = 0;
  #waiter: { readonly sinceMs: number; readonly done: (at: Acknowledged) => void } | undefined;

  constructor(options: {
    readonly urls: readonly string[];
    readonly requests: readonly PreparedRequest[];
    readonly everyMs: number;
  }) {
    this.#urls = options.urls;
    this.#requests = options.requests;
    this.#timer = setInterval(() => this.#write(), options.everyMs);
  }

  /** From now on only these are written to. */
  turnTo(urls: readonly string[]): void {
    this.#urls = urls;
  }

  /** The first write that was sent at `sinceMs` or later and is acknowledged. */
  nextAcknowledged(sinceMs: number): Promise<Acknowledged> {
    const found = this.acknowledged.find(({ sentMs }) => sentMs >= sinceMs);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((done) => {
      this.#waiter = { sinceMs, done };
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  #write(): void {
    this.#count += 1;
    const url = this.#urls[this.#count % this.#urls.length];
    const prepared = this.#requests[this.#count % this.#requests.length];
    if (url === undefined || prepared === undefined) return;
    const { method, path, body } = prepared;
    const sentMs = performance.now();
    const request = http.request(url + path, { method, agent: this.#agent, timeout: TIMEOUT_MS });
    request.on('response', (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) this.#onAcknowledged(sentMs);
      });
      response.on('error', () => {});
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => {});
    request.end(body);
  }

  #onAcknowledged(sentMs: number): void {
    const at = { sentMs, acknowledgedMs: performance.now() };
    this.acknowledged.push(at);
    const waiter = this.#waiter;
    if (waiter === undefined || sentMs < waiter.sinceMs) return;
    this.#waiter = undefined;
    waiter.done(at);
  }
}

/** The longest time between two acknowledgements that follow each other, the instants in any order. */
export function longestGapMs(acknowledgedMs: readonly number[]): number {
  const sorted = acknowledgedMs.toSorted((a, b) => a - b);
  let longest = 0;
  for (const [i, at] of sorted.entries()) {
    longest = Math.max(longest, at - (sorted[i - 1] ?? at));
  }
  return longest;
}
