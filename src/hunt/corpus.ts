import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFECTS } from '../raft/defects/index.ts';
import { INVARIANTS } from '../sim/invariants/report.ts';
import type { Violation } from '../sim/violation.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario } from './scenario.ts';
import { readJsonFile, readScenario } from './scenario-file.ts';
import { oneOf, orNull, record, text, whole } from './typed-json.ts';

/** A scenario that once failed. On the paper's node it must not fail again. */
export interface CorpusEntry {
  /** Its file's, without the ending. */
  readonly name: string;
  /** What happened, one sentence. */
  readonly about: string;
  /** The version of the node in which it failed. */
  readonly foundIn: string;
  /** With this planted defect it must fail today; null for a bug that is mended. */
  readonly defect: string | null;
  /** The name of the invariant that broke. */
  readonly finds: string;
  readonly scenario: Scenario;
}

const DIRECTORY = fileURLToPath(new URL('./testdata/corpus/', import.meta.url));
const SCHEMA = 1;

const entry = record<Omit<CorpusEntry, 'name'> & { readonly schema: number }>({
  schema: whole(SCHEMA, SCHEMA),
  about: text,
  foundIn: text,
  defect: orNull(oneOf([...DEFECTS.keys()])),
  finds: oneOf([
    ...Object.keys(INVARIANTS),
    'linearizability',
    'liveness-leader',
    'liveness-progress',
  ]),
  scenario: readScenario,
});

/**
 * The scenarios that once failed, by name.
 *
 * @throws UserError (`usage`, GONG-E157) when one is malformed
 */
export function readCorpus(directory: string = DIRECTORY): readonly CorpusEntry[] {
  const files = readdirSync(directory).filter((file) => file.endsWith('.json'));
  return files.toSorted().map((file) => {
    const { schema: _, ...read } = readJsonFile(join(directory, file), entry);
    return { name: file.slice(0, -'.json'.length), ...read };
  });
}

export interface CorpusFailure {
  readonly entry: CorpusEntry;
  readonly violation: Violation;
}

export interface CorpusResult {
  readonly ran: number;
  readonly failure: CorpusFailure | undefined;
  readonly simulatedNs: number;
}

/** Runs what once failed on the paper's node, in order, until one fails again or the signal comes. */
export async function runCorpus(
  options: {
    readonly entries?: readonly CorpusEntry[];
    readonly signal?: AbortSignal;
    readonly onRun?: (entry: CorpusEntry) => void;
  } = {},
): Promise<CorpusResult> {
  let ran = 0;
  let simulatedNs = 0;
  for (const one of options.entries ?? readCorpus()) {
    if (options.signal?.aborted === true) break;
    options.onRun?.(one);
    const result = await runScenario(one.scenario);
    ran += 1;
    simulatedNs += result.simulatedNs;
    const { violation } = result;
    if (violation !== undefined) return { ran, failure: { entry: one, violation }, simulatedNs };
    // The signal's own event must have its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { ran, failure: undefined, simulatedNs };
}
