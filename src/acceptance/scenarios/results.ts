import { readdirSync, readFileSync } from 'node:fs';
import { cp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { validateXML } from 'xmllint-wasm';
import { type Ended, gong, ROOT, temporary } from '../gong.ts';
import { must, type Scenario, type ScenarioContext } from '../scenario.ts';

const SCHEMAS = ['jenkins-junit.xsd', 'junit-ant.xsd'];
const DERIVED = ['junit.xml', 'summary.md', 'summary.csv', 'ops.csv'];
const GITHUB_SUMMARY_BYTES_MAX = 1024 * 1024;

/** What CI and people get of a run that passes and of one that fails, as one of GitHub's jobs. */
export const results: Scenario = {
  name: 'results',
  promise:
    'junit.xml is valid, the summary and the annotations tell the failure, gong report makes all of it again',
  async run(context) {
    await using place = await temporary();
    const run = new Runs(context, place.path);
    const passed = await run.gong('passing', ['--duration', '8s']);
    must(passed.code === 0, `the passing run ended with ${passed.code}\n${passed.stderr}`);
    const said = `${passed.stdout}${passed.stderr}`;
    must(!/^::/m.test(said), `a passing run has annotations:\n${said}`);
    await run.checkFiles('a passing run');

    const stale = ['--read-mode', 'stale', '--nemesis', 'partition:leader-minority'];
    const failed = await run.gong('failing', [...stale, '--duration', '15s']);
    must(failed.code === 1, `the failing run ended with ${failed.code}\n${failed.stderr}`);
    const annotation = failed.stdout.split('\n').find((line) => line.startsWith('::error')) ?? '';
    for (const pattern of [
      /title=Not linearizable%3A key k\d+::/,
      /%0Akey: k\d+/,
      /%0Aoperation: \w+ of k\d+ .*, line \d+ of history\.jsonl/,
      /%0Anode: n\d/,
      /%0Afault: during partition:leader-minority of n\d, n\d/,
    ]) {
      must(pattern.test(annotation), `the annotation lacks ${pattern}: ${annotation}`);
    }
    context.say(annotation.slice(0, 120));
    await run.checkFiles('a failing run');
    must(/<failure /.test(run.read('junit.xml')), 'junit.xml has no failure');
    await run.checkKnown(failed);
    await run.checkList();
  },
};

/** Runs into one results directory, as GitHub's jobs. */
class Runs {
  readonly #context: ScenarioContext;
  readonly #place: string;
  readonly #results: string;

  constructor(context: ScenarioContext, place: string) {
    this.#context = context;
    this.#place = place;
    this.#results = path.join(place, 'results');
  }

  async gong(name: string, args: readonly string[]): Promise<Ended> {
    const summary = path.join(this.#place, `${name}-summary.md`);
    const ended = await gong(['run', ...args, '--results-dir', this.#results], {
      id: this.#context.id,
      env: { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary },
    });
    const told = readFileSync(summary, 'utf8');
    must(told === this.read('summary.md'), 'the job summary is not summary.md');
    must(told.length < GITHUB_SUMMARY_BYTES_MAX, 'the job summary is too large');
    must(!ended.stdout.includes('\u001B'), 'escape sequences where there is no terminal');
    return ended;
  }

  get latest(): string {
    return path.join(this.#results, 'latest');
  }

  read(name: string): string {
    return readFileSync(path.join(this.latest, name), 'utf8');
  }

  /** Valid by the schemas, and made again byte for byte: in place and elsewhere. */
  async checkFiles(name: string): Promise<void> {
    await this.#checkSchema();
    const operations = this.read('history.jsonl').match(/"type":"invoke"/g)?.length ?? 0;
    const rows = this.read('ops.csv').trimEnd().split('\n').length - 1;
    must(rows === operations, `${rows} rows in ops.csv for ${operations} operations`);
    const first = this.#derivedIn(this.latest);
    const moved = path.join(this.#place, 'moved');
    await cp(this.latest, moved, { recursive: true, dereference: true });
    for (const directory of [this.latest, moved]) {
      for (const file of DERIVED) await rm(path.join(directory, file));
      await rm(path.join(directory, 'failure'), { recursive: true, force: true });
      const ended = await gong(['report', directory], { id: this.#context.id });
      must(ended.code === 0, `gong report ended with ${ended.code}\n${ended.stderr}`);
      const again = this.#derivedIn(directory);
      must(again.size === first.size, `gong report wrote ${[...again.keys()].join(', ')}`);
      for (const [file, bytes] of first) {
        must(again.get(file) === bytes, `${file} is another one after gong report`);
      }
    }
    await rm(moved, { recursive: true });
    this.#context.say(`${name}: ${[...first.keys()].join(', ')} made again, byte for byte`);
  }

  async #checkSchema(): Promise<void> {
    const contents = this.read('junit.xml');
    for (const name of SCHEMAS) {
      const schema = readFileSync(path.join(ROOT, 'src/report/testdata', name), 'utf8');
      const { valid, rawOutput } = await validateXML({
        xml: { fileName: 'junit.xml', contents },
        schema: [schema],
      });
      must(valid, `junit.xml by ${name}: ${rawOutput}`);
    }
  }

  #derivedIn(directory: string): ReadonlyMap<string, string> {
    const failure = readdirSync(directory).includes('failure')
      ? readdirSync(path.join(directory, 'failure')).map((name) => path.join('failure', name))
      : [];
    const files = [...DERIVED, ...failure].toSorted();
    return new Map(files.map((file) => [file, readFileSync(path.join(directory, file), 'latin1')]));
  }

  /** The failing run's violation, known, expired, and of another workload; by its history again. */
  async checkKnown(failed: Ended): Promise<void> {
    const entry = {
      target: 'raft',
      workload: 'register',
      check: 'linearizable',
      reason: 'stale reads were asked for',
    };
    const file = path.join(this.#place, 'known.json');
    for (const [expires, workload, code, says] of [
      ['2999-12-31', 'register', 0, /known until 2999-12-31: .*stale reads were asked for/],
      ['2001-01-01', 'register', 1, /expired on 2001-01-01/],
      ['2999-12-31', 'other', 1, /1 more in .* for other targets or workloads/],
    ] as const) {
      await writeFile(file, JSON.stringify([{ ...entry, expires, workload }]));
      const args = ['check', this.latest, '--expect', file];
      const ended = await gong(args, { id: this.#context.id });
      must(ended.code === code, `exit ${ended.code} with ${expires} ${workload}\n${ended.stdout}`);
      must(says.test(ended.stdout), `not said: ${says}\n${ended.stdout}`);
      must(ended.stdout.includes('NOT LINEARIZABLE'), 'the verdict was hidden');
    }
    must(failed.stdout.includes('NOT LINEARIZABLE'), 'the run itself did not say so');
    await writeFile(file, JSON.stringify([{ ...entry, expires: '2999-12-31' }]));
    const gone = await this.gong('gone', ['--duration', '5s', '--expect', file]);
    must(gone.code === 0, `a violation that was not seen: exit ${gone.code}\n${gone.stderr}`);
    must(/was not seen: .*remove it from/.test(gone.stdout), `not said:\n${gone.stdout}`);
    must(/^::warning .*was not seen/m.test(gone.stdout), 'no warning that it was not seen');
    this.#context.say(
      'a known violation exits 0 and says so, an expired one 1, a vanished one warns',
    );
  }

  async checkList(): Promise<void> {
    const args = ['ls', '--results-dir', this.#results];
    const text = (await gong(args, { id: this.#context.id })).stdout;
    const list = JSON.parse((await gong([...args, '--json'], { id: this.#context.id })).stdout);
    must(list.schema === 1 && list.runs.length === 3, `not three runs: ${JSON.stringify(list)}`);
    const exits = list.runs.map((run: { readonly exit: number }) => run.exit);
    must(exits.join() === '0,1,0', `exits ${exits.join()}, newest first`);
    must(text.trimEnd().split('\n').length === 4, `not three rows:\n${text}`);
    this.#context.say('gong ls lists them, the newest first');
  }
}
