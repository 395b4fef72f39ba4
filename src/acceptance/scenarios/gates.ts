import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ended, gong, start, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

const PLANTED = fileURLToPath(new URL('../planted-nemesis.ts', import.meta.url));
const RUN = 'run --nodes 3 --duration 8s --json';

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

const pauseOne = { kind: 'pause', shape: 'one', at: '1500ms', duration: '4s', nodes: ['n1'] };

/** Every gate that the command line, and a nemesis that is not what it claims, can make fail. */
const PROVOCATIONS: readonly Provocation[] = [
  { gate: /^enough-(read|write|cas)$/, args: '--concurrency 1 --rate 1/s', isShort: true },
  { gate: /^overlap$/, args: '--rate 10/s --duration 12s' },
  { gate: /^reads-of-others$/, args: '--key-ops 1 --concurrency 50' },
  { gate: /^applied-cas$/, args: '--key-ops 2' },
  {
    gate: /^fault-1-injected$/,
    deceit: 'finds-nobody',
    args: '--nemesis kill:leader --duration 7s --nemesis-interval 4s',
  },
  {
    gate: /^fault-1-election$/,
    deceit: 'hits-a-follower',
    args: '--nemesis partition:leader --duration 7s --nemesis-interval 4s',
    isShort: true,
  },
  { gate: /^fault-1-new-process$/, deceit: 'does-nothing', args: '--nemesis kill:one' },
  {
    gate: /^fault-1-cut-off-side$/,
    deceit: 'does-nothing',
    args: '--nemesis partition:one',
    isShort: true,
  },
  { gate: /^fault-1-links-cut$/, deceit: 'does-nothing', args: '--nemesis partition:one-way' },
  { gate: /^fault-1-stopped$/, deceit: 'does-nothing', args: '--nemesis pause:one' },
  { gate: /^fault-1-slowed$/, deceit: 'does-nothing', args: '--nemesis slow:one' },
  { gate: /^fault-1-connections-reset$/, deceit: 'does-nothing', args: '--nemesis reset:one' },
  { gate: /^final-reads$/, deceit: 'heals-nothing', args: '--nemesis pause:one' },
  {
    gate: /^enough-(read|write|cas)-fault$/,
    deceit: 'stops-everybody',
    args: '',
    faults: [pauseOne],
    isShort: true,
  },
  {
    gate: /^enough-(read|write|cas)-recovery$/,
    deceit: 'stops-everybody-afterwards',
    args: '--duration 12s',
    faults: [pauseOne],
  },
  {
    gate: /^enough-(read|write|cas)-steady$/,
    deceit: 'stops-everybody-later',
    args: '--duration 14s',
    faults: [{ ...pauseOne, at: '10ms' }],
  },
];

/** A run that proves less than it claims is no pass, and says what to change. */
export const gates: Scenario = {
  name: 'gates',
  promise: 'for every gate a run that fails by it alone ends with 5 and says what to change',
  async run({ isShort, id, say }) {
    await using place = await temporary();
    const results = ['--results-dir', path.join(place.path, 'results')];
    const calm = await gong([...RUN.split(' '), ...results], { id });
    must(calm.code === 0, `without faults: ${calm.code}\n${calm.stderr}`);
    const { faults } = JSON.parse(calm.stdout);
    must(faults.length === 0, 'nobody asked for faults');
    say('without faults: exit 0, no election asked');
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
      say(failsByItAlone(one, ended));
      await nothingLeft(id);
    }
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
