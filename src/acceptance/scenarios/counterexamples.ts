import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MODELS, pair, type HistoryEvent, type Json } from '../../../checker/index.ts';
import { generateHistory, type HistoryOptions } from '../../bench/checker/history.ts';
import { gong, ROOT, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

interface Member {
  readonly id: number;
  readonly f: string;
  readonly key: string | null;
  readonly input: Json;
  readonly output: Json;
  readonly returnIndex: number | null;
  readonly isWeak: boolean;
  readonly isOwn: boolean;
}

interface Verdict {
  readonly file: string;
  readonly valid: boolean | 'unknown' | null;
  readonly model: string;
  readonly failures: readonly {
    readonly key: string | null;
    readonly counterexample: {
      readonly isMinimal: boolean;
      readonly operations: readonly Member[];
    } | null;
  }[];
}

interface Case {
  readonly file: string;
  readonly model: string;
  /** At most so many operations, own ones included. */
  readonly most: number;
}

/** A history that was made of a counterexample, and what the general search must say of it. */
interface Derived {
  readonly file: string;
  readonly valid: boolean;
  readonly events: number;
}

/** Up to here the general search is asked, which shares nothing with the engine that refuted. */
const EVENTS_FOR_SEARCH = 26;
const AT_ONCE = 200;
/** Of a register's history with one stale read. */
const STALE_READ_MOST = 12;

/** The claim of every counterexample is put to the general search, as histories of its own. */
export const counterexamples: Scenario = {
  name: 'counterexamples',
  promise: 'every counterexample is illegal, and legal as soon as one operation is weakened',
  async run({ id, isShort, say }) {
    await using directory = await temporary();
    const cases = [...corpusCases(), ...(await generated(directory.path, isShort ? 40 : 500))];
    let operations = 0;
    let largest = 0;
    let checked = 0;
    for (const [model, some] of Map.groupBy(cases, (one) => one.model)) {
      const verdicts = await check(
        some.map(({ file }) => file),
        ['--model', model],
        id,
      );
      const derived: Derived[] = [];
      for (const [i, verdict] of verdicts.entries()) {
        must(verdict.valid === false, `${verdict.file}: ${verdict.valid}`);
        const events = await readEvents(verdict.file);
        for (const { key, counterexample } of verdict.failures) {
          const name = `${verdict.file}, key ${key}`;
          must(counterexample !== null, `${name}: no counterexample`);
          must(counterexample.isMinimal, `${name}: not minimal`);
          const size = counterexample.operations.length;
          must(size <= (some[i]?.most ?? 0), `${name}: ${size} operations`);
          operations += size;
          largest = Math.max(largest, size);
          checked++;
          const stem = path.join(directory.path, `derived-${checked}`);
          derived.push(...(await derive(events, counterexample.operations, model, stem)));
        }
      }
      // A lost element of a queue needs every dequeue before: more than the general search can order.
      for (const [engine, few] of Map.groupBy(derived, engineFor)) {
        const files = few.map(({ file }) => file);
        const results = await check(files, ['--model', model, '--engine', engine], id);
        for (const [at, { file, valid }] of results.entries()) {
          const expected = few[at]?.valid;
          must(valid === expected, `${file} is ${valid}, expected ${expected}`);
        }
      }
      say(`${model}: ${verdicts.length} histories, ${derived.length} derived ones as expected`);
    }
    must(checked > 0, 'there are counterexamples');
    say(
      `${checked} counterexamples of ${(operations / checked).toFixed(1)} operations, at most ${largest}`,
    );
  },
};

function engineFor({ events }: Derived): 'wgl' | 'auto' {
  return events <= EVENTS_FOR_SEARCH ? 'wgl' : 'auto';
}

/** Many files for each process. */
async function check(
  files: readonly string[],
  flags: readonly string[],
  id: string,
): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  for (let i = 0; i < files.length; i += AT_ONCE) {
    const some = files.slice(i, i + AT_ONCE);
    const ended = await gong(['check', ...some, '--json', ...flags], { id });
    const lines = ended.stdout.trimEnd().split('\n');
    must(lines.length === some.length, `exit ${ended.code}: ${ended.stderr.slice(0, 2000)}`);
    verdicts.push(...lines.map((line) => JSON.parse(line)));
  }
  return verdicts;
}

async function readEvents(file: string): Promise<readonly HistoryEvent[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

/** The counterexample as a history, and one more for each completed operation, weakened. */
async function derive(
  events: readonly HistoryEvent[],
  members: readonly Member[],
  modelName: string,
  stem: string,
): Promise<readonly Derived[]> {
  const model = MODELS.get(modelName);
  must(model !== undefined, `there is a model ${modelName}`);
  const byId = new Map(members.map((member) => [member.id, member]));
  const own = members.filter(({ isOwn }) => isOwn).flatMap(ownEvents);
  // Each at its position; the checker's own have none of the history's.
  const chosen = [...own, ...eventsOf(events, byId)]
    .toSorted((a, b) => a.index - b.index)
    .map((event, index) => ({ ...event, index }));
  const paired = pair(chosen);
  must(paired.ok, `${stem}: no history`);
  const strong = paired.history.operations.filter(({ outcome }) => outcome === 'ok');
  const written: Derived[] = [];
  const write = async (suffix: string, some: readonly HistoryEvent[], valid: boolean) => {
    const file = `${stem}-${suffix}.jsonl`;
    const lines = some.map((event, index) => `${JSON.stringify({ ...event, index })}\n`);
    await writeFile(file, lines.join(''));
    written.push({ file, valid, events: some.length });
  };
  await write('whole', chosen, false);
  for (const operation of strong) {
    const isDropped = model.isReadOnly(operation);
    const rest = chosen.filter(
      ({ index }) => index !== operation.return && !(isDropped && index === operation.invoke),
    );
    await write(`without-${operation.id}`, rest, true);
  }
  return written;
}

/** The events of the members in the order of the history; weak ones do not complete. */
function eventsOf(
  events: readonly HistoryEvent[],
  byId: ReadonlyMap<number, Member>,
): readonly HistoryEvent[] {
  const underWay = new Map<number | 'nemesis', Member | undefined>();
  return events
    .filter((event) => {
      if (event.process === 'nemesis') return false;
      if (event.type === 'invoke') {
        const member = byId.get(event.index);
        underWay.set(event.process, member);
        return member !== undefined;
      }
      return event.type === 'ok' && underWay.get(event.process)?.isWeak === false;
    })
    .map((event, i, all) => withProcess(event, i, all));
}

/** A process whose operation was weakened goes on in the history, so every operation gets its own. */
function withProcess(event: HistoryEvent, at: number, all: readonly HistoryEvent[]): HistoryEvent {
  const invoked =
    event.type === 'invoke'
      ? at
      : all.findLastIndex(
          (other, i) => i < at && other.process === event.process && other.type === 'invoke',
        );
  return { ...event, process: invoked };
}

/** The checker's own, which begin before all else. */
function ownEvents(
  { id, f, key, input, output, returnIndex }: Member,
  at: number,
): readonly HistoryEvent[] {
  const common = { time: 0, process: 1_000_000_000 + at, f, ...(key === null ? {} : { key }) };
  const invoke = { ...common, index: id, type: 'invoke', value: input } as const;
  return returnIndex === null
    ? [invoke]
    : [invoke, { ...common, index: returnIndex, type: 'ok', value: output }];
}

function corpusCases(): readonly Case[] {
  const directory = path.resolve(ROOT, '../shared/corpus');
  if (!existsSync(directory)) {
    must(!(process.env['GONG_REQUIRE'] ?? '').includes('corpus'), 'the corpus is missing');
    return [];
  }
  const index: readonly { file: string; format: string; model: string; valid: boolean }[] =
    JSON.parse(readFileSync(path.join(directory, 'index.json'), 'utf8'));
  return index
    .filter(({ format, valid }) => format === 'jsonl' && !valid)
    .map(({ file, model }) => ({ file: path.join(directory, file), model, most: Infinity }));
}

const SHAPES: readonly {
  readonly model: string;
  readonly most: number;
  readonly options: Partial<HistoryOptions> & Pick<HistoryOptions, 'object'>;
}[] = [
  { model: 'register', most: STALE_READ_MOST, options: { object: 'register' } },
  { model: 'register', most: STALE_READ_MOST, options: { object: 'register', values: 5 } },
  { model: 'register', most: STALE_READ_MOST, options: { object: 'register', crashRate: 0.03 } },
  { model: 'cas-register', most: STALE_READ_MOST, options: { object: 'register', casShare: 0.3 } },
  {
    model: 'cas-register',
    most: STALE_READ_MOST,
    options: { object: 'register', casShare: 0.3, values: 5 },
  },
  {
    model: 'cas-register',
    most: Infinity,
    options: { object: 'register', casShare: 0.3, values: 5, isCasObserved: true, crashRate: 0.01 },
  },
  { model: 'queue', most: Infinity, options: { object: 'queue' } },
  { model: 'set', most: Infinity, options: { object: 'set', readShare: 0.05 } },
  { model: 'mutex', most: Infinity, options: { object: 'lock' } },
];

async function generated(directory: string, count: number): Promise<readonly Case[]> {
  const cases: Case[] = [];
  for (let seed = 0; seed < count; seed++) {
    const shape = SHAPES[seed % SHAPES.length];
    must(shape !== undefined, 'a shape');
    const { model, most, options } = shape;
    const operations = [100, 300, 1000][seed % 3] ?? 100;
    const file = path.join(directory, `generated-${seed}.jsonl`);
    const clients = 3 + (seed % 8);
    const text = generateHistory({ ...options, seed, operations, clients, violationAt: 0.4 });
    await writeFile(file, [...text].join(''));
    cases.push({ file, model, most });
  }
  return cases;
}
