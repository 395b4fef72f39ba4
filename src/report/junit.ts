import type { StoredVerdict } from './verdict-file.ts';
import { meaningOfExit } from './exit-text.ts';
import { describeExit, describeFaultsInForce } from './fault-text.ts';
import { describeApplied, describeExpectation, excuseOf } from './known-failures.ts';
import { printable, shortened } from './markdown.ts';
import type { RunRecord } from './record.ts';
import { optionOf } from './command-line.ts';
import { thresholdsOf } from './thresholds.ts';
import { type Culprit, culprits } from './verdict-file.ts';
import { writeXml, type XmlElement } from './xml.ts';

/** Keys that hold are counted together, so many to a test case; more when there are very many. */
const KEYS_PER_CASE = 100;
const KEY_CASES_MAX = 500;
/** Keys that failed or were not decided and have a test case of their own. */
const OWN_CASES_MAX = 200;
const NAME_MAX = 200;
const DETAILS_MAX = 10_000;

interface TestCase {
  readonly name: string;
  readonly result: Passed | Failed | Skipped;
}

interface Passed {
  readonly type: 'passed';
}

interface Failed {
  /** `failure`: the store, or a bound. `error`: it could not be found out. */
  readonly type: 'failure' | 'error';
  /** `linearizable`, `gate`, …: what kind of failure. */
  readonly kind: string;
  readonly message: string;
  readonly details?: readonly string[];
}

interface Skipped {
  readonly type: 'skipped';
  readonly message: string;
}

interface Suite {
  readonly name: string;
  readonly seconds: number;
  readonly cases: readonly TestCase[];
}

const PASSED: Passed = { type: 'passed' };

/**
 * `junit.xml`: one suite each for keys, gates, thresholds, known failures and the run itself. Element
 * for element what Ant writes, the strictest reader's form, which Jenkins, GitLab and GitHub's actions
 * read as well. The number of test cases is bounded.
 */
export function junitXml(record: RunRecord): string {
  const suites = [
    keySuite(record),
    gateSuite(record),
    thresholdSuite(record),
    expectationSuite(record),
    runSuite(record),
  ].filter(({ cases }) => cases.length > 0);
  return writeXml({
    name: 'testsuites',
    children: suites.map((suite, id) => suiteElement(suite, id, record)),
  });
}

function keySuite({ verdict, outcome }: RunRecord): Suite {
  const name = 'linearizable';
  if (verdict === undefined) return { name, seconds: 0, cases: [] };
  const all = culprits(verdict);
  const failed = all.slice(0, OWN_CASES_MAX).map((culprit): TestCase => {
    const failure = verdict.failures.find(({ key }) => key === culprit.key);
    const excuse =
      failure === undefined ? undefined : excuseOf(outcome?.expectations ?? null, failure);
    const known = excuse === undefined ? '' : `known until ${excuse.expires}: ${excuse.reason}; `;
    const result: Failed | Skipped =
      excuse === undefined
        ? violation(culprit)
        : { type: 'skipped', message: `${known}${culprit.sentence}` };
    return { name: keyName(culprit.key), result };
  });
  const unnamed = verdict.keys.invalid - failed.length;
  if (unnamed > 0) {
    const excused = outcome?.expectations?.excuses === true;
    const message = `${unnamed} more ${unnamed === 1 ? 'key is' : 'keys are'} not linearizable`;
    failed.push({
      name: 'more keys that failed',
      result: excused
        ? { type: 'skipped', message: `known; ${message}` }
        : { type: 'failure', kind: 'linearizable', message },
    });
  }
  const cases = [...failed, ...undecided(verdict), ...validGroups(verdict)];
  return { name, seconds: verdict.elapsedNs / 1e9, cases };
}

function violation({ sentence, operation, node, faults }: Culprit): Failed {
  return {
    type: 'failure',
    kind: 'linearizable',
    message: sentence,
    details: [
      sentence,
      `operation: ${operation.description}, line ${operation.id + 1} of history.jsonl`,
      `node: ${node ?? 'not known'}`,
      `fault: ${describeFaultsInForce(faults)}`,
    ],
  };
}

function undecided({ unknown, keys }: StoredVerdict): readonly TestCase[] {
  const cases = unknown.slice(0, OWN_CASES_MAX).map(({ key, reason, operations }): TestCase => {
    const message = `not decided (${reason}), ${operations} operations`;
    return { name: keyName(key), result: { type: 'error', kind: 'unknown', message } };
  });
  const more = keys.unknown - cases.length;
  if (more > 0) {
    const message = `${more} more ${more === 1 ? 'key was' : 'keys were'} not decided`;
    cases.push({
      name: 'more keys that were not decided',
      result: { type: 'error', kind: 'unknown', message },
    });
  }
  return cases;
}

/** Their names are in the history alone, and mean nothing to CI: they are counted. */
function validGroups({ keys, completed, valid }: StoredVerdict): readonly TestCase[] {
  if (keys.total === 0 || completed === 0) {
    const result: Failed = {
      type: 'error',
      kind: 'proved-nothing',
      message: 'no operation completed: nothing was proved',
    };
    return valid === true ? [{ name: 'the history', result }] : [];
  }
  const size = Math.max(KEYS_PER_CASE, Math.ceil(keys.valid / KEY_CASES_MAX));
  const cases: TestCase[] = [];
  for (let first = 1; first <= keys.valid; first += size) {
    const last = Math.min(first + size - 1, keys.valid);
    cases.push({ name: `keys that hold, ${first} to ${last}`, result: PASSED });
  }
  return cases;
}

function gateSuite({ gateFailures, outcome }: RunRecord): Suite {
  const failed = gateFailures.map(({ gate, sentence }): TestCase => {
    return { name: gate, result: { type: 'failure', kind: 'gate', message: sentence } };
  });
  const kept = (outcome?.gatesKept ?? []).map((name): TestCase => ({ name, result: PASSED }));
  return { name: 'gates', seconds: 0, cases: [...failed, ...kept] };
}

function thresholdSuite({ statistics }: RunRecord): Suite {
  const cases = thresholdsOf(statistics).map(({ text, shown, kept }): TestCase => {
    const broken: Failed = { type: 'failure', kind: 'threshold', message: `${text}: ${shown}` };
    return { name: text, result: kept ? PASSED : broken };
  });
  return { name: 'thresholds', seconds: 0, cases };
}

function expectationSuite({ outcome }: RunRecord): Suite {
  const { entries = [], file = '' } = outcome?.expectations ?? {};
  const cases = entries.map((entry): TestCase => {
    const message = describeApplied(entry, file);
    const name = describeExpectation(entry.expectation);
    const expired: Failed = { type: 'failure', kind: 'expired', message };
    const result: Record<typeof entry.outcome, TestCase['result']> = {
      seen: PASSED,
      expired,
      'not-seen': { type: 'skipped', message },
      undecided: { type: 'skipped', message },
    };
    return { name, result: result[entry.outcome] };
  });
  return { name: 'known failures', seconds: 0, cases };
}

/** What went wrong beside the store: CI shows it as an error, worth a retry. */
function runSuite({ outcome, exits, verdict, statistics, missing }: RunRecord): Suite {
  const ended: Failed[] = exits.map((exit) => {
    return { type: 'error', kind: 'node', message: describeExit(exit) };
  });
  const errors = (outcome?.errors ?? []).map(({ code, what, why }): Failed => {
    return { type: 'error', kind: code, message: `${what}: ${why}` };
  });
  const cases: TestCase[] = [...errors, ...ended].map((result, i) => {
    return { name: `${result.kind} (${i + 1})`, result };
  });
  const isInterrupted = outcome?.interrupted === true;
  if (outcome === undefined || isInterrupted || verdict === undefined) {
    const message = isInterrupted ? 'the run was interrupted' : 'the run is not whole';
    const whole: Failed = { type: 'error', kind: 'partial', message, details: missing };
    cases.push({ name: 'the run reached its end', result: whole });
  } else cases.push({ name: 'the run reached its end', result: PASSED });
  const seconds = statistics === undefined ? 0 : (statistics.endNs - statistics.startNs) / 1e9;
  return { name: 'run', seconds, cases };
}

function suiteElement({ name, seconds, cases }: Suite, id: number, record: RunRecord): XmlElement {
  const { manifest, outcome } = record;
  const count = (type: TestCase['result']['type']): number =>
    cases.filter(({ result }) => result.type === type).length;
  const packageName = ['gong', manifest?.target, manifest?.workload]
    .filter((part) => part !== undefined)
    .map((part) => token(part))
    .join('.');
  const properties = {
    seed: manifest?.seed,
    nodes: manifest?.nodes,
    model: manifest?.model,
    nemesis: manifest === undefined ? undefined : optionOf(manifest.config, 'nemesis'),
    gong: manifest?.gong,
    exit: outcome === undefined ? undefined : `${outcome.exit} ${meaningOfExit(outcome.exit)}`,
  };
  return {
    name: 'testsuite',
    attributes: {
      name,
      package: packageName,
      id,
      // Without its zone, as the form wants it: UTC.
      timestamp: manifest?.startedAt.slice(0, 19) ?? '1970-01-01T00:00:00',
      hostname: 'localhost',
      tests: cases.length,
      failures: count('failure'),
      errors: count('error'),
      // An older schema knows the element and not the count.
      skipped: count('skipped') || undefined,
      time: seconds.toFixed(3),
    },
    children: [
      {
        name: 'properties',
        children: Object.entries(properties)
          .filter(([, value]) => value !== undefined)
          .map(([key, value]) => ({
            name: 'property',
            attributes: { name: key, value: printable(shortened(String(value))) },
          })),
      },
      ...cases.map((each) => caseElement(each, `${packageName}.${name}`)),
      { name: 'system-out', text: '' },
      { name: 'system-err', text: '' },
    ],
  };
}

function caseElement({ name, result }: TestCase, classname: string): XmlElement {
  const attributes = { name: token(name), classname, time: '0.000' };
  if (result.type === 'passed') return { name: 'testcase', attributes };
  const message = printable(shortened(result.message, DETAILS_MAX));
  if (result.type === 'skipped') {
    // Not as an attribute: an older schema knows none.
    const skipped = { name: 'skipped', text: message };
    return { name: 'testcase', attributes, children: [skipped] };
  }
  const { type, kind, details = [result.message] } = result;
  const lines = details.map((line) => printable(shortened(line, DETAILS_MAX)));
  return {
    name: 'testcase',
    attributes,
    children: [{ name: type, attributes: { message, type: kind }, text: lines.join('\n') }],
  };
}

function keyName(key: string | null): string {
  return key === null ? 'the object' : `key ${key}`;
}

/** What XML calls a token: no line breaks, no blanks at its ends, single ones inside; bounded. */
function token(text: string): string {
  const words = printable(shortened(text, NAME_MAX)).replaceAll(/\s+/g, ' ').trim();
  return words === '' ? '?' : words;
}
