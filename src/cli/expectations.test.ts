import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { JudgeVerdict } from '../judge/index.ts';
import { describeExpectations } from '../report/index.ts';
import type { Expectation } from '../rundir/expectations.ts';
import { exitOfVerdict } from './check.ts';
import { EXIT } from './exit-codes.ts';
import { applyExpectations, expectationsOf, readExpectations } from './expectations.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gong-expect-'));
  file = join(directory, 'known.json');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const ENTRY: Expectation = {
  target: 'raft',
  workload: 'register',
  check: 'linearizable',
  reason: 'reads of a cut-off leader',
  expires: '2026-12-31',
};
const RUN = { target: 'raft', workload: 'register', today: '2026-11-21' };

function verdictOf(
  failed: readonly { readonly key: string; readonly f: string }[],
  counts: { readonly invalid?: number; readonly unknown?: number } = {},
): JudgeVerdict {
  const { invalid = failed.length, unknown = 0 } = counts;
  const failures = failed.map(({ key, f }) => ({ key, couldNotPlace: { f } }));
  return {
    valid: invalid > 0 ? false : unknown > 0 ? 'unknown' : true,
    completed: 10,
    failures,
    keys: { total: 9, valid: 9 - invalid - unknown, invalid, unknown },
  } as unknown as JudgeVerdict;
}

const apply = (
  entries: readonly Expectation[],
  verdict: JudgeVerdict | undefined,
  run: typeof RUN = RUN,
) => applyExpectations({ file: 'known.json', entries }, run, verdict);

test('a known violation is excused on its last day, and not the day after', () => {
  const verdict = verdictOf([{ key: 'k1', f: 'read' }]);
  const known = apply([ENTRY], verdict, { ...RUN, today: '2026-12-31' });
  expect(known).toMatchObject({ excuses: true, entries: [{ outcome: 'seen', keys: 1 }] });
  expect(exitOfVerdict(verdict, known)).toBe(EXIT.pass);
  expect(describeExpectations(known)).toEqual([
    'known until 2026-12-31: linearizable of raft/register: reads of a cut-off leader (1 key)',
  ]);
  const expired = apply([ENTRY], verdict, { ...RUN, today: '2027-01-01' });
  expect(expired).toMatchObject({ excuses: false, entries: [{ outcome: 'expired' }] });
  expect(exitOfVerdict(verdict, expired)).toBe(EXIT.violation);
  expect(describeExpectations(expired)[0]).toContain('expired on 2026-12-31 and no longer excused');
});

test('one violation that is not known is enough to fail', () => {
  const verdict = verdictOf([
    { key: 'k1', f: 'read' },
    { key: 'k2', f: 'write' },
  ]);
  const reads = apply([{ ...ENTRY, f: 'read' }], verdict);
  expect(reads).toMatchObject({ excuses: false, entries: [{ outcome: 'seen', keys: 1 }] });
  expect(exitOfVerdict(verdict, reads)).toBe(EXIT.violation);
  const both = apply(
    [
      { ...ENTRY, f: 'read' },
      { ...ENTRY, key: 'k2' },
    ],
    verdict,
  );
  expect(exitOfVerdict(verdict, both)).toBe(EXIT.pass);
});

test('keys that the verdict only counts are excused by an entry for all of them alone', () => {
  const verdict = verdictOf([{ key: 'k1', f: 'read' }], { invalid: 150 });
  expect(apply([{ ...ENTRY, f: 'read' }], verdict).excuses).toBe(false);
  expect(apply([ENTRY], verdict).excuses).toBe(true);
});

test('an excuse is for the violation: what is undecided still counts', () => {
  const verdict = verdictOf([{ key: 'k1', f: 'read' }], { unknown: 1 });
  expect(exitOfVerdict(verdict, apply([ENTRY], verdict))).toBe(EXIT.unknown);
});

test('a violation that was not seen is told, and does not fail; undecided, it is not said to be gone', () => {
  const passed = verdictOf([]);
  const gone = apply([ENTRY], passed);
  expect(gone).toMatchObject({ excuses: false, entries: [{ outcome: 'not-seen' }] });
  expect(exitOfVerdict(passed, gone)).toBe(EXIT.pass);
  expect(describeExpectations(gone)[0]).toMatch(/was not seen.*; remove it from known\.json$/);
  const old = describeExpectations(apply([ENTRY], passed, { ...RUN, today: '2027-01-01' }));
  expect(old[0]).toContain('(expired on 2026-12-31); remove it');
  for (const verdict of [undefined, verdictOf([], { unknown: 1 })]) {
    expect(apply([ENTRY], verdict).entries[0]?.outcome).toBe('undecided');
  }
});

test('entries for other targets and workloads are counted and change nothing', () => {
  const verdict = verdictOf([{ key: 'k1', f: 'read' }]);
  const applied = apply(
    [
      { ...ENTRY, target: 'etcd' },
      { ...ENTRY, workload: 'set' },
    ],
    verdict,
  );
  expect(applied).toMatchObject({ entries: [], others: 2, excuses: false });
  expect(exitOfVerdict(verdict, applied)).toBe(EXIT.violation);
  expect(describeExpectations(applied)).toEqual([
    '2 more in known.json for other targets or workloads, not looked at',
  ]);
});

test('a file of known failures is read', async () => {
  writeFileSync(file, JSON.stringify([ENTRY, { ...ENTRY, key: 'k1', f: 'read' }]));
  expect(await readExpectations(file)).toEqual({
    file,
    entries: [ENTRY, { ...ENTRY, key: 'k1', f: 'read' }],
  });
});

const broken = (field: object): string => JSON.stringify([{ ...ENTRY, ...field }], undefined, 1);

test.each<[string, string, string, RegExp]>([
  ['an error of syntax', '[\n  {"target": x}\n]', ':2:14', /character 'x'/],
  ['a text that ends early', '[\n{"a":', ':2:6', /end of input/],
  ['an empty file', '', ':1:1', /end of input/],
  ['no array', '{}', ':1:1', /no array/],
  ['an entry that is no object', '[\n1]', ':2:1', /\[0\] is no object/],
  ['a field too few', '[ {"target":"raft"}]', ':1:3', /\[0\] has no "workload"/],
  ['a field too many', broken({ gate: 'x' }), ':8:3', /\[0\]\.gate is not known/],
  ['a field that stands there twice', '[{"f":"a","f":"b"}]', ':1:11', /twice/],
  ['a field that is no text', broken({ key: 1 }), ':8:10', /\[0\]\.key is no text/],
  ['a gate', broken({ check: 'overlap' }), ':5:12', /gates and thresholds cannot/],
  ['a day that is none', broken({ expires: '2026-02-30' }), ':7:14', /no day/],
  ['a day that is no date', broken({ expires: 'soon' }), ':7:14', /no day/],
])('%s is refused with its place', async (_, text, place, why) => {
  writeFileSync(file, text);
  await expect(readExpectations(file)).rejects.toMatchObject({
    kind: 'usage',
    code: 'GONG-E183',
    message: `${file}${place}: no file of known failures`,
    why: expect.stringMatching(why),
  });
});

test('a file that is not there is refused', async () => {
  await expect(readExpectations(file)).rejects.toMatchObject({ kind: 'usage', code: 'GONG-E182' });
});

test('known failures do not go with a run that stops at the first violation', async () => {
  writeFileSync(file, JSON.stringify([ENTRY]));
  await expect(expectationsOf({ expect: file, stopOnViolation: true })).rejects.toMatchObject({
    kind: 'usage',
    code: 'GONG-E185',
  });
  expect(await expectationsOf({ stopOnViolation: true })).toBeUndefined();
  expect((await expectationsOf({ expect: file }))?.entries).toEqual([ENTRY]);
});
