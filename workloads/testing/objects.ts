import type { Json } from '../../checker/index.ts';
import type { Invocation } from '../../src/contracts/client.ts';
import { MILLISECOND } from '../../src/lib/duration.ts';

/** What a store does wrong now and then. */
export const FLAWS: Readonly<Record<string, readonly string[]>> = {
  register: ['stale-read', 'lost-write', 'cas-of-another-value'],
  'rw-register': ['stale-read', 'lost-write'],
  sessions: ['repeated'],
  kv: ['stale-read', 'lost-write', 'deleted-comes-back', 'appended-twice'],
  txn: ['half', 'seen-in-part', 'compared-with-old'],
  counter: ['counted-twice', 'not-counted', 'stale-read'],
  append: ['lost-write', 'appended-twice', 'out-of-order', 'stale-read'],
  set: ['lost-write', 'from-nowhere', 'stale-read'],
  queue: ['given-twice', 'lost', 'out-of-order', 'lost-write'],
  lock: ['two-hold', 'same-token', 'smaller-token', 'old-token-accepted', 'refused-while-free'],
};

export interface ObjectsParts {
  readonly now: () => number;
  /** Whether the flaw of this name shows at this chance. */
  readonly isDue: (flaw: string) => boolean;
}

/** How an operation ended that took effect, or found that it could not. */
export interface Done {
  readonly value: Json;
  readonly applied?: boolean;
}

interface Lock {
  token: number;
  holder: number | undefined;
  untilNs: number;
}

/**
 * Objects of every model that a workload knows, each operation at once: correct ones but for the flaws that
 * are due. Shares nothing with the models, and nothing with the reference store.
 */
export class Objects {
  readonly #parts: ObjectsParts;
  readonly #cells = new Map<string, Json>();
  readonly #before = new Map<string, Json>();
  readonly #lists = new Map<string, Json[]>();
  readonly #locks = new Map<string, Lock>();

  constructor(parts: ObjectsParts) {
    this.#parts = parts;
  }

  /** @param model - of the checker */
  perform(model: string, invocation: Invocation): Done {
    const { f, key = '', value } = invocation;
    switch (model) {
      case 'counter':
        return this.#count(f, key, value);
      case 'append-list':
      case 'set':
      case 'queue':
        return this.#line(model, f, key, value);
      case 'lease-lock':
        return this.#lock(f, key, value);
      case 'txn-kv':
        return this.#transact(key, value);
      default:
        return this.#cell(f, key, value);
    }
  }

  #isDue(flaw: string): boolean {
    return this.#parts.isDue(flaw);
  }

  #write(key: string, value: Json): void {
    this.#before.set(key, this.#cells.get(key) ?? null);
    if (!this.#isDue('lost-write')) this.#cells.set(key, value);
  }

  #read(key: string): Json {
    const from = this.#before.has(key) && this.#isDue('stale-read') ? this.#before : this.#cells;
    return from.get(key) ?? null;
  }

  #cell(f: string, key: string, value: Json): Done {
    const found = this.#cells.get(key) ?? null;
    switch (f) {
      case 'read':
      case 'get':
        return { value: this.#read(key) };
      case 'delete':
        if (!this.#isDue('deleted-comes-back')) this.#write(key, null);
        return { value };
      case 'append': {
        const tail = textOf(value);
        const twice = this.#isDue('appended-twice') ? tail : '';
        this.#write(key, textOf(found) + tail + twice);
        return { value };
      }
      case 'cas': {
        const [from, to] = value as readonly [Json, Json];
        if (from !== found && !this.#isDue('cas-of-another-value')) {
          return { value, applied: false };
        }
        this.#write(key, to);
        return { value };
      }
      default:
        this.#write(key, value);
        return { value };
    }
  }

  #count(f: string, key: string, value: Json): Done {
    if (f === 'read') return { value: this.#read(key) ?? 0 };
    const by = Number(value);
    const sum = Number(this.#cells.get(key) ?? 0) + by;
    const twice = this.#isDue('counted-twice') ? by : 0;
    if (!this.#isDue('not-counted')) this.#write(key, sum + twice);
    return { value: sum };
  }

  /** Lists, sets and queues. */
  #line(model: string, f: string, key: string, value: Json): Done {
    const inside = this.#lists.get(key) ?? [];
    this.#lists.set(key, inside);
    if (f === 'read') {
      const isStale = inside.length > 1 && this.#isDue('stale-read');
      const isMade = inside.length > 0 && this.#isDue('from-nowhere');
      const all = inside.slice(0, isStale ? -2 : inside.length);
      return { value: [...all, ...(isMade ? [1_000_000] : [])] };
    }
    if (f === 'dequeue') return this.#dequeue(inside);
    if (this.#isDue('lost-write')) return { value };
    const isFirst = model !== 'queue' && inside.length > 0 && this.#isDue('out-of-order');
    if (isFirst) inside.unshift(value);
    else inside.push(value);
    if (this.#isDue('appended-twice')) inside.push(value);
    return { value };
  }

  #dequeue(inside: Json[]): Done {
    const at = inside.length > 1 && this.#isDue('out-of-order') ? 1 : 0;
    const value = inside[at] ?? null;
    if (value !== null && this.#isDue('given-twice')) return { value };
    inside.splice(at, inside.length > 1 && this.#isDue('lost') ? 2 : 1);
    return { value };
  }

  #lock(f: string, key: string, value: Json): Done {
    const nowNs = this.#parts.now();
    const lock = this.#locks.get(key) ?? { token: 0, holder: undefined, untilNs: 0 };
    this.#locks.set(key, lock);
    if (lock.untilNs <= nowNs) lock.holder = undefined;
    const until = (time: Json): number =>
      time === null ? Infinity : nowNs + Number(time) * MILLISECOND;
    if (f === 'acquire') {
      const isHeld = lock.holder !== undefined && !this.#isDue('two-hold');
      if (isHeld || this.#isDue('refused-while-free')) return { value: null, applied: false };
      if (lock.token === 0 || !this.#isDue('same-token')) lock.token++;
      if (lock.token > 2 && this.#isDue('smaller-token')) lock.token -= 2;
      lock.holder = lock.token;
      lock.untilNs = until(value);
      return { value: lock.token };
    }
    const [named, time] = f === 'renew' ? (value as readonly [Json, Json]) : [value, null];
    if (lock.holder !== named) {
      return this.#isDue('old-token-accepted') ? { value } : { value, applied: false };
    }
    if (f === 'release') lock.holder = undefined;
    else lock.untilNs = until(time);
    return { value };
  }

  #transact(group: string, value: Json): Done {
    const parts = value as readonly (readonly [string, string, Json])[];
    const at = (letter: string): string => `${group}/${letter}`;
    const holds = parts.every(([word, letter, wanted]) => {
      const isOld = this.#before.has(at(letter)) && this.#isDue('compared-with-old');
      const found = (isOld ? this.#before : this.#cells).get(at(letter)) ?? null;
      return word !== 'if' || found === wanted;
    });
    if (!holds) return { value, applied: false };
    const isHalf = this.#isDue('half');
    let changes = 0;
    const isSeenInPart = this.#isDue('seen-in-part');
    const answers = parts.map(([word, letter, its]): Json => {
      if (word === 'if') return [word, letter, its];
      if (word === 'read') {
        // Of the first it sees the state before the last change of it.
        const isOld = isSeenInPart && letter === 'a' && this.#before.has(at(letter));
        return [word, letter, (isOld ? this.#before : this.#cells).get(at(letter)) ?? null];
      }
      if (changes++ === 0 || !isHalf) this.#write(at(letter), word === 'delete' ? null : its);
      return [word, letter, its];
    });
    return { value: answers };
  }
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : '';
}
