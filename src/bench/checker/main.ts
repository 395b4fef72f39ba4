// The checker's performance suite: npm run bench:checker [-- --rows TEXT] [--rounds N] …
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Measured, measureRow } from './ladder.ts';
import { ladder, type Row } from './rows.ts';

const HELP = `npm run bench:checker -- [options]

  --rows TEXT           only rows whose name has this text
  --rounds N            fresh processes per row, of which the medians count (default 5)
  --seed N              of the histories (default 1)
  --budget TIME,SIZE    of each check (default 60s,2GiB)
  --against 'CMD {file}'  another checker, in turn with this one; {file} stands for the history
  --save                keep the figures as this machine's baseline
  --list                print the rows and stop
`;
const ROOT = path.resolve(import.meta.dirname, '../../..');
const BASELINE = path.join(ROOT, 'results/bench-checker.json');
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function baseline(): Promise<ReadonlyMap<string, Measured>> {
  try {
    const rows: readonly Measured[] = JSON.parse(await readFile(BASELINE, 'utf8'));
    return new Map(rows.map((row) => [row.row, row]));
  } catch {
    return new Map();
  }
}

const columns = [
  ['history', 38],
  ['verdict', 8],
  ['engine', 14],
  ['whole s', 8],
  ['start', 7],
  ['read', 7],
  ['decide', 8],
  ['evidence', 8],
  ['verify', 7],
  ['MiB', 6],
  ['limit', 7],
  ['vs base', 8],
  ['vs Porcupine', 13],
  ['vs other', 9],
] as const;

function line(cells: readonly string[]): string {
  return cells.map((cell, i) => cell.padEnd(columns[i]?.[1] ?? 0)).join(' ');
}

function cells(row: Row, measured: Measured, before: Measured | undefined): readonly string[] {
  const fixed = (seconds: number): string => seconds.toFixed(seconds < 10 ? 3 : 1);
  const ratio = (value: number): string => `${value.toPrecision(3)}x`;
  const isExpected = measured.verdict === String(row.valid);
  const isHonest = isExpected || (row.isOpen && measured.verdict === 'unknown');
  const { limit, porcupineSeconds } = row;
  const isKept =
    limit === undefined ||
    (measured.seconds < limit.seconds && measured.mebibytes < limit.mebibytes);
  return [
    row.name,
    isHonest ? measured.verdict : `${measured.verdict}!`,
    measured.engine,
    fixed(measured.seconds),
    fixed(measured.startSeconds),
    fixed(measured.readSeconds),
    fixed(measured.decideSeconds),
    fixed(measured.evidenceSeconds),
    fixed(measured.verifySeconds),
    measured.mebibytes.toFixed(0),
    limit === undefined ? '' : isKept ? 'kept' : 'BROKEN',
    before === undefined ? '' : ratio(measured.seconds / before.seconds),
    porcupineSeconds === undefined
      ? ''
      : porcupineSeconds === Infinity
        ? 'it gives up'
        : ratio(porcupineSeconds / measured.decideSeconds),
    measured.other === undefined ? '' : ratio(measured.other.seconds / measured.seconds),
  ];
}

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    budget: { type: 'string', default: '60s,2GiB' },
    against: { type: 'string' },
    save: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (values.help || !Number.isInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  say(HELP);
  process.exit(values.help ? 0 : 64);
}
const rows = ladder(seed).filter(({ name }) => name.includes(values.rows));
if (rows.length === 0) {
  say(`no row has "${values.rows}" in its name; --list prints them`);
  process.exit(64);
}
if (values.list) {
  for (const { name } of rows) say(name);
  process.exit(0);
}
const before = await baseline();
const directory = await mkdtemp(path.join(tmpdir(), 'gong-bench-'));
const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
process.once('SIGINT', () => void remove().then(() => process.exit(130)));
const measured: Measured[] = [];
try {
  say(`medians of ${rounds} fresh processes; "vs" columns: how many times the other takes longer,`);
  say('but for "vs base", which is this run over the stored one');
  say(line(columns.map(([name]) => name)));
  for (const row of rows) {
    const one = await measureRow(row, {
      command: [process.execPath, path.join(ROOT, 'src/cli/gong.mjs')],
      directory,
      rounds,
      budget: values.budget,
      against: values.against,
    });
    measured.push(one);
    say(line(cells(row, one, before.get(row.name))));
  }
} finally {
  await remove();
}
if (values.save) {
  const kept = new Map([...before, ...measured.map((one) => [one.row, one] as const)]);
  await mkdir(path.dirname(BASELINE), { recursive: true });
  await writeFile(BASELINE, `${JSON.stringify([...kept.values()], undefined, 2)}\n`);
  say(`kept as this machine's baseline: ${path.relative(ROOT, BASELINE)}`);
}
