import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import { register } from '../../workloads/register.ts';
import { nodeId } from '../contracts/names.ts';
import type { PlannedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { parseClusterLog } from '../rundir/cluster-log.ts';
import type { RunPaths } from '../rundir/paths.ts';
import { createRunDir } from '../rundir/run-dir.ts';
import type { RunOptions, RunResult } from './run-options.ts';
import { run } from './run.ts';
import { readSchedule } from './schedule.ts';
import { FakeStore } from './testing/fake-store.ts';
import { SimulatedClock } from './testing/simulated-clock.ts';

let results: string;
let paths: RunPaths;
beforeEach(async () => {
  results = mkdtempSync(join(tmpdir(), 'gong-steering-'));
  paths = await emptyRun('7');
});
afterEach(() => rmSync(results, { recursive: true, force: true }));

function emptyRun(seed: string): Promise<RunPaths> {
  const startedAt = new Date('2026-11-21T08:22:07Z');
  return createRunDir({ resultsDir: results, suite: 'run', seed, startedAt });
}

/** Each five seconds after the one before. */
function planOf(...names: readonly string[]): readonly PlannedFault[] {
  return names.map((name, i) => {
    const [kind = '', shape = ''] = name.split(':');
    const atNs = (2 + 5 * i) * SECOND;
    return { kind, shape, atNs, durationNs: 2 * SECOND, seed: `${name}${i}` };
  });
}

interface Ran extends RunResult {
  readonly store: FakeStore;
}

/** Five members and two nodes beside them, for as long as the plan takes. */
async function runOf(
  plan: readonly PlannedFault[],
  change: Partial<RunOptions> & { readonly break?: (store: FakeStore) => void } = {},
): Promise<Ran> {
  const clock = new SimulatedClock();
  const store = new FakeStore(clock, 5, 2);
  change.break?.(store);
  const result = await clock.drive(
    run({
      seed: '7',
      target: store.target(),
      settings: {},
      readMode: 'linearizable',
      up: async () => store.cluster(),
      workload: register,
      load: { concurrency: 10, keyOps: 200, values: undefined, ratePerSecond: undefined },
      nemeses,
      plan,
      durationNs: (4 + 5 * plan.length) * SECOND,
      paths,
      clock,
      signal: new AbortController().signal,
      ...change,
    }),
  );
  return { ...result, store };
}

const sentences = ({ gateFailures }: RunResult): string =>
  gateFailures.map(({ gate, sentence }) => `${gate}: ${sentence}`).join('\n');

const everyShape = ['membership', 'transfer'].flatMap((kind) =>
  (nemeses.get(kind)?.shapes ?? []).map(({ shape }) => `${kind}:${shape}`),
);

test('every change of members and leaders is made among other faults, and undone in the end', async () => {
  const between = ['partition:majority', 'kill:leader', 'kill:minority', 'partition:ring'];
  const names = everyShape.flatMap((name, i) => [name, between[i % between.length] ?? '']);
  const result = await runOf(planOf(...names));
  expect(sentences(result)).toBe('');
  expect(result.faults.map(({ outcome }) => outcome)).toEqual(names.map(() => 'injected'));
  expect(result.store.voters).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
  expect(result.settledAgain).toBe(true);
  const members = parseClusterLog(paths.cluster).flatMap((event) =>
    event.type === 'members' ? [event.voters.length] : [],
  );
  expect(Math.max(...members)).toBeGreaterThan(5);
  expect(Math.min(...members)).toBeLessThan(5);
});

test('who votes is counted anew for each fault: of seven a majority is four', async () => {
  const grown = { changes: [['n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7']] };
  const [add, cut] = planOf('membership:add', 'partition:majority');
  const victims = ['n6', 'n7'].map(nodeId);
  const resolved = { victims, leader: undefined, value: grown };
  const plan = [{ ...defined(add, 'one'), resolved }, defined(cut, 'and another')];
  const result = await runOf(plan);
  expect(result.faults[1]).toMatchObject({ voters: grown.changes[0] });
  const { victims: cutOff = [] } = result.faults[1] as { victims?: readonly string[] };
  expect(cutOff).toHaveLength(4);
});

test('clients follow the members, and the last reads are asked of nobody else', async () => {
  const result = await runOf(planOf('membership:replace'));
  expect(sentences(result)).toBe('');
  const lines = readFileSync(paths.history, 'utf8').trim().split('\n');
  const asked = lines.map((line) => JSON.parse(line) as { node?: string; type: string });
  const nodes = new Set(asked.map(({ node }) => node));
  const [fault] = result.faults as readonly { members?: { joined: { node: string }[] } }[];
  const joined = fault?.members?.joined[0]?.node ?? 'nobody';
  expect(nodes).toContain(joined);
  expect([...nodes].filter((node) => node === 'n6' || node === 'n7')).toEqual([joined]);
  const last = asked.slice(-60).filter(({ type }) => type === 'ok');
  expect(new Set(last.map(({ node }) => node))).toEqual(new Set(['n1', 'n2', 'n3', 'n4', 'n5']));
});

test('who led until the last heal removed it is asked for no last reads', async () => {
  const [replace, lead] = planOf('membership:replace', 'transfer:to-follower');
  const resolved = { victims: [nodeId('n6')], leader: undefined };
  const changes = [['n1', 'n2', 'n3', 'n4', 'n6']];
  const plan = [
    { ...defined(replace, 'one'), resolved: { ...resolved, value: { changes } } },
    { ...defined(lead, 'another'), resolved: { ...resolved, value: { to: ['n6'] } } },
  ];
  const result = await runOf(plan, {
    break(store) {
      // Over before anybody has looked.
      store.changeNs = MILLISECOND;
      store.stepsDownWhenLeft = true;
    },
  });
  expect(result.faults.map(({ outcome }) => outcome)).toEqual(['injected', 'injected']);
  expect(sentences(result)).not.toContain('n6');
  expect(result.store.voters).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
  expect(result.settledAgain).toBe(true);
});

test('what a schedule repeats is asked for again: the same members, the same leaders', async () => {
  const names = ['membership:several', 'transfer:round', 'membership:remove-leader'];
  const first = await runOf(planOf(...names));
  const again = await emptyRun('8');
  const plan = readSchedule({
    path: paths.cluster,
    nemeses,
    capabilities: new Set(['processes', 'links', 'membership', 'leadership'] as const),
    nodes: first.store.nodes,
    spares: 2,
    seed: '8',
    durationNs: 60 * SECOND,
  });
  const second = await runOf(plan, { paths: again, seed: '8' });
  expect(sentences(second)).toBe('');
  const values = ({ faults }: RunResult) => faults.map((one) => 'value' in one && one.value);
  expect(values(second)).toEqual(values(first));
});

test.each<[string, (store: FakeStore) => void, RegExp]>([
  [
    'membership:add',
    (store) => (store.refusesAdmin = 'no'),
    /expected of fault 1 \(membership:add\) on n[67] from .+ the members to become n1, .+, but after 15\.\d s and \d+ attempts that was not so \(no\)/,
  ],
  [
    'membership:replace',
    (store) => (store.pretendsAdmin = true),
    /that was not so \(it was answered as done, but no leader showed it\)/,
  ],
  [
    'membership:add',
    (store) => ['n6', 'n7'].map(nodeId).forEach((node) => store.starved.add(node)),
    /those that were added to apply \d+, .+ but n[67] had applied 0/,
  ],
  [
    'transfer:to-follower',
    (store) => (store.refusesAdmin = 'no'),
    /expected of fault 1 .+ n[2-5] to lead when it was asked to, but after 10\.\d s/,
  ],
])('%s that does not come about fails its gate, and says how', async (name, sabotage, told) => {
  const result = await runOf(planOf(name), { break: sabotage }).catch(String);
  if (typeof result === 'string') throw new Error(result);
  expect(sentences(result)).toMatch(told);
  expect(result.gateFailures).toHaveLength(1);
});

test('a fault that needs more voters than are left is not injected, and that is told', async () => {
  const changes = [['n1', 'n2', 'n3']];
  const [shrink, ring] = planOf('membership:remove', 'partition:ring');
  const victims = ['n4', 'n5'].map(nodeId);
  const resolved = { victims, leader: undefined, value: { changes } };
  const plan = [{ ...defined(shrink, 'one'), resolved }, defined(ring, 'and another')];
  const result = await runOf(plan);
  expect(result.faults[1]).toMatchObject({ outcome: 'unresolved', voters: changes[0] });
  expect(sentences(result)).toMatch(/but too few voted \(n1, n2, n3\) for 10\.0 s/);
});

test('members that are not restored in the end are an error of the cluster', async () => {
  const breaking = { break: (store: FakeStore) => (store.refusesAdmin = 'no') };
  const grown = [['n1', 'n2', 'n3', 'n4', 'n5', 'n6']];
  const resolved = { victims: [nodeId('n6')], leader: undefined, value: { changes: grown } };
  const plan = planOf('membership:add').map((one) => ({ ...one, resolved }));
  let store: FakeStore | undefined;
  const onStage = (stage: string): void => {
    if (stage === 'heal' && store !== undefined) store.refusesAdmin = 'no more';
  };
  const sabotage = (one: FakeStore): void => void (store = one);
  await expect(runOf(plan, { onStage, break: sabotage })).rejects.toMatchObject({
    code: 'GONG-E128',
    why: expect.stringContaining('no more') as unknown,
  });
  await expect(runOf([], breaking)).resolves.toMatchObject({ gateFailures: [] });
});
