import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defined } from '../../lib/assert.ts';
import { DecodeError } from '../../lib/bytes.ts';
import { nodeId } from '../core/types.ts';
import { encodePeerMessage } from '../driver/peer-message.ts';
import { TestDrivers } from '../driver/testing/drivers.ts';
import { WalDamage } from '../driver/wal.ts';
import { type Known, lie } from './lying-messages.ts';
import { mutate, mutations } from './mutation.ts';
import { type FuzzReport, type FuzzTarget, Tally } from './target.ts';

const LIES_PER_CLUSTER_MAX = 60;
const IDS = ['n1', 'n2', 'n3'].map(nodeId);
const MS = 1_000_000;

const one = fc.record({
  lie,
  to: fc.nat({ max: 2 }),
  from: fc.nat({ max: 2 }),
  damage: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, mutations),
  waitMs: fc.constantFrom(0, 0, 0, 1, 50, 500),
});

const input = fc.record({
  lies: fc.array(one, { minLength: 1, maxLength: LIES_PER_CLUSTER_MAX, size: 'max' }),
  writes: fc.nat({ max: 6 }),
});

/**
 * Peers that have shown who they are and lie in every way that can be decoded, to nodes of a cluster
 * that elects and writes. Raft does not promise such a cluster anything (§5); a node of it never stops
 * over what a peer says, and starts again on what it has on its disk.
 */
export const fuzzLiars: FuzzTarget = async ({ inputs, seed, path }): Promise<FuzzReport> => {
  const tally = new Tally();
  await fc.assert(
    fc.asyncProperty(input, async ({ lies, writes }) => {
      tally.add('lies told', lies.length);
      const said: string[] = [];
      try {
        await lieTo(await cluster(writes, tally), lies, { said, tally });
      } catch (cause) {
        throw new Error(`a cluster was told\n${said.join('\n')}`, { cause });
      }
    }),
    {
      // Half of the most on average, and a little more clusters than that asks for.
      numRuns: Math.ceil((2.3 * inputs) / LIES_PER_CLUSTER_MAX) + 5,
      seed,
      ...(path === undefined ? {} : { path }),
    },
  );
  return { inputs: tally.counts['lies told'] ?? 0, counts: tally.counts };
};

type Told = typeof one extends fc.Arbitrary<infer T> ? T : never;

async function lieTo(
  drivers: TestDrivers,
  lies: readonly Told[],
  { said, tally }: { readonly said: string[]; readonly tally: Tally },
): Promise<void> {
  const stillUp = (): void => {
    assert.deepEqual(drivers.fatal, [], 'a node stopped');
  };
  for (const { lie: make, to, from, damage, waitMs } of lies) {
    const liar = defined(IDS[from === to ? (from + 1) % 3 : from], 'of three');
    const target = defined(IDS[to], 'of three');
    const message = make(known(drivers, to));
    const bytes = encodePeerMessage(message);
    said.push(
      `${liar} to ${target}: ${JSON.stringify(message)}${damage === null ? '' : ' damaged'}`,
    );
    tally.add(tell(drivers, target, liar, damage === null ? bytes : mutate(bytes, damage).bytes));
    await drivers.pass(waitMs * MS);
    stillUp();
  }
  await drivers.pass(100 * MS);
  stillUp();
  for (const id of IDS) await startAgain(drivers, id);
}

async function cluster(writes: number, tally: Tally): Promise<TestDrivers> {
  const drivers = new TestDrivers(3, 'always', {
    snapshots: { threshold: 4, trailing: 2, sliceBytes: 64, chunkBytes: 64, windowBytes: 128 },
    observer: () => ({
      restored() {},
      stepped() {},
      written() {},
      applied() {},
      snapshot: ({ type }) => tally.add(`snapshots ${type}`),
    }),
    driver: {
      onRejected: ({ reason }) => tally.add(`rejected: ${reason.replaceAll(/\d+/g, 'N')}`),
    },
  });
  // What they believed makes the others say things that are refused as well.
  drivers.route = (_from, _to, _bytes, arrive) =>
    drivers.after(0, () => tally.add(`among themselves ${attempt(arrive)}`));
  await drivers.startAll();
  const leader = await drivers.elect();
  for (let i = 0; i < writes; i++) {
    await drivers.ask(leader, {
      type: 'command',
      command: { type: 'put', key: 'k', value: `${i}` },
    });
  }
  return drivers;
}

function known(drivers: TestDrivers, at: number): Known {
  const { term, commitIndex, log } = drivers.driver(defined(IDS[at], 'of three')).status();
  return { term, commitIndex, ...log };
}

/** As the transport does: what cannot be read ends that connection. */
function tell(
  drivers: TestDrivers,
  to: (typeof IDS)[number],
  from: (typeof IDS)[number],
  bytes: Uint8Array,
): string {
  return attempt(() => drivers.driver(to).receive(from, bytes));
}

function attempt(receive: () => void): string {
  try {
    receive();
    return 'heard';
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return 'refused: the connection would be closed';
  }
}

async function startAgain(drivers: TestDrivers, id: (typeof IDS)[number]): Promise<void> {
  drivers.crash(id);
  try {
    await drivers.start(id);
  } catch (error) {
    if (error instanceof WalDamage) assert.fail(`a lie made the disk unreadable: ${error.message}`);
    throw error;
  }
}
