import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../checker/index.ts';
import type { Completion, Invocation } from '../src/contracts/client.ts';
import type { Generator, Workload } from '../src/contracts/workload.ts';
import { makeRandom } from '../src/lib/prng.ts';
import { workloads } from './index.ts';
import { lock } from './lock.ts';
import { queue } from './queue.ts';
import { Objects } from './testing/objects.ts';
import { txn } from './txn.ts';

const CLIENTS = 6;

interface Drawn {
  readonly invocation: Invocation;
  readonly completion: Completion;
}

/** What clients one after the other do on a correct store; some get no answer. */
function draw(
  workload: Workload,
  parts: {
    readonly seed: string;
    readonly count: number;
    readonly settings?: Readonly<Record<string, number>>;
    readonly keyOps?: number;
    readonly lossRate?: number;
  },
): { readonly drawn: readonly Drawn[]; readonly generator: Generator } {
  const { seed, count, settings = {}, keyOps = 100, lossRate = 0 } = parts;
  const generator = workload.generator(
    { keyOps, concurrency: CLIENTS, values: undefined, settings },
    makeRandom(seed),
  );
  const losses = makeRandom(`losses ${seed}`);
  const objects = new Objects({ now: () => 0, isDue: () => false });
  const drawn = Array.from({ length: count }, (_, nowNs): Drawn => {
    const client = nowNs % CLIENTS;
    const told = generator.next({ process: client, client, nowNs });
    if (told.type !== 'invoke') throw new Error(`nobody else is busy, but it says ${told.type}`);
    const { invocation } = told;
    const done = objects.perform(workload.model, invocation);
    const isLost = losses.float() < lossRate;
    const completion: Completion = isLost ? { type: 'info', error: '' } : { type: 'ok', ...done };
    generator.completed?.(client, invocation, completion);
    return { invocation, completion };
  });
  return { drawn, generator };
}

function byKey(drawn: readonly Drawn[]): readonly (readonly Drawn[])[] {
  return [...Map.groupBy(drawn, ({ invocation }) => invocation.key ?? '').values()];
}

describe.each([...workloads.values()])('$name', (workload) => {
  test('the same seed and the same answers give the same operations; every one is of a function it names', () => {
    fc.assert(
      fc.property(fc.string(), (seed) => {
        const parts = { seed, count: 300, lossRate: 0.05 };
        const { drawn, generator } = draw(workload, parts);
        const again = draw(workload, parts);
        expect(again.drawn).toEqual(drawn);
        expect(again.generator.finalReads()).toEqual(generator.finalReads());
        const functions = new Set(drawn.map(({ invocation }) => invocation.f));
        expect([...functions].filter((f) => !workload.functions.includes(f))).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  test('each function it names is drawn often enough to count, and finds what others left', () => {
    const { drawn } = draw(workload, { seed: 'shares', count: 6_000 });
    for (const f of workload.functions) {
      const count = drawn.filter(({ invocation }) => invocation.f === f).length;
      expect(count, f).toBeGreaterThan(100);
    }
    const effects = drawn.flatMap(({ invocation, completion }) =>
      completion.type === 'ok' ? (workload.effects?.(invocation, completion) ?? []) : [],
    );
    const read = new Set(effects.flatMap(({ type, value }) => (type === 'read' ? [value] : [])));
    const wrote = effects.filter(({ type }) => type === 'wrote');
    const found = wrote.filter(({ value }) => read.has(value)).length;
    expect(found).toBeGreaterThanOrEqual(workload.effects === undefined ? 0 : wrote.length / 5);
  });

  test('no key outlives keyOps, and the final reads name keys that were used, each in its own functions', () => {
    const { drawn, generator } = draw(workload, { seed: 'keys', count: 2_000, keyOps: 30 });
    for (const each of byKey(drawn)) expect(each.length).toBeLessThanOrEqual(30);
    const used = new Set(drawn.map(({ invocation }) => invocation.key));
    const last = generator.finalReads();
    expect(last.length).toBeGreaterThan(0);
    for (const { f, key } of last) {
      expect(workload.functions).toContain(f);
      expect(used.has(key) || key !== undefined).toBe(true);
    }
    expect(workload.lookAt('k1').map(({ key }) => key)).toContain('k1');
    const finished = new Set(generator.takeFinishedKeys());
    expect(last.filter(({ key }) => finished.has(key ?? ''))).toEqual([]);
  });
});

test('the end of a queue asks for all that can be inside, and once more', () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(0, 0.1), (seed, lossRate) => {
      const { drawn, generator } = draw(queue, { seed, count: 200, keyOps: 1_000, lossRate });
      const asked = Map.groupBy(generator.finalReads(), ({ key }) => key ?? '');
      for (const [key, dequeues] of asked) {
        const its = drawn.filter(({ invocation }) => invocation.key === key);
        const most = its.reduce((count, { invocation: { f }, completion }) => {
          if (f === 'enqueue') return count + 1;
          return completion.type === 'ok' && completion.value !== null ? count - 1 : count;
        }, 0);
        expect(dequeues).toHaveLength(Math.min(most, 40) + 1);
      }
      expect(asked.size).toBe(8);
    }),
    { numRuns: 20 },
  );
});

/** What one client was told of tokens on one lock. */
function tokensOf(each: readonly Drawn[]) {
  const value = ({ invocation }: Drawn): Json => invocation.value;
  const named = each.filter(({ invocation: { f } }) => f !== 'acquire');
  const given = each.filter(
    ({ invocation: { f }, completion }) =>
      f === 'acquire' && completion.type === 'ok' && completion.applied !== false,
  );
  return { named: named.map(value), given, times: new Set(each.flatMap(timesOf)) };
}

function timesOf({ invocation: { f, value } }: Drawn): readonly Json[] {
  if (f === 'acquire') return [value];
  return f === 'renew' && Array.isArray(value) ? [value[1] ?? null] : [];
}

describe('locks', () => {
  test('each expires, or does not, from its beginning to its end; only tokens that were given are named', () => {
    const { drawn } = draw(lock, { seed: 'locks', count: 5_000, settings: { leaseMs: 700 } });
    const kinds = new Set<Json>();
    for (const each of byKey(drawn)) {
      const { named, given, times } = tokensOf(each);
      expect(times.size).toBe(1);
      for (const time of times) kinds.add(time);
      const tokens = new Set(
        given.map(({ completion }) => (completion.type === 'ok' ? completion.value : null)),
      );
      const tried = named.map((value) => (Array.isArray(value) ? (value[0] ?? null) : value));
      expect(tried.filter((token) => !tokens.has(token))).toEqual([]);
    }
    expect(kinds).toEqual(new Set([null, 700]));
  });

  test('old tokens are tried, and are refused', () => {
    const { drawn } = draw(lock, { seed: 'old', count: 5_000 });
    const refused = drawn.filter(
      ({ invocation: { f }, completion }) =>
        f !== 'acquire' && completion.type === 'ok' && completion.applied === false,
    );
    expect(refused.length).toBeGreaterThan(100);
  });

  test('a lock that does not expire and whose token nobody knows is left for a new one', () => {
    const settings = { expiringShare: 0, keys: 1 };
    const { drawn } = draw(lock, { seed: 'lost', count: 3_000, settings, lossRate: 0.2 });
    for (const each of byKey(drawn)) {
      const refusals = each.map(
        ({ invocation: { f }, completion }) =>
          f === 'acquire' && completion.type === 'ok' && completion.applied === false,
      );
      const end = refusals.lastIndexOf(false);
      expect(refusals.length - 1 - end).toBeLessThanOrEqual(8);
    }
    expect(byKey(drawn).length).toBeGreaterThan(30);
  });
});

test('transactions change two keys or more at once, and half of them only where something holds', () => {
  const { drawn } = draw(txn, { seed: 'txn', count: 4_000, settings: { groupKeys: 4 } });
  const parts = drawn.map(({ invocation }) => invocation.value as readonly (readonly Json[])[]);
  const words = parts.map((each) => each.map(([word]) => word));
  const changing = words.filter((each) => each.includes('write') || each.includes('delete'));
  for (const each of changing) {
    const changes = each.filter((word) => word === 'write' || word === 'delete');
    expect(changes.length).toBeGreaterThanOrEqual(2);
    expect(each).toContain('read');
  }
  const conditional = changing.filter((each) => each.includes('if')).length;
  expect(conditional / changing.length).toBeCloseTo(0.5, 1);
  // Where nobody comes between, what was seen a moment ago is still there.
  const refused = drawn.filter(
    ({ completion }) => completion.type === 'ok' && completion.applied === false,
  );
  expect(refused).toEqual([]);
  const all = parts.filter((each) => each.every(([word]) => word === 'read'));
  expect(all.every((each) => each.length === 4)).toBe(true);
});
