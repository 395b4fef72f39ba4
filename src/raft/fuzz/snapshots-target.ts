import assert from 'node:assert/strict';
import fc from 'fast-check';
import { assertNever, defined } from '../../lib/assert.ts';
import { logIndex, nodeId, term } from '../core/types.ts';
import { positionOf, snapshotName } from '../driver/snapshot-format.ts';
import { MemoryDisk } from '../driver/testing/memory-disk.ts';
import { TestDrivers } from '../driver/testing/drivers.ts';
import { WalDamage } from '../driver/wal.ts';
import { mutate, type Mutation, mutations } from './mutation.ts';
import { fileOf, piecesOf } from './snapshot-pieces.ts';
import { type FuzzTarget, Tally } from './target.ts';

const ID = nodeId('n1');
const KEYS = 10;
/** What each of the nodes has written whose directories are damaged, and how much of its log it keeps. */
const NODES = [
  { writes: 25, trailing: 7 },
  { writes: 41, trailing: 1000 },
  { writes: 60, trailing: 25 },
  { writes: 77, trailing: 1000 },
  { writes: 120, trailing: 7 },
];

/** What happens to a snapshot of the directory. */
type Damage =
  | { readonly type: 'bytes'; readonly file: number; readonly mutations: readonly Mutation[] }
  /** A piece says something else, and every checksum is right. */
  | {
      readonly type: 'forge';
      readonly file: number;
      readonly piece: number;
      readonly mutations: readonly Mutation[];
    }
  | { readonly type: 'drop-piece' | 'swap-pieces'; readonly file: number; readonly piece: number }
  | { readonly type: 'remove'; readonly file: number }
  | { readonly type: 'rename' | 'copy'; readonly file: number; readonly delta: number }
  | { readonly type: 'garbage'; readonly delta: number; readonly bytes: Uint8Array };

const nat = fc.nat({ max: 1000 });
const delta = fc.integer({ min: -30, max: 30 });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('bytes'), file: nat, mutations }) },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('forge'), file: nat, piece: nat, mutations }),
  },
  fc.record({ type: fc.constantFrom('drop-piece', 'swap-pieces'), file: nat, piece: nat }),
  fc.record({ type: fc.constant('remove'), file: nat }),
  fc.record({ type: fc.constantFrom('rename', 'copy'), file: nat, delta }),
  fc.record({ type: fc.constant('garbage'), delta, bytes: fc.uint8Array({ maxLength: 300 }) }),
);

const input = fc.record({
  node: fc.nat({ max: NODES.length - 1 }),
  damage: fc.array(damage, { minLength: 1, maxLength: 3 }),
});

/** A directory as a node left it, and what it had acknowledged. */
interface Stored {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly values: ReadonlyMap<string, string>;
}

/** Damages the snapshots of a node that acknowledged writes, and starts it again. */
export const fuzzSnapshots: FuzzTarget = async ({ inputs, seed, path }) => {
  const tally = new Tally();
  const stored = await Promise.all(NODES.map(store));
  await fc.assert(
    fc.asyncProperty(input, async ({ node, damage: list }) => {
      const before = defined(stored[node], 'one for each');
      tally.add(await restart(before, harm(before.files, list)));
    }),
    { numRuns: inputs, seed, ...(path === undefined ? {} : { path }) },
  );
  return { inputs, counts: tally.counts };
};

function drivers(trailing: number, onDamages: (damages: readonly string[]) => void): TestDrivers {
  return new TestDrivers(1, 'always', {
    snapshots: { threshold: 20, trailing, sliceBytes: 64 },
    segmentBytesMax: 600,
    observer: () => ({
      restored() {},
      stepped() {},
      written() {},
      applied() {},
      snapshot(event) {
        if (event.type === 'restored') onDamages(event.damages);
      },
    }),
  });
}

async function store({ writes, trailing }: (typeof NODES)[number]): Promise<Stored> {
  const nodes = drivers(trailing, () => {});
  await nodes.startAll();
  await nodes.elect();
  const values = new Map<string, string>();
  for (let i = 0; i < writes; i++) {
    const key = `k${i % KEYS}`;
    const value = `value ${i}`;
    const answer = await nodes.ask(ID, { type: 'command', command: { type: 'put', key, value } });
    assert.equal(answer?.type, 'ok');
    values.set(key, value);
  }
  await nodes.runUntil(() => !nodes.driver(ID).status().snapshot.isTaking);
  nodes.driver(ID).stop();
  const disk = defined(nodes.disks.get(ID), 'it has one');
  const files = new Map([...disk.files].map(([name, { bytes }]) => [name, bytes]));
  assert.ok([...files.keys()].some((name) => positionOf(name) !== undefined));
  return { files, values };
}

interface Harmed {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** A snapshot says something else, and its checksums are right: it cannot be told from a true one. */
  readonly isForged: boolean;
}

function harm(original: ReadonlyMap<string, Uint8Array>, list: readonly Damage[]): Harmed {
  const files = new Map(original);
  let isForged = false;
  for (const one of list) {
    const snapshots = [...files].filter(([name]) => positionOf(name) !== undefined);
    if (one.type === 'garbage') {
      files.set(nameOf(one.delta + 100), one.bytes);
      continue;
    }
    const file = snapshots[one.file % Math.max(1, snapshots.length)];
    if (file === undefined) continue;
    isForged = harmFile(files, file, one) || isForged;
  }
  return { files, isForged };
}

/** @returns true when the file was forged */
function harmFile(
  files: Map<string, Uint8Array>,
  [name, bytes]: readonly [string, Uint8Array],
  one: Exclude<Damage, { readonly type: 'garbage' }>,
): boolean {
  switch (one.type) {
    case 'bytes':
      files.set(name, mutate(bytes, one.mutations).bytes);
      return false;
    case 'remove':
      files.delete(name);
      return false;
    case 'rename':
    case 'copy': {
      if (one.type === 'rename') files.delete(name);
      const last = defined(positionOf(name), 'it is a snapshot');
      files.set(nameOf(last.index + one.delta, last.term), bytes);
      return false;
    }
    case 'forge':
    case 'drop-piece':
    case 'swap-pieces':
      return forge(files, name, bytes, one);
    default:
      return assertNever(one);
  }
}

function forge(
  files: Map<string, Uint8Array>,
  name: string,
  bytes: Uint8Array,
  one: Extract<Damage, { readonly type: 'forge' | 'drop-piece' | 'swap-pieces' }>,
): boolean {
  const pieces = wholePieces(bytes);
  const at = one.piece % Math.max(1, pieces.length);
  const piece = pieces[at];
  // Damaged before: there is nothing whole to forge.
  if (piece === undefined) return false;
  if (one.type === 'forge') {
    pieces[at] = { ...piece, payload: mutate(piece.payload, one.mutations).bytes };
  } else if (one.type === 'drop-piece') pieces.splice(at, 1);
  else pieces.push(...pieces.splice(at, 1));
  files.set(name, fileOf(pieces));
  return true;
}

function wholePieces(bytes: Uint8Array): ReturnType<typeof piecesOf>[number][] {
  try {
    return [...piecesOf(bytes)];
  } catch {
    return [];
  }
}

function nameOf(index: number, at = 1): string {
  return snapshotName({ index: logIndex(Math.max(0, index)), term: term(at) });
}

/** @returns what became of the node, in a word */
async function restart({ files, values }: Stored, harmed: Harmed): Promise<string> {
  let damages: readonly string[] = [];
  const nodes = drivers(1000, (found) => {
    damages = found;
  });
  const disk = new MemoryDisk();
  for (const [name, bytes] of harmed.files) disk.append(name, bytes);
  nodes.disks.set(ID, disk);
  try {
    await nodes.start(ID);
  } catch (error) {
    if (!(error instanceof WalDamage)) throw error;
    assert.match(error.message, /snapshot|entry \d+|the term \d+/);
    return 'refused by name';
  }
  await nodes.elect();
  assert.deepEqual(nodes.fatal, [], 'a node that started stops over what it read');
  if (harmed.isForged) return 'believed, with checksums that are right';
  for (const [key, value] of values) {
    const answer = await nodes.ask(ID, { type: 'read', key, consistency: 'linearizable' });
    assert.equal(answer?.type === 'ok' && answer.value, value, `${key} was acknowledged`);
  }
  const isSame = [...files].every(([name, bytes]) => same(bytes, harmed.files.get(name)));
  if (isSame) return damages.length > 0 ? 'served beside damage that is named' : 'not concerned';
  return damages.length > 0 ? 'another one served, the damage named' : 'the log alone served';
}

function same(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
