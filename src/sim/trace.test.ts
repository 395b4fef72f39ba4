import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { PAPER_RULES } from '../raft/core/rules.ts';
import { nodeId } from '../raft/core/types.ts';
import { SimCluster } from './cluster.ts';
import { Simulation } from './simulation.ts';
import { Trace, type TraceLevel } from './trace.ts';
import { PLAIN_PROFILE } from './testing/plain-profile.ts';

/** An election, a write and a read, the crash of the leader, another write, the old leader's return. */
async function story(level: TraceLevel, size: number): Promise<string[]> {
  return (await played(level, size)).lines;
}

/** @param level - undefined for a run that nobody looks at */
async function played(
  level: TraceLevel | undefined,
  size: number,
): Promise<{ readonly lines: string[]; readonly events: number; readonly endNs: number }> {
  const sim = new Simulation('story');
  const lines: string[] = [];
  const nodes = Array.from({ length: size }, (_, i) => nodeId(`n${i + 1}`));
  const sink = (line: string): void => void lines.push(line);
  const traces =
    level === undefined ? [] : [new Trace({ nodes, level, now: () => sim.now(), sink })];
  const cluster = new SimCluster(sim, {
    size,
    profile: PLAIN_PROFILE,
    rules: PAPER_RULES,
    observers: traces,
  });
  const untilLed = async (): Promise<string> => {
    for (;;) {
      await sim.sleep(50 * MILLISECOND);
      const { leader } = cluster;
      if (leader !== undefined) return leader;
    }
  };
  const play = async (): Promise<void> => {
    cluster.startAll();
    const leader = await untilLed();
    const others = cluster.nodes.filter((node) => node !== leader);
    const [first] = others;
    if (first === undefined) throw new Error('there are several nodes');
    const client = cluster.connect(first);
    await client.invoke({ f: 'write', key: 'k', value: 1 }, SECOND);
    await client.invoke({ f: 'read', key: 'k', value: null }, SECOND);
    cluster.node(leader).stop({ type: 'power-failure' });
    await untilLed();
    await client.invoke({ f: 'write', key: 'k', value: 2 }, SECOND);
    cluster.node(leader).start();
    await sim.sleep(200 * MILLISECOND);
    await client.invoke({ f: 'read', key: 'k', value: null }, SECOND);
  };
  await sim.drive(play());
  for (const trace of traces) trace.ended(undefined);
  return { lines, events: sim.events, endNs: sim.now() };
}

test.each(['story', 'full'] as const)(
  'an election, a write, a read and a crash: %s',
  async (level) => {
    const lines = await story(level, 3);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      join(import.meta.dirname, `testdata/crash.${level}.trace`),
    );
  },
);

test('the same run gives the same bytes, and is the same run when nobody looks', async () => {
  const [one, two] = [await played('full', 5), await played('full', 5)];
  expect(two.lines).toEqual(one.lines);
  const { events, endNs } = await played(undefined, 5);
  expect({ events, endNs }).toEqual({ events: one.events, endNs: one.endNs });
});

test('the first line names the format, its version, the level and the nodes', async () => {
  const [first] = await story('full', 5);
  expect(first).toBe('gong-trace 1 full n1 n2 n3 n4 n5');
});

test('five nodes fit 160 columns of ASCII, and no line ends in spaces', async () => {
  for (const level of ['story', 'full'] as const) {
    for (const line of await story(level, 5)) expect(line).toMatch(/^[\u0020-\u007E]{0,159}\S$/);
  }
});

test('a violation is the last line, with the name of the invariant and its section', () => {
  const lines: string[] = [];
  const trace = new Trace({
    nodes: [nodeId('n1'), nodeId('n2')],
    level: 'story',
    now: () => 1_500_000_000,
    sink: (line) => lines.push(line),
  });
  trace.ended({
    invariant: 'election-safety',
    section: 'Raft §5.2, Figure 3',
    sentence: 'n1 and n2 both lead term 4',
    atNs: 1_500_000_000,
    nodes: [nodeId('n1'), nodeId('n2')],
  });
  expect(lines.at(-1)).toBe(
    '  1.500000  x            x            VIOLATION of election-safety (Raft section 5.2, Figure 3): n1 and n2 both lead term 4',
  );
});

test('what is happening now is written now: nothing waits for the end', async () => {
  const sim = new Simulation('1');
  const times: { readonly saidNs: number; readonly line: string }[] = [];
  const sink = (line: string): void => {
    times.push({ saidNs: sim.now(), line });
  };
  const nodes = [nodeId('n1')];
  const trace = new Trace({ nodes, level: 'full', now: () => sim.now(), sink });
  const cluster = new SimCluster(sim, {
    size: 1,
    profile: PLAIN_PROFILE,
    rules: PAPER_RULES,
    observers: [trace],
  });
  cluster.startAll();
  await sim.drive(sim.sleep(SECOND));
  expect(times.length).toBeGreaterThan(5);
  for (const { saidNs, line } of times.slice(2)) {
    expect(line.slice(0, 10).trim()).toBe((saidNs / SECOND).toFixed(6));
  }
});
