import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defined } from '../../lib/assert.ts';
import type { Restored } from '../core/core.ts';
import { type Entry, logIndex, nodeId, term } from '../core/types.ts';
import { TestDrivers } from '../driver/testing/drivers.ts';
import { MemoryDisk } from '../driver/testing/memory-disk.ts';
import { Wal, WalDamage, type WalRecords } from '../driver/wal.ts';
import { encodeBatch, readLog, type StoredBatch } from '../driver/wal-segments.ts';
import { encodeStamped } from '../kv/stamped-command.ts';
import { mutate, type Mutation, mutations } from './mutation.ts';
import { type FuzzTarget, Tally } from './target.ts';

const ID = nodeId('n1');

/** One write that was acknowledged. */
interface Step {
  /** Of the entries that it appends: how far the term goes on, and how much they hold. */
  readonly entries: readonly { readonly termDelta: number; readonly size: number }[];
  /** How many entries at the end it replaces. */
  readonly replaces: number;
  readonly vote: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  entries: fc.array(fc.record({ termDelta: fc.nat({ max: 1 }), size: fc.nat({ max: 40 }) }), {
    maxLength: 4,
  }),
  replaces: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 3 })),
  vote: fc.boolean(),
});

/** What happens to one file, or to a batch of it whose checksums are right afterwards. */
type Damage =
  | { readonly type: 'bytes'; readonly file: number; readonly mutations: readonly Mutation[] }
  | { readonly type: 'payload'; readonly batch: number; readonly mutations: readonly Mutation[] }
  | { readonly type: 'number'; readonly batch: number; readonly delta: number }
  | { readonly type: 'remove'; readonly file: number }
  | { readonly type: 'rename'; readonly file: number; readonly delta: number }
  | { readonly type: 'garbage'; readonly bytes: Uint8Array };

const nat = fc.nat({ max: 1000 });
const delta = fc.constantFrom(-2, -1, 1, 2, 1000, 2 ** 40);

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('bytes'), file: nat, mutations }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('payload'), batch: nat, mutations }) },
  fc.record({ type: fc.constant('number'), batch: nat, delta }),
  fc.record({ type: fc.constant('remove'), file: nat }),
  fc.record({ type: fc.constant('rename'), file: nat, delta }),
  fc.record({ type: fc.constant('garbage'), bytes: fc.uint8Array({ maxLength: 200 }) }),
);

const input = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  segmentBytesMax: fc.constantFrom(1, 200, 1000, 1_000_000),
  damage: fc.array(damage, { minLength: 1, maxLength: 3 }),
});

/** Damages the directory of a node that acknowledged writes, and starts it again. */
export const fuzzWal: FuzzTarget = async ({ inputs, seed, path }) => {
  const tally = new Tally();
  await fc.assert(
    fc.asyncProperty(input, async ({ steps, segmentBytesMax, damage: list }) => {
      const stored = await store(steps, segmentBytesMax);
      const harmed = harm(stored.disk, list);
      tally.add(await restart(stored.states, harmed));
    }),
    { numRuns: inputs, seed, ...(path === undefined ? {} : { path }) },
  );
  return { inputs, counts: tally.counts };
};

/** Everything that was acknowledged, after each batch of the log. */
type States = readonly Restored[];

async function store(
  steps: readonly Step[],
  segmentBytesMax: number,
): Promise<{ readonly disk: MemoryDisk; readonly states: States }> {
  const disk = new MemoryDisk();
  const { wal, restored } = await Wal.open(disk, {
    identity: { clusterId: 'test', node: ID },
    fsync: 'always',
    segmentBytesMax,
    onFailure: (error) => {
      throw error;
    },
  });
  const states: Restored[] = [restored];
  for (const one of steps) {
    const last = defined(states.at(-1), 'there is always one');
    const records = recordsOf(one, last);
    const { promise, resolve } = Promise.withResolvers<void>();
    wal.persist(records, resolve);
    await promise;
    states.push(after(last, records));
  }
  return { disk, states };
}

function recordsOf(one: Step, last: Restored): WalRecords {
  const kept = last.entries.slice(0, Math.max(0, last.entries.length - one.replaces));
  const entries: Entry[] = [];
  // Who replaces entries is of a later term than they (§5.4.3).
  let at = (last.entries.at(-1)?.term ?? 1) + (kept.length < last.entries.length ? 1 : 0);
  for (const { termDelta, size } of one.entries) {
    at += termDelta;
    const command = { type: 'put', key: 'k', value: 'v'.repeat(size) } as const;
    entries.push({
      index: logIndex(kept.length + entries.length + 1),
      term: term(at),
      kind: 'command',
      data: encodeStamped({ timeMs: 0, acknowledged: 0, command }),
    });
  }
  const hardState = { term: term(at), votedFor: one.vote ? ID : undefined };
  return { hardState, entries };
}

function after(last: Restored, { hardState, entries = [] }: WalRecords): Restored {
  const from = entries[0]?.index ?? Infinity;
  const kept = last.entries.filter((entry) => entry.index < from);
  return { ...last, hardState: hardState ?? last.hardState, entries: [...kept, ...entries] };
}

interface Harmed {
  readonly disk: MemoryDisk;
  /** Numbers of the batches of which a byte may be another one. */
  readonly touched: ReadonlySet<number>;
  /** A batch says something else, and its checksums are right: it cannot be told from a true one. */
  readonly isForged: boolean;
}

function harm(original: MemoryDisk, list: readonly Damage[]): Harmed {
  const files = new Map([...original.files].map(([name, { bytes }]) => [name, bytes]));
  const batches = readLog([...files].map(([name, bytes]) => ({ name, bytes }))).batches;
  const touched = new Set<number>();
  let isForged = false;
  for (const one of list) {
    if (one.type === 'bytes') harmBytes(files, batches, one, touched);
    else if (one.type === 'garbage') files.set(segmentNameOf(batches.length + 5), one.bytes);
    else if (one.type === 'remove' || one.type === 'rename') harmName(files, batches, one, touched);
    else {
      isForged = true;
      forge(files, batches, one);
    }
  }
  const disk = new MemoryDisk();
  for (const [name, bytes] of files) disk.append(name, bytes);
  return { disk, touched, isForged };
}

function segmentNameOf(number: number): string {
  return `wal-${String(Math.max(0, number)).padStart(16, '0')}.log`;
}

function fileAt(files: ReadonlyMap<string, Uint8Array>, place: number): [string, Uint8Array] {
  return defined([...files][place % Math.max(1, files.size)], 'a log has a file');
}

function harmBytes(
  files: Map<string, Uint8Array>,
  batches: readonly StoredBatch[],
  one: Extract<Damage, { readonly type: 'bytes' }>,
  touched: Set<number>,
): void {
  if (files.size === 0) return;
  const [name, bytes] = fileAt(files, one.file);
  const result = mutate(bytes, one.mutations);
  files.set(name, result.bytes);
  for (const batch of batches) {
    const isHit = batch.at < result.touched.end && batch.end > result.touched.start;
    if (batch.file.name === name && isHit) touched.add(batch.number);
  }
}

function harmName(
  files: Map<string, Uint8Array>,
  batches: readonly StoredBatch[],
  one: Extract<Damage, { readonly type: 'remove' | 'rename' }>,
  touched: Set<number>,
): void {
  if (files.size === 0) return;
  const [name, bytes] = fileAt(files, one.file);
  for (const batch of batches) if (batch.file.name === name) touched.add(batch.number);
  files.delete(name);
  if (one.type !== 'rename') return;
  const other = segmentNameOf(
    (batches.find(({ file }) => file.name === name)?.number ?? 1) + one.delta,
  );
  // What had that name is gone, too.
  for (const batch of batches) if (batch.file.name === other) touched.add(batch.number);
  files.set(other, bytes);
}

function forge(
  files: Map<string, Uint8Array>,
  batches: readonly StoredBatch[],
  one: Extract<Damage, { readonly type: 'payload' | 'number' }>,
): void {
  const batch = defined(batches[one.batch % batches.length], 'a log has a batch');
  const bytes = files.get(batch.file.name);
  // Damaged before: what stands there is no batch any more.
  if (bytes === undefined || bytes.length < batch.end) return;
  const payload =
    one.type === 'payload' ? mutate(batch.payload, one.mutations).bytes : batch.payload;
  const number = batch.number + (one.type === 'number' ? one.delta : 0);
  const forged = encodeBatch(Math.max(0, number), (writer) => writer.raw(payload));
  files.set(
    batch.file.name,
    new Uint8Array(Buffer.concat([bytes.subarray(0, batch.at), forged, bytes.subarray(batch.end)])),
  );
}

/** @returns what became of the node, in a word */
async function restart(states: States, { disk, touched, isForged }: Harmed): Promise<string> {
  const restoredStates: Restored[] = [];
  const drivers = new TestDrivers(1, 'always', {
    observer: () => ({
      restored: (restored) => void restoredStates.push(restored),
      stepped() {},
      written() {},
      applied() {},
      snapshot() {},
    }),
  });
  drivers.disks.set(ID, disk);
  try {
    await drivers.start(ID);
  } catch (error) {
    if (!(error instanceof WalDamage)) throw error;
    assert.match(
      error.message,
      /wal-\d{16}\.log|batch \d+|entry \d+|the term \d+|first segment|belongs to/,
    );
    return 'refused by name';
  }
  const restored = defined(restoredStates[0], 'told before the first step');
  // It leads itself: all that it has is committed and applied.
  await drivers.elect();
  assert.deepEqual(drivers.fatal, [], 'a node that started stops over what it read');
  if (isForged) return 'believed, with checksums that are right';
  return nothingLost(states, restored, touched);
}

/**
 * What is there is what was acknowledged, up to some batch; and of those behind it each was damaged
 * itself. (Damage to the end of a log cannot be told from a write that was interrupted.)
 */
function nothingLost(
  states: States,
  { hardState, entries }: Restored,
  touched: ReadonlySet<number>,
): string {
  const found = states.findLastIndex(
    (state) =>
      JSON.stringify(state.hardState) === JSON.stringify(hardState) &&
      sameEntries(state.entries, entries),
  );
  // Batch 1 says whose log it is; a directory without it is empty, and so is a log of nothing.
  assert.ok(found >= 0, 'what was read was never written');
  for (let number = found + 2; number <= states.length; number++) {
    assert.ok(touched.has(number), `batch ${number} was not damaged and is not there`);
  }
  return found === states.length - 1 ? 'nothing lost' : 'a damaged end left behind';
}

function sameEntries(a: readonly Entry[], b: readonly Entry[]): boolean {
  const key = ({ index, term: at, data }: Entry): string => `${index}/${at}/${data.join()}`;
  return a.length === b.length && a.every((entry, i) => key(entry) === (b[i] && key(b[i])));
}
