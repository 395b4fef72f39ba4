import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ended, gong, start, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

const PLANTED = fileURLToPath(new URL('../planted-nemesis.ts', import.meta.url));
const RUN = 'run --duration 8s --json';

interface Provocation {
  /** The gate that must fail, and no other. Where it stands for each `f`, all of them are it. */
  readonly gate: RegExp;
  readonly args: string;
  /** What the nemesis does instead, if anything. */
  readonly deceit?: string;
  /** Faults by hand, if any. */
  readonly faults?: readonly object[];
  readonly isShort?: boolean;
}

const PAUSE_ONE = { kind: 'pause', shape: 'one', at: '1500ms', duration: '4s', nodes: ['n1'] };
/** Any program that ends with 0. */
const SCRIPT = '/bin/true';

/** Nodes of a store in gong's own process; its read mode says how it deceives. */
const OWN_STORE =
  `--target ${fileURLToPath(new URL('../planted-target.ts', import.meta.url))} ` +
  '--endpoints http://a:1,http://b:1,http://c:1 --duration 6s --read-mode';
const RAFT = '--nodes 3';
/** With short elections a pause of some seconds is long enough to ask for operations, whoever led. */
const QUICK_RAFT = `${RAFT} --set raft.electionTimeout=300..500ms --set raft.heartbeatInterval=50ms`;

/**
 * Every gate, and what makes it fail: the command line, a store or a nemesis that deceives. One is
 * left to a test of the harness, `reads-of-others`: a store that never shows one client what another
 * wrote breaks its promise, and that comes before any gate.
 */
const PROVOCATIONS: readonly Provocation[] = [
  { gate: /^enough-cas$/, args: `${OWN_STORE} no-cas`, isShort: true },
  { gate: /^applied-cas$/, args: `${OWN_STORE} refuses-cas` },
  {
    // Each key for one operation: whatever the machine delays, nobody meets.
    gate: /^overlap$/,
    args: `${OWN_STORE} sound --rate 50/s --workload rw-register --key-ops 1 --values 5`,
    isShort: true,
  },
  {
    gate: /^fault-1-injected$/,
    deceit: 'finds-nobody',
    args: `${RAFT} --nemesis kill:leader --duration 7s --nemesis-interval 4s`,
  },
  {
    gate: /^fault-1-election$/,
    deceit: 'hits-a-follower',
    args: `${RAFT} --nemesis partition:leader --duration 7s --nemesis-interval 4s`,
    isShort: true,
  },
  {
    gate: /^fault-1-cut-off-side$/,
    deceit: 'does-nothing',
    args: `${RAFT} --nemesis partition:one`,
    isShort: true,
  },
  ...(
    [
      ['new-process', 'kill:one'],
      ['links-cut', 'partition:one-way'],
      ['stopped', 'pause:one'],
      ['slowed', 'slow:one'],
      ['connections-reset', 'reset:one'],
      ['hook-output', `exec:${SCRIPT}`],
    ] as const
  ).map(([evidence, word]) => ({
    gate: new RegExp(`^fault-1-${evidence}$`),
    deceit: 'does-nothing',
    args: `${RAFT} --nemesis ${word}`,
  })),
  {
    gate: /^fault-2-both-sides$/,
    args: `${RAFT} --rate 20/s --concurrency 3`,
    // So short a cut that nobody is on his way; before it operations overlap, at least.
    faults: [
      { ...PAUSE_ONE, duration: '1500ms' },
      { kind: 'partition', shape: 'one', at: '5s', duration: '2ms', nodes: ['n2'] },
    ],
  },
  { gate: /^final-reads$/, deceit: 'heals-nothing', args: `${RAFT} --nemesis pause:one` },
  {
    gate: /^enough-(read|write|cas)-fault$/,
    deceit: 'stops-everybody',
    args: QUICK_RAFT,
    faults: [PAUSE_ONE],
    isShort: true,
  },
  {
    gate: /^enough-(read|write|cas)-recovery$/,
    deceit: 'stops-everybody-afterwards',
    args: `${QUICK_RAFT} --duration 12s`,
    faults: [PAUSE_ONE],
  },
  {
    gate: /^enough-(read|write|cas)-steady$/,
    deceit: 'stops-everybody-later',
    args: `${QUICK_RAFT} --duration 14s`,
    faults: [{ ...PAUSE_ONE, at: '10ms' }],
  },
];

/** A run that proves less than it claims is no pass, and says what to change. */
export const gates: Scenario = {
  name: 'gates',
  promise: 'for every gate a run that fails by it alone ends with 5 and says what to change',
  isQuiet: true,
  async run({ isShort, id, say }) {
    await using place = await temporary();
    const results = ['--results-dir', path.join(place.path, 'results')];
    const calm = await gong([...RUN.split(' '), ...RAFT.split(' '), ...results], { id });
    must(calm.code === 0, `without faults: ${calm.code}\n${calm.stderr}`);
    const { faults } = JSON.parse(calm.stdout);
    must(faults.length === 0, 'nobody asked for faults');
    say('without faults: exit 0, no election asked');
    const broken: string[] = [];
    for (const one of PROVOCATIONS) {
      if (isShort && one.isShort !== true) continue;
      const args = [...RUN.split(' '), ...one.args.split(' ').filter(Boolean), ...results];
      if (one.faults !== undefined) {
        const file = path.join(place.path, 'schedule.json');
        await writeFile(file, JSON.stringify({ schema: 1, faults: one.faults }));
        args.push('--schedule', file);
      }
      const ended =
        one.deceit === undefined
          ? await gong(args, { id })
          : await start([PLANTED, one.deceit, ...args], { id }).ended;
      await nothingLeft(id);
      try {
        say(failsByItAlone(one, ended));
      } catch (error) {
        // The others are of interest all the same: one run after the other takes minutes.
        broken.push(error instanceof Error ? error.message : String(error));
        say(`BROKEN: ${broken.at(-1)?.split('\n')[0]}`);
      }
    }
    must(broken.length === 0, broken.join('\n'));
  },
};

/** @returns the sentence that it says */
function failsByItAlone({ gate, args, deceit = 'no deceit' }: Provocation, ended: Ended): string {
  const about = `${gate.source} with ${args} (${deceit})`;
  must(ended.code === 5, `${about} ended with ${ended.code}\n${ended.stdout}\n${ended.stderr}`);
  const { gateFailures } = JSON.parse(ended.stdout);
  const names: string[] = gateFailures.map((failure: { gate: string }) => failure.gate);
  const others = names.filter((name) => !gate.test(name));
  must(names.length > 0 && others.length === 0, `${about}: ${JSON.stringify(gateFailures)}`);
  const [{ sentence }] = gateFailures;
  must(/^expected .+: .+/.test(sentence), `${about} does not say what to change: ${sentence}`);
  return `${names.join(', ')}: ${sentence}`;
}
