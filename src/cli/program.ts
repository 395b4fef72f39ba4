import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import type { CheckFlags } from './check.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { exitCodeOf, failureMessage, stackOf, usageError } from './failure-message.ts';
import type { ListFlags } from './ls.ts';
import type { ReportFlags } from './report.ts';
import type { NemesesFlags } from './nemeses.ts';
import type { RunHooks, runVerb } from './run.ts';
import type { RunFlags } from './run-config.ts';
import type { SimFlags } from './sim-flags.ts';
import type { WorkloadsFlags } from './workloads.ts';

/**
 * Runs one command line. The verbs are loaded when they are called: `gong --help` reads none of them.
 *
 * @param argv - without `node` and the script
 * @param hooks - for acceptance runs
 * @returns the exit code
 */
export async function runProgram(argv: readonly string[], hooks: RunHooks = {}): Promise<ExitCode> {
  let code: ExitCode = EXIT.pass;
  // What the flags of this verb may name stands in its modules, which it needs anyway.
  const names = argv.includes('check') ? await namesForCheck() : undefined;
  const program = makeProgram({ argv, hooks, names, setExit: (exit) => (code = exit) });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return onParserExit(error);
    process.stderr.write(failureMessage(error));
    if (argv.includes('--verbose')) process.stderr.write(stackOf(error));
    return exitCodeOf(error);
  }
}

/** Help and version end with 0; everything else that the parser refuses is usage. */
function onParserExit(error: CommanderError): ExitCode {
  if (error.exitCode === 0) return EXIT.pass;
  // Without a verb the parser prints its help and calls that an error.
  if (error.code === 'commander.help') return EXIT.usage;
  const message = error.message.replace(/^error: /, '');
  process.stderr.write(
    failureMessage(
      usageError({
        code: 'GONG-E061',
        what: message,
        why: 'the command line has no such word, or the word has no such value',
        fix: 'gong --help lists the commands, gong COMMAND --help its options',
      }),
    ),
  );
  return EXIT.usage;
}

interface ProgramParts {
  readonly argv: readonly string[];
  readonly hooks: RunHooks;
  readonly names: CheckNames | undefined;
  readonly setExit: (code: ExitCode) => void;
}

function makeProgram({ argv, hooks, names, setExit }: ProgramParts): Command {
  const program = new Command('gong')
    .description('Finds out whether a replicated store keeps its promises, and what they cost.')
    .version(packageJson.version, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError(true);
  addRun(program, (flags, runVerb) => runVerb(flags, argv, hooks).then(setExit));
  addCheck(program, names, setExit);
  addSim(program, setExit);
  addList(program, setExit);
  addReport(program, setExit);
  addNemeses(program, setExit);
  addWorkloads(program, setExit);
  return program;
}

function addRun(
  program: Command,
  begin: (flags: RunFlags, verb: typeof runVerb) => Promise<void>,
): void {
  program
    .command('run')
    .description('run clients against a cluster, break it, and judge what they saw')
    .addOption(
      new Option('--target <name>', 'the system under test, or a file: ./my-target.ts').default(
        'raft',
      ),
    )
    .addOption(new Option('--cluster <kind>', 'where its nodes run').default('local'))
    .option('--endpoints <urls>', 'the nodes of a cluster that runs already, by comma')
    .option('--nodes <n>', 'number of nodes (default: 5)')
    .option('--workload <name>', 'what clients do', 'register')
    .option('--duration <time>', 'how long clients run', '30s')
    .option(
      '--concurrency <n>',
      'logical clients, or with --rate the most operations in flight',
      '10',
    )
    .option('--rate <n/s>', 'open loop at this rate; latency counts from the intended start')
    .option('--operation-timeout <time>', 'how long a client waits for one answer', '1.5s')
    .option('--key-ops <n>', 'operations per key before a new key takes its place', '200')
    .option('--values <n>', 'draw written values from 0..n-1 instead of unique ones')
    .option(
      '--nemesis <kinds>',
      'faults, such as partition,kill or partition:leader-minority',
      'none',
    )
    .option('--nemesis-interval <time>', 'from one fault to the next', '5s')
    .option('--hook-timeout <time>', 'for each call of a script of --nemesis exec:FILE', '30s')
    .option('--schedule <file>', 'repeat the faults of a run directory, or those that a file names')
    .addOption(
      new Option(
        '--threshold <condition>',
        "'p99(read) < 50ms', 'unavailable < 3s', 'ok(write) > 99%'; repeatable",
      )
        .argParser(append)
        .default([], 'none'),
    )
    .option('--spares <n>', 'nodes beside the members, to be added (2 where members are to change)')
    .option('--read-mode <mode>', 'how reads are asked for: linearizable, lease, stale')
    .option('--read-from <whom>', 'who is asked for reads: any, leader, follower', 'any')
    .addOption(
      new Option('--set <name=value>', 'a tunable of the target, or workload.NAME; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .option('--base-port <port>', 'use the ports from here on instead of free ones')
    .option('--seed <seed>', 'repeats the plan of faults and the operations drawn')
    .option('--budget <time,size>', 'what the checker may use', '60s,2GiB')
    .option('--expect <file>', 'known failures: violations that do not fail the run')
    .option('--stop-on-violation', 'end the run at the first violation')
    .option('--max-disk <size>', 'end the run before it has written more, such as 2GiB')
    .option('--dry-run', 'print the plan and start nothing')
    .option('--results-dir <dir>', 'where run directories go', 'results')
    .option('--json', 'the result as JSON on standard output')
    .option('--verbose', 'more of what happens, on standard error')
    .action(async (flags: RunFlags) => {
      const verb = await import('./run.ts');
      await begin(flags, verb.runVerb);
    });
}

/** What `--model` and `--engine` may name. */
interface CheckNames {
  readonly models: string;
  readonly engines: string;
}

async function namesForCheck(): Promise<CheckNames> {
  const { MODELS } = await import('../../checker/index.ts');
  const { ENGINE_FLAGS } = await import('./check.ts');
  return { models: [...MODELS.keys()].join(', '), engines: ENGINE_FLAGS.join(', ') };
}

function addCheck(
  program: Command,
  names: CheckNames | undefined,
  setExit: (code: ExitCode) => void,
): void {
  program
    .command('check')
    .description('judge recorded histories: JSONL files, or run directories')
    .argument('<files...>', 'history.jsonl files or run directories')
    .option('--model <name>', `what a correct object does: ${names?.models ?? ''}`)
    .option('--expect <file>', 'known failures: violations that do not count, of run directories')
    .option('--budget <time,size>', 'what the checker may use for each file', '60s,2GiB')
    .option('--engine <name>', `how it is decided: ${names?.engines ?? ''}`, 'auto')
    .option('--verify', 'replay the order that proves a key linearizable (the default)', true)
    .option('--no-verify', 'do not')
    .option('--explain', 'write explain.md, with timelines, for what is not linearizable')
    .option('--explain-dir <dir>', 'the same, into this directory')
    .option('--json', 'one line of JSON per file on standard output')
    .option('--verbose', 'more of what happens, on standard error')
    .action(async (files: string[], flags: CheckFlags) => {
      const { checkVerb } = await import('./check.ts');
      setExit(await checkVerb(files, flags));
    });
}

function addSim(program: Command, setExit: (code: ExitCode) => void): void {
  program
    .command('sim')
    .description('search the reference node for bugs in simulated time: seeds, faults, invariants')
    .option('--seeds <a..b>', 'seeds to run, until one fails (default: 1..100)')
    .option('--seed <seed>', 'one run, the same every time')
    .option('--schedule <file>', 'one run from a schedule.json or shrunk.json')
    .option('--sim-time <time>', 'how long clients and faults go on, simulated (default: 60s)')
    .option('--nodes <n>', 'number of nodes (default: each seed draws its own)')
    .option('--workload <name>', 'what clients do (default: each seed draws its own)')
    .option(
      '--drift-beyond-bound',
      'leases everywhere, on clocks that are more wrong than raft.leaseDrift allows: they must be caught',
    )
    .option('--defect <name>', 'plant a bug in every node')
    .option('--defects', 'hunt every planted bug, and say what finds it')
    .option('--duration <time>', 'begin no other seed after so much time')
    .option('--threads <n>', 'worker threads (default: one per core)')
    .option('--trace <file>', 'write what happens in one run, a lane for each node')
    .option('--trace-level <level>', 'story: what matters; full: every step', 'story')
    .option('--shrink', 'look for the smallest schedule that fails in the same way', true)
    .option('--no-shrink', 'do not')
    .option('--results-dir <dir>', 'where directories of failed runs go', 'results')
    .option('--json', 'the result as JSON on standard output')
    .option('--verbose', 'more of what happens, on standard error')
    .action(async (flags: SimFlags) => {
      const { simVerb } = await import('./sim.ts');
      setExit(await simVerb(flags));
    });
}

function addList(program: Command, setExit: (code: ExitCode) => void): void {
  program
    .command('ls')
    .description('list runs, the newest first')
    .option('--results-dir <dir>', 'where run directories are', 'results')
    .option('--limit <n>', 'how many at most', '20')
    .option('--json', 'the list as JSON on standard output')
    .option('--verbose', 'more of what happens, on standard error')
    .action(async (flags: ListFlags) => {
      const { listVerb } = await import('./ls.ts');
      setExit(await listVerb(flags));
    });
}

function addReport(program: Command, setExit: (code: ExitCode) => void): void {
  program
    .command('report')
    .description('make everything again that is derived from a run directory, ops.csv included')
    .argument('<dir>', 'a run directory, such as results/latest')
    .option('--json', 'the result as JSON on standard output')
    .option('--verbose', 'more of what happens, on standard error')
    .action(async (directory: string, flags: ReportFlags) => {
      const { reportVerb } = await import('./report.ts');
      setExit(await reportVerb(directory, flags));
    });
}

function addNemeses(program: Command, setExit: (code: ExitCode) => void): void {
  program
    .command('nemeses')
    .description('list what may be broken: kinds, shapes, where, and what a run asks to see of it')
    .option('--json', 'the same as JSON')
    .action(async (flags: NemesesFlags) => {
      const { nemesesVerb } = await import('./nemeses.ts');
      setExit(nemesesVerb(flags));
    });
}

function addWorkloads(program: Command, setExit: (code: ExitCode) => void): void {
  program
    .command('workloads')
    .description('list what clients may do: functions, models, settings, and what it finds')
    .option('--json', 'the same as JSON')
    .action(async (flags: WorkloadsFlags) => {
      const { workloadsVerb } = await import('./workloads.ts');
      setExit(workloadsVerb(flags));
    });
}

/** Read with everything else, when the workload is known. */
function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

function collect(value: string, before: readonly string[]): readonly string[] {
  if (!/^[^=]+=/.test(value)) throw new InvalidArgumentError('it takes NAME=VALUE.');
  return [...before, value];
}
