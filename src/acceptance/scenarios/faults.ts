import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gong, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

const KINDS = ['partition', 'kill', 'pause', 'slow', 'reset'];
const TOLERANCE_NS = 100_000_000;

/** What is read of a line of `cluster.jsonl`. */
interface Line {
  readonly time: number;
  readonly type: string;
  readonly stage?: string;
  readonly outcome?: string;
  readonly kind: string;
  readonly shape: string;
  readonly victims: readonly string[];
  readonly required: readonly string[];
  readonly atNs: number;
  readonly durationNs: number;
  readonly startedNs: number;
  readonly healedNs: number;
}

interface Seen {
  readonly faults: readonly Line[];
  /** When clients began. */
  readonly beganNs: number;
}

/** All kinds of faults, each with its evidence; and the same again, from what was resolved. */
export const faults: Scenario = {
  name: 'faults',
  promise: 'every kind of fault bites, for ten seeds, and a schedule repeats them within 100 ms',
  isQuiet: true,
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const base = ['run', '--nodes', '5', '--json', '--results-dir', results.path];
    base.push(...(isShort ? ['--duration', '40s'] : ['--duration', '60s']));
    const run = async (name: string, args: readonly string[]): Promise<string> => {
      const ended = await gong([...base, ...args], { id });
      must(ended.code === 0, `${name} ended with ${ended.code}\n${ended.stdout}\n${ended.stderr}`);
      await nothingLeft(id);
      return JSON.parse(ended.stdout).directory;
    };
    for (let seed = 1; seed <= (isShort ? 1 : 10); seed++) {
      const interval = isShort ? ['--nemesis-interval', '4s'] : [];
      const nemesis = ['--nemesis', KINDS.join(','), ...interval];
      const directory = await run(`seed ${seed}`, [...nemesis, '--seed', String(seed)]);
      const first = await readSeen(directory);
      const missing = KINDS.filter((kind) => !first.faults.some((one) => one.kind === kind));
      must(missing.length === 0, `seed ${seed} did not inject ${missing.join(', ')}`);
      const shapes = first.faults.map(({ kind, shape }) => `${kind}:${shape}`);
      say(`seed ${seed}: ${shapes.join(', ')}`);

      const again = ['--schedule', directory, '--seed', String(seed + 1000)];
      const second = await readSeen(await run(`seed ${seed} again`, again));
      const { begunNs, feltNs } = differences(first, second);
      must(begunNs <= TOLERANCE_NS, `${begunNs} ns off`);
      // How long a process takes to die, or a link to be cut, is the machine's business.
      say(
        `  again on the same nodes: injections and heals begin at most ${ms(begunNs)} off, and ` +
          `their effects ${ms(feltNs)}`,
      );
    }
  },
};

async function readSeen(directory: string): Promise<Seen> {
  const text = await readFile(path.join(directory, 'cluster.jsonl'), 'utf8');
  const lines = text
    .split('\n')
    .filter(Boolean)
    .map((line): Line => JSON.parse(line));
  const faultLines = lines.filter(
    ({ type, outcome }) => type === 'fault' && outcome === 'injected',
  );
  must(
    faultLines.every(({ required }) => required.length > 0),
    'a fault of which no evidence is asked',
  );
  const began = lines.find(({ type, stage }) => type === 'stage' && stage === 'run');
  return { faults: faultLines, beganNs: began?.time ?? NaN };
}

/** The largest ones, in nanoseconds. @throws when other nodes were hit */
function differences(first: Seen, second: Seen): { begunNs: number; feltNs: number } {
  const named = ({ faults: all }: Seen): string =>
    JSON.stringify(all.map(({ kind, shape, victims }) => [kind, shape, victims]));
  must(named(first) === named(second), `${named(first)}\nbut again\n${named(second)}`);
  const worst = (times: (fault: Line, beganNs: number) => readonly number[]): number => {
    const [one, other] = [first, second].map((seen) =>
      seen.faults.flatMap((fault) => times(fault, seen.beganNs)),
    );
    return Math.max(...(one ?? []).map((ns, i) => Math.abs(ns - (other?.[i] ?? Infinity))));
  };
  return {
    begunNs: worst(({ atNs, durationNs }) => [atNs, atNs + durationNs]),
    feltNs: worst(({ startedNs, healedNs }, beganNs) => [startedNs - beganNs, healedNs - beganNs]),
  };
}

function ms(ns: number): string {
  return `${(ns / 1e6).toFixed(1)} ms`;
}
