import { isDeepStrictEqual } from 'node:util';
import { defined } from '../../lib/assert.ts';
import { makeRandom, type Random } from '../../lib/prng.ts';
import type { Restored } from '../../raft/core/core.ts';
import { type Entry, logIndex, nodeId, term } from '../../raft/core/types.ts';
import { Wal, WalDamage, type WalRecords } from '../../raft/driver/wal.ts';
import { firstBatchOf } from '../../raft/driver/wal-segments.ts';
import { diskCounterOf, type DiskEvent } from '../disk-events.ts';
import { flipBits } from '../disk-flip.ts';
import { DiskError } from '../disk.ts';
import { LoneDisk } from './lone-disk.ts';

const IDENTITY = { clusterId: 'c', node: nodeId('n1') };
const EMPTY: Restored = {
  hardState: { term: term(0), votedFor: undefined },
  base: { index: logIndex(0), term: term(0) },
  entries: [],
};

/** When a life ends by itself. */
type Crash =
  | { readonly at: 'call'; count: number }
  | { readonly at: 'synced'; count: number }
  | { readonly at: 'time'; readonly ns: number }
  | { readonly at: 'end' };

/** The log does not hold what it must, or holds what it must not. */
export class WalBroken extends Error {
  override readonly name = 'WalBroken';
}

/**
 * Many lives of one write-ahead log on one disk that fails in every way it can. `states[k]` is what
 * the log holds after the first k calls of `persist`; recovery must find one of them, and none
 * earlier than the last that was called durable, or that an earlier recovery relied on.
 */
export class WalLives {
  readonly lone: LoneDisk;
  readonly counts: Map<string, number> = new Map();
  readonly #random: Random;
  readonly #segmentBytesMax: number;
  #states: Restored[] = [EMPTY];
  #durable = 0;
  #life = 0;
  #isDown = true;
  #crashed = Promise.withResolvers<void>();
  #crash: Crash = { at: 'end' };
  /** What the process was at when it ended. */
  #stage: 'recovery' | 'work' = 'recovery';
  #lastCall = '';
  /** Appended to so far. */
  readonly #names = new Set<string>();

  constructor(seed: number) {
    this.lone = new LoneDisk(seed);
    this.#random = makeRandom(`lives/${seed}`);
    this.#segmentBytesMax = this.#random.pick([60, 200, 600, 2000]);
    this.lone.tap = (event) => this.#see(event);
  }

  async run(lives: number): Promise<void> {
    for (let i = 0; i < lives; i++) await this.#live();
  }

  /** A life without faults; what it finds must be what is durable, or come later. */
  async reopen(): Promise<Restored> {
    this.#life += 1;
    this.#crash = { at: 'end' };
    const { restored } = await this.lone.drive(() => this.#open());
    this.#check(restored);
    this.#end('power failure');
    return restored;
  }

  /**
   * A life without faults in which one bit flips while the node runs.
   *
   * @returns false when there is no bit that may flip
   */
  async flip(): Promise<boolean> {
    this.#life += 1;
    this.#crash = { at: 'end' };
    const isFlipped = await this.lone.drive(async () => {
      const { wal, restored } = await this.#open();
      this.#check(restored);
      this.#stage = 'work';
      const persistSome = async (): Promise<void> => {
        for (let i = this.#random.integer(0, 4); i > 0; i--) {
          this.#persist(wal);
          await this.lone.sim.sleep(this.#random.integer(0, 20_000));
        }
      };
      await persistSome();
      const flipped = flipBits(this.lone.disk, this.#random, 1);
      await persistSome();
      return flipped.length > 0;
    });
    this.#end();
    return isFlipped;
  }

  /** Takes a segment away, any but the last. @returns false when there is only one */
  async loseSegment(): Promise<boolean> {
    this.#crash = { at: 'end' };
    const handle = this.lone.disk.attach();
    return this.lone.drive(async () => {
      const names = (await handle.list()).filter((name) => firstBatchOf(name) !== undefined);
      if (names.length < 2) return false;
      await handle.remove(this.#random.pick(names.toSorted().slice(0, -1)));
      await handle.syncDirectory();
      return true;
    });
  }

  #open(onFailure: (error: unknown) => void = () => {}): ReturnType<typeof Wal.open> {
    this.#isDown = false;
    return Wal.open(this.lone.disk.attach(), {
      identity: IDENTITY,
      fsync: 'always',
      segmentBytesMax: this.#segmentBytesMax,
      onFailure,
      onRemoved: () => this.#count('segment removed'),
    });
  }

  async #live(): Promise<void> {
    const random = this.#random;
    this.#life += 1;
    this.#stage = 'recovery';
    this.#crash = this.#drawCrash();
    this.#crashed = Promise.withResolvers();
    const faults = this.#drawFaults();
    for (const { name, bytes } of this.lone.disk.settledFiles() ?? []) {
      const isSegment = firstBatchOf(name) !== undefined;
      if (isSegment && bytes.length === 0) this.#count('empty segment found');
    }
    const ended = Promise.withResolvers<void>();
    const crashed = this.#crashed.promise;
    if (this.#crash.at === 'time') {
      const life = this.#life;
      this.lone.sim.after(this.#crash.ns, () => {
        if (life === this.#life && !this.#isDown) this.#end();
      });
    }
    const fail = (error: unknown): void => {
      if (!(error instanceof DiskError) || faults.length === 0) ended.reject(error);
      else if (this.#isDown) ended.resolve();
      else {
        this.#count(`failed in ${this.#stage}`);
        ended.resolve();
      }
    };
    const work = async (): Promise<void> => {
      const { wal, restored, tornBytes } = await this.#open(fail);
      if (tornBytes > 0) this.#count('torn bytes found');
      this.#check(restored);
      this.#stage = 'work';
      const life = this.#life;
      const isAlive = (): boolean => this.#life === life && !this.#isDown;
      for (let i = random.integer(0, 12); i > 0 && isAlive(); i--) {
        this.#persist(wal);
        if (random.integer(0, 2) === 0) await this.lone.sim.sleep(random.integer(0, 8000));
      }
      while (wal.isBusy && isAlive()) await this.lone.sim.sleep(2000);
      ended.resolve();
    };
    work().catch(fail);
    await this.lone.drive(() => Promise.race([ended.promise, crashed]));
    if (!this.#isDown) this.#end();
    for (const heal of faults) heal();
    if (random.integer(0, 3) === 0) {
      this.#count('power failure while down');
      this.lone.disk.powerFailure();
    }
  }

  #drawCrash(): Crash {
    const integer = (from: number, to: number): number => this.#random.integer(from, to);
    const crashes: Crash[] = [
      { at: 'call', count: integer(1, 14) },
      { at: 'call', count: integer(1, 60) },
      { at: 'synced', count: integer(1, 12) },
      { at: 'time', ns: integer(0, 60_000) },
      { at: 'end' },
    ];
    return this.#random.pick(crashes);
  }

  #drawFaults(): (() => void)[] {
    const random = this.#random;
    const { disk } = this.lone;
    const heals: (() => void)[] = [];
    const kind = random.integer(0, 5);
    if (kind === 0) heals.push(disk.readErrors(random.pick([0.05, 0.3])));
    if (kind === 1)
      heals.push(disk.full(random.pick([0, random.integer(0, 100), random.integer(0, 2000)])));
    if (kind === 2) {
      let isOver = false;
      let undo = (): void => {};
      this.lone.sim.after(random.integer(0, 50_000), () => {
        if (!isOver) undo = disk.failNextSync();
      });
      heals.push(() => {
        isOver = true;
        undo();
      });
    }
    return heals;
  }

  #persist(wal: Wal): void {
    const records = this.#drawRecords(defined(this.#states.at(-1), 'never empty'));
    this.#states.push(after(defined(this.#states.at(-1), 'never empty'), records));
    const number = this.#states.length - 1;
    const { base } = records;
    const isRemoved = base !== undefined && this.#random.integer(0, 3) > 0;
    wal.persist(records, () => {
      if (this.#isDown) throw new WalBroken('a dead process was told that something is durable');
      if (number !== this.#durable + 1) throw new WalBroken('called durable out of order');
      this.#durable = number;
      if (isRemoved) wal.removeBehind(base.index);
    });
  }

  #drawRecords({ hardState, base, entries }: Restored): WalRecords {
    const random = this.#random;
    const last = base.index + entries.length;
    const at = random.integer(0, 3) > 0 ? last + 1 : random.integer(base.index + 1, last + 1);
    if (at <= last) this.#count('conflict');
    const added: Entry[] = Array.from({ length: random.integer(0, 3) }, (_, i) => ({
      index: logIndex(at + i),
      term: term(this.#life),
      kind: 'command',
      data: this.#drawData(),
    }));
    const isVote = added.length === 0 || random.integer(0, 3) === 0;
    const votedFor = random.integer(0, 1) === 0 ? undefined : nodeId('n2');
    const isBase = random.integer(0, 9) === 0 && at > last;
    const isReplaced = isBase && at > 1 && random.integer(0, 2) === 0;
    const moved = logIndex(random.integer(base.index, last));
    const held = moved === base.index ? base.term : entries[moved - base.index - 1]?.term;
    // A snapshot may end anywhere; entries go on behind it.
    const behind = { index: logIndex(at - 1), term: term(this.#life) };
    const compacted = { index: moved, term: held ?? term(0) };
    return {
      ...(isVote ? { hardState: { term: term(hardState.term + 1), votedFor } } : {}),
      ...(isBase ? { base: isReplaced ? behind : compacted } : {}),
      ...(isReplaced ? { isReplaced } : {}),
      ...(added.length > 0 ? { entries: added } : {}),
    };
  }

  /** Unique, so that no two states are equal. */
  #drawData(): Uint8Array {
    const size = this.#random.pick([8, 20, 60, 60, 700, 1500]);
    return Uint8Array.from({ length: size }, () => this.#random.integer(0, 255));
  }

  #check(restored: Restored): void {
    for (let k = this.#states.length - 1; k >= this.#durable; k--) {
      if (!isDeepStrictEqual(this.#states[k], restored)) continue;
      this.#states = this.#states.slice(0, k + 1);
      if (k > this.#durable) this.#count('found more than was acknowledged');
      this.#durable = k;
      return;
    }
    const k = this.#states.findIndex((state) => isDeepStrictEqual(state, restored));
    throw new WalBroken(
      k >= 0
        ? `life ${this.#life} found ${k} of ${this.#durable} durable calls`
        : `life ${this.#life} found a log that never was`,
    );
  }

  #see(event: DiskEvent): void {
    const counter = diskCounterOf(event);
    if (counter !== undefined) this.#count(counter);
    if (event.type === 'name-fate') {
      this.#count(`${event.fate.change} ${event.fate.survived ? 'kept' : 'lost'}`);
    }
    if (this.#isDown) return;
    if (event.type === 'call') {
      const isNew = event.operation === 'append' && !this.#names.has(event.name);
      if (isNew && this.#stage === 'work') this.#count('segment begun');
      this.#names.add(event.name);
      this.#lastCall = `${event.operation} ${event.name.replace(/\d+/, 'N')}`.trim();
    }
    const crash = this.#crash;
    const isCounted =
      (crash.at === 'call' && event.type === 'call') ||
      (crash.at === 'synced' && (event.type === 'synced' || event.type === 'directory-synced'));
    if (!isCounted) return;
    crash.count -= 1;
    if (crash.count === 0) this.#end();
  }

  #end(how: 'kill' | 'power failure' = this.#random.pick(['kill', 'power failure'])): void {
    this.#isDown = true;
    this.#count(`${how} in ${this.#stage}`);
    this.#count(`ended at ${this.#lastCall}`);
    if (this.lone.disk.settledFiles() === undefined) this.#count(`unsynced names at ${how}`);
    if (how === 'kill') this.lone.disk.kill();
    else this.lone.disk.powerFailure();
    this.#crashed.resolve();
    this.lone.sim.settles();
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** What the log holds after one more call. */
function after({ hardState, base, entries }: Restored, records: WalRecords): Restored {
  const start = records.base ?? base;
  let kept = records.isReplaced ? [] : entries.filter((entry) => entry.index > start.index);
  const [first] = records.entries ?? [];
  if (first !== undefined) kept = kept.filter((entry) => entry.index < first.index);
  return {
    hardState: records.hardState ?? hardState,
    base: start,
    entries: [...kept, ...(records.entries ?? [])],
  };
}

/** Whether a fresh start refuses what is on this disk. */
export async function isRefused(lives: WalLives): Promise<boolean> {
  try {
    await lives.reopen();
    return false;
  } catch (error) {
    if (error instanceof WalDamage) return true;
    throw error;
  }
}
