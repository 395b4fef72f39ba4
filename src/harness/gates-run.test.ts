import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import { register } from '../../workloads/register.ts';
import type { Client, Completion, Invocation } from '../contracts/client.ts';
import { nodeId } from '../contracts/names.ts';
import type { AdminRequest } from '../contracts/cluster.ts';
import type { EvidenceKind, Nemesis, NemesisShape, PlannedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { SECOND } from '../lib/duration.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { createRunDir } from '../rundir/run-dir.ts';
import type { RunOptions } from './run-options.ts';
import { run } from './run.ts';
import { FakeStore } from './testing/fake-store.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

let results: string;
let paths: RunPaths;
beforeEach(async () => {
  results = mkdtempSync(join(tmpdir(), 'gong-gates-'));
  const startedAt = new Date('2026-11-21T08:22:07Z');
  paths = await createRunDir({ resultsDir: results, suite: 'run', seed: '7', startedAt });
});
afterEach(() => rmSync(results, { recursive: true, force: true }));

/** What a store does in place of the answer it would give. */
type Twist = (
  invocation: Invocation,
  seen: { readonly node: string; readonly nowNs: number; readonly stage: string },
) => Completion | undefined;

interface Planted {
  readonly faults?: readonly PlannedFault[];
  readonly nemesis?: Nemesis;
  readonly twist?: Twist;
  readonly options?: Partial<RunOptions>;
}

const load = { concurrency: 10, keyOps: 200, values: undefined, ratePerSecond: undefined };

/** The gates that fail in a run of a store that keeps its promises, but for what is planted. */
async function failing({ faults = [], nemesis, twist, options }: Planted): Promise<string[]> {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 5);
  const target = store.target();
  let stage = 'up';
  const twisted = (client: Client, node: string): Client => ({
    ...client,
    invoke: async (invocation, deadlineNs) => {
      const completion = await client.invoke(invocation, deadlineNs);
      return twist?.(invocation, { node, nowNs: clock.now(), stage }) ?? completion;
    },
  });
  const { gateFailures } = await clock.drive(
    run({
      seed: '7',
      target: {
        ...target,
        connect: (url, how) => twisted(target.connect(url, how), url.replace('fake://', '')),
      },
      settings: {},
      readMode: 'linearizable',
      up: async () => store.cluster(),
      workload: register,
      load,
      nemeses: nemesis === undefined ? nemeses : new Map([[nemesis.kind, nemesis]]),
      plan: faults,
      durationNs: 12 * SECOND,
      paths,
      clock,
      signal: new AbortController().signal,
      onStage: (entered) => void (stage = entered),
      ...options,
    }),
  );
  for (const { sentence } of gateFailures) expect(sentence).toMatch(/^expected .+: .+/s);
  return gateFailures.map(({ gate }) => gate);
}

const own = (kind: string): Nemesis => defined(nemeses.get(kind), `there is a nemesis ${kind}`);

function fault(name: string, change: Partial<PlannedFault> = {}): PlannedFault {
  const [kind = '', shape = ''] = name.split(':');
  return { kind, shape, atNs: 2 * SECOND, durationNs: 3 * SECOND, seed: '1', ...change };
}

/** The shapes of a nemesis with another choice of victims. */
function choosing(
  kind: string,
  resolve: (shape: NemesisShape) => NemesisShape['resolve'],
): Nemesis {
  const shapes = own(kind).shapes.map((shape) => ({ ...shape, resolve: resolve(shape) }));
  return { ...own(kind), shapes };
}

const nothing = { [Symbol.asyncDispose]: async () => undefined };
const inert = (kind: string): Nemesis => ({ ...own(kind), inject: async () => nothing });

/** A nemesis by script, of which one call ended badly. */
const byScript: Nemesis = {
  ...own('pause'),
  kind: 'exec',
  requires: 'hooks',
  healAll: async () => undefined,
  shapes: [
    {
      shape: './cut.sh',
      about: '',
      hitsLeader: false,
      nodesMin: 1,
      evidence: ['hook-output'],
      resolve: () => ({ victims: [], leader: undefined, value: { seed: '1' } }),
    },
  ],
  async inject(cluster) {
    const hooked = await defined(cluster.hooks, 'it has hooks').start('./cut.sh', '1');
    const dispose = async (): Promise<void> => hooked[Symbol.asyncDispose]();
    const failed = { words: ['heal'], code: 3, output: '', startedNs: 0, endedNs: 0 };
    const calls = hooked.calls.concat(failed);
    return { calls, [Symbol.asyncDispose]: dispose };
  },
};

/** A change that was answered as done, as whoever does nothing says. */
function pretending(kind: string, request: Partial<AdminRequest>): Nemesis {
  const answered = { outcome: { type: 'done' }, attempts: 1, startedNs: 0, endedNs: 0 } as const;
  return {
    ...own(kind),
    inject: async () => ({
      ...nothing,
      requests: [{ asked: null, ...answered, ...request }],
    }),
  };
}

/** For every kind of evidence a fault that was to show it, and a nemesis that does not. */
const UNSHOWN: Readonly<Record<EvidenceKind, readonly [string, Nemesis]>> = {
  election: [
    'partition:leader',
    choosing('partition', (shape) => ({ nodes, voters, leader }, random) => {
      const follower = nodes.find((node) => node !== leader);
      return leader && shape.resolve({ nodes, voters, leader: follower }, random);
    }),
  ],
  'new-process': ['kill:one', inert('kill')],
  'cut-off-side': ['partition:one', inert('partition')],
  'links-cut': ['partition:one-way', inert('partition')],
  stopped: ['pause:one', inert('pause')],
  slowed: ['slow:one', inert('slow')],
  'connections-reset': ['reset:one', inert('reset')],
  'hook-output': ['exec:./cut.sh', byScript],
  'members-changed': ['membership:remove', pretending('membership', { asked: ['n1', 'n2'] })],
  'led-by-target': [
    'transfer:to-follower',
    pretending('transfer', { asked: 'n2', led: { term: 1, termBefore: 1 } }),
  ],
};

describe('alone fails', () => {
  test.each(Object.entries(UNSHOWN))(
    'the gate that asks for %s, of a fault that does not show it',
    async (evidence, [name, nemesis]) => {
      const gates = await failing({ faults: [fault(name)], nemesis });
      expect(gates).toEqual([`fault-1-${evidence}`]);
    },
  );

  test('the gate that asks for the fault, when nobody could be hit', async () => {
    const nemesis = choosing('kill', () => () => undefined);
    const faults = [fault('kill:leader', { atNs: SECOND })];
    expect(await failing({ faults, nemesis })).toEqual(['fault-1-injected']);
  });

  test.each(['n1', 'n2'])(
    'the gate that asks for both sides of a cut around %s, where all clients talk to n1',
    async (victim) => {
      const nemesis = choosing('partition', (shape) => ({ nodes, voters }, random) => {
        const leader = nodeId(victim);
        const cut = shape.resolve({ nodes, voters, leader }, random);
        return cut && { ...cut, leader: undefined };
      });
      const shapes = nemesis.shapes.map((one) => ({ ...one, evidence: ['cut-off-side'] as const }));
      const gates = await failing({
        faults: [fault('partition:leader')],
        nemesis: { ...nemesis, shapes },
        options: { load: { ...load, concurrency: 1 } },
      });
      expect(gates).toEqual(['fault-1-both-sides']);
    },
  );

  test('the gate that asks for enough of an operation, which never succeeds', async () => {
    const twist: Twist = ({ f }) => (f === 'cas' ? { type: 'fail', error: 'no' } : undefined);
    expect(await failing({ twist })).toEqual(['enough-cas']);
  });

  test('the gate that asks for a CAS that changes something, where all are refused', async () => {
    const twist: Twist = ({ f, value }) =>
      f === 'cas' ? { type: 'ok', value, applied: false } : undefined;
    expect(await failing({ twist })).toEqual(['applied-cas']);
  });

  test('the gate that asks for overlaps, at a rate so low that there are none', async () => {
    const options = { load: { ...load, ratePerSecond: 10 }, durationNs: 20 * SECOND };
    expect(await failing({ options })).toEqual(['overlap']);
  });

  test('the gate that asks for reads of others, where nothing is ever read', async () => {
    const twist: Twist = ({ f }) => (f === 'read' ? { type: 'ok', value: null } : undefined);
    expect(await failing({ twist })).toEqual(['reads-of-others']);
  });

  // A follower is paused from two seconds after clients began on, for three; they recover for two.
  test.each<[string, (seconds: number) => boolean]>([
    ['steady', (seconds) => seconds < 2 || seconds > 6.9],
    ['fault', (seconds) => seconds > 1.9 && seconds < 5.5],
    ['recovery', (seconds) => seconds > 5 && seconds < 7.5],
  ])('the gate that asks for something done in phase %s', async (phase, isIn) => {
    const twist: Twist = ({ f }, { nowNs, stage }) =>
      f === 'write' && stage === 'run' && isIn(nowNs / SECOND)
        ? { type: 'fail', error: 'no' }
        : undefined;
    const nemesis = choosing('pause', () => () => {
      return { victims: [nodeId('n3')], leader: undefined, value: null };
    });
    const gates = await failing({ faults: [fault('pause:one')], nemesis, twist });
    expect(gates).toEqual([`enough-write-${phase}`]);
  });

  test('the gate that asks for final reads, of a node that answers none', async () => {
    const twist: Twist = (_, { node, stage }) =>
      stage === 'final-reads' && node === 'n3' ? { type: 'info', error: 'timeout' } : undefined;
    expect(await failing({ twist })).toEqual(['final-reads']);
  });
});

test('none fails where every kind of fault does what it says', async () => {
  const kinds = ['partition:one-way', 'kill:all', 'pause:leader', 'slow:one', 'reset:majority'];
  const faults = kinds.map((name, i) => fault(name, { atNs: (2 + 6 * i) * SECOND }));
  expect(await failing({ faults, options: { durationNs: 34 * SECOND } })).toEqual([]);
});

test('without faults no election is asked for', async () => {
  expect(await failing({})).toEqual([]);
});
