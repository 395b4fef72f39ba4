import type { Json } from '../checker/index.ts';
import type { Completion, Invocation } from '../src/contracts/client.ts';
import type { Asked, Draw, Source, Workload, WorkloadSetting } from '../src/contracts/workload.ts';
import { DONE, invoke } from '../src/generator/draws.ts';
import type { Random } from '../src/lib/prng.ts';
import { KEYS, onKeys } from './keys.ts';
import { settingOf } from './settings.ts';

const EXPIRING_SHARE: WorkloadSetting = {
  name: 'expiringShare',
  what: 'the share of locks that expire; the others are held until they are released',
  fallback: 0.5,
  min: 0,
  max: 1,
};

const LEASE_MS: WorkloadSetting = {
  name: 'leaseMs',
  what: 'for how long an expiring lock is held at most, in milliseconds of the store',
  fallback: 1_000,
  min: 1,
  max: 3_600_000,
  isWhole: true,
};

/** Of a client that holds the lock. It keeps it otherwise, and asks for another. */
const RELEASE_SHARE = 0.6;
const RENEW_SHARE = 0.2;
/** Of one that does not: it names a token that was given before. */
const OLD_TOKEN_SHARE = 0.15;
const TOKENS_REMEMBERED = 4;
/** Refused so often in a row while nobody knows the token, a lock that does not expire is lost. */
const REFUSED_MAX = 8;

/**
 * Locks with fencing tokens. Of each it is known from the beginning whether it expires: those that do
 * not must never be with two at once; those that do may be granted again at any time, which is told by
 * the store's clock and not by the history's, and then the old token must never be accepted again. Clients
 * try that: they also name tokens that were given before. A lock that does not expire and whose holder
 * got no answer is lost to all, and a new one takes its place.
 */
export const lock: Workload = {
  name: 'lock',
  about: 'locks acquired, renewed and released by fencing tokens; half of them expire',
  finds: 'a lock that two hold, a token that does not grow, an old token that is accepted',
  model: 'lease-lock',
  functions: ['acquire', 'renew', 'release'],
  mutations: ['acquire', 'renew', 'release'],
  settings: [EXPIRING_SHARE, LEASE_MS, KEYS],
  lookAt: (key) => [{ f: 'acquire', key, value: null }],
  generator(options, random) {
    const share = settingOf(options, EXPIRING_SHARE);
    const leaseMs = settingOf(options, LEASE_MS);
    const leases = new Map<string, number | null>();
    return onKeys({
      keys: settingOf(options, KEYS),
      options,
      random,
      source: (key) => {
        const lease = random.float() < share ? leaseMs : null;
        leases.set(key, lease);
        return new LockSource(key, lease, random);
      },
      // Whoever gets it now gets a greater token than all before.
      lookAt: (key) => [{ f: 'acquire', key, value: leases.get(key) ?? null }],
      finished: (key) => leases.delete(key),
    });
  },
};

/** The operations on one lock. */
class LockSource implements Source {
  readonly #key: string;
  readonly #lease: Json;
  readonly #random: Random;
  /** What each client holds, as far as it knows. */
  readonly #held = new Map<number, number>();
  /** Who asked what is under way here: clients by process. */
  readonly #asking = new Map<number, number>();
  /** Tokens given of late, the newest last. */
  readonly #given: number[] = [];
  #refused = 0;

  /** @param lease - null: it does not expire */
  constructor(key: string, lease: Json, random: Random) {
    this.#key = key;
    this.#lease = lease;
    this.#random = random;
  }

  next({ client, process }: Asked): Draw {
    if (this.#isLost()) return DONE;
    this.#asking.set(process, client);
    const token = this.#held.get(client);
    const draw = this.#random.float();
    if (token !== undefined) {
      if (draw < RELEASE_SHARE) return this.#release(token);
      return draw < RELEASE_SHARE + RENEW_SHARE ? this.#renew(token) : this.#acquire();
    }
    if (this.#given.length === 0 || draw >= OLD_TOKEN_SHARE) return this.#acquire();
    const old = this.#random.pick(this.#given);
    return draw < OLD_TOKEN_SHARE / 2 ? this.#renew(old) : this.#release(old);
  }

  completed(process: number, invocation: Invocation, completion: Completion): void {
    if (invocation.key !== this.#key) return;
    const client = this.#asking.get(process);
    if (client === undefined) return;
    this.#asking.delete(process);
    if (completion.type === 'fail') return;
    const isDone = completion.type === 'ok' && completion.applied !== false;
    if (invocation.f === 'acquire') {
      this.#refused = completion.type === 'ok' && !isDone ? this.#refused + 1 : 0;
      if (!isDone || typeof completion.value !== 'number') return;
      this.#held.set(client, completion.value);
      this.#given.push(completion.value);
      if (this.#given.length > TOKENS_REMEMBERED) this.#given.shift();
      return;
    }
    // Released, or void; after an unknown outcome it is for others to find out.
    if (isDone && invocation.f === 'renew') return;
    const named = Array.isArray(invocation.value) ? invocation.value[0] : invocation.value;
    for (const [holder, token] of this.#held) if (token === named) this.#held.delete(holder);
  }

  #isLost(): boolean {
    return this.#lease === null && this.#held.size === 0 && this.#refused >= REFUSED_MAX;
  }

  #acquire(): Draw {
    return invoke({ f: 'acquire', key: this.#key, value: this.#lease });
  }

  #renew(token: number): Draw {
    return invoke({ f: 'renew', key: this.#key, value: [token, this.#lease] });
  }

  #release(token: number): Draw {
    return invoke({ f: 'release', key: this.#key, value: token });
  }
}
