import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { nemeses } from '../../../nemesis/index.ts';
import { workloads } from '../../../workloads/index.ts';
import { gatesIn, gong, temporary } from '../gong.ts';
import { nothingLeft } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

const NEMESIS = 'partition,kill,membership,transfer';
const KINDS = ['membership', 'transfer'];

/** What is read of a result and of its files. */
interface Fault {
  readonly kind: string;
  readonly shape: string;
  readonly outcome: string;
}

interface Result {
  readonly directory: string;
  readonly faults: readonly Fault[];
  readonly statistics: { readonly operations: { readonly ok: number } };
  readonly verdict: { readonly valid: unknown; readonly keys: { readonly valid: number } };
}

interface Line {
  readonly type: string;
  readonly node?: string;
  readonly role?: string | null;
  readonly voters?: readonly string[];
  readonly servedBy?: string;
}

/** Members come, go and lead in turn, while clients work and other faults are about. */
export const membership: Scenario = {
  name: 'membership',
  promise:
    'ten seeds in which nodes are added, removed, replaced, several at once, and made leaders, among ' +
    'partitions and kills, are linearizable; so is every workload',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const base = ['run', '--nodes', '5', '--nemesis', NEMESIS, '--results-dir', results.path];
    base.push(...(isShort ? ['--duration', '20s', '--nemesis-interval', '4s'] : []));
    base.push(...(isShort ? [] : ['--duration', '60s']), '--json');
    const shapes = new Set<string>();
    const run = async (name: string, ...args: readonly string[]): Promise<void> => {
      const ended = await gong([...base, ...args], { id });
      must(
        ended.code === 0,
        `${name} ended with ${ended.code}\n${gatesIn(ended.stdout)}\n${ended.stderr}`,
      );
      await nothingLeft(id);
      const result: Result = JSON.parse(ended.stdout);
      const injected = result.faults.filter(({ outcome }) => outcome === 'injected');
      for (const kind of KINDS) {
        must(
          injected.some((one) => one.kind === kind),
          `${name}: no ${kind} was injected`,
        );
      }
      for (const one of injected) shapes.add(`${one.kind}:${one.shape}`);
      say(`${name}: ${await describe(result)}`);
    };
    for (let seed = 1; seed <= (isShort ? 1 : 10); seed++) {
      await run(`seed ${seed}`, '--seed', String(seed));
    }
    if (isShort) return;
    const missing = KINDS.flatMap((kind) =>
      (nemeses.get(kind)?.shapes ?? []).map(({ shape }) => `${kind}:${shape}`),
    ).filter((name) => !shapes.has(name));
    must(missing.length === 0, `no seed had ${missing.join(', ')}`);
    for (const name of workloads.keys()) await run(name, '--workload', name, '--seed', '11');
  },
};

/** @throws when nobody but the first members ever voted, led and served */
async function describe({ directory, statistics, verdict, faults }: Result): Promise<string> {
  const cluster = await linesOf(path.join(directory, 'cluster.jsonl'));
  const voters = cluster.flatMap((line) => (line.type === 'members' ? (line.voters ?? []) : []));
  const led = new Set(cluster.flatMap(({ node, role }) => (role === 'leader' ? [node] : [])));
  must(voters.length > 0, 'the members never changed');
  must(led.size > 1, 'nobody else led');
  const history = await linesOf(path.join(directory, 'history.jsonl'));
  const asked = new Set(history.flatMap(({ type, node }) => (type === 'ok' && node ? [node] : [])));
  const joined = ['n6', 'n7'].filter((node) => voters.includes(node));
  for (const node of joined) must(asked.has(node), `${node} joined, and served nobody`);
  return (
    `${statistics.operations.ok} ok, ${faults.length} faults, ${new Set(voters).size} nodes voted, ` +
    `${led.size} led, ${verdict.keys.valid} keys linearizable`
  );
}

async function linesOf(file: string): Promise<readonly Line[]> {
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line): Line => JSON.parse(line));
}
