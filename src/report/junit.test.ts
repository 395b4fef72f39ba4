import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { validateXML } from 'xmllint-wasm';
import { junitXml } from './junit.ts';
import { readRunRecord, type RunRecord } from './record.ts';
import { NASTY, sampleRun, type SampleParts } from './testing/sample-run.ts';
import { writeXml } from './xml.ts';

const TESTDATA = join(import.meta.dirname, 'testdata');
const SCHEMAS = ['jenkins-junit.xsd', 'junit-ant.xsd'];

/** What the schemas say against it. */
async function objections(xml: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of SCHEMAS) {
    const schema = readFileSync(join(TESTDATA, name), 'utf8');
    const { errors, valid } = await validateXML({
      xml: { fileName: 'junit.xml', contents: xml },
      schema: [schema],
    });
    if (!valid) found.push(...errors.map(({ message }) => `${name}: ${message}`));
  }
  return found;
}

async function recordOf(parts: SampleParts): Promise<RunRecord> {
  using run = await sampleRun(parts);
  return await readRunRecord(run.paths.root);
}

const count = (xml: string, pattern: RegExp): number => [...xml.matchAll(pattern)].length;

test('the schemas are used: what they forbid is found', async () => {
  const record = await recordOf({});
  const broken = junitXml(record).replaceAll('tests=', 'test=');
  const found = await objections(broken);
  for (const name of SCHEMAS) expect(found.some((line) => line.startsWith(name))).toBe(true);
});

test('a run that passed: every case passes, and the schemas accept it', async () => {
  const xml = junitXml(await recordOf({}));
  expect(await objections(xml)).toEqual([]);
  expect(xml).not.toMatch(/<(failure|error|skipped)\b/);
  expect(xml).toContain('name="keys that hold, 1 to 2"');
  expect(xml).toContain('name="overlap"');
});

test('a key that failed has a case of its own: sentence, operation, node, fault', async () => {
  const xml = junitXml(await recordOf({ isStale: true }));
  expect(await objections(xml)).toEqual([]);
  const failure = /<testcase name="key k1"[\s\S]*?<\/testcase>/.exec(xml)?.[0] ?? '';
  expect(failure).toMatch(
    /message="read of key k1 by process 1 at 5\.000 s on n1 returned 1, but 2/,
  );
  expect(failure).toContain('operation: read of k1 → 1, line 6 of history.jsonl');
  expect(failure).toContain('node: n1');
  expect(failure).toContain('fault: during partition:leader-minority of n1, 2.000 s to 8.000 s');
  expect(xml).toContain('name="keys that hold, 1 to 1"');
});

test('gates, thresholds, node exits and errors have cases, and whatever they say is valid XML', async () => {
  const { exits: _none, ...record } = await recordOf({
    isStale: true,
    key: NASTY,
    gateFailures: [{ gate: 'fault-1-election', sentence: NASTY }],
    thresholds: [
      { text: 'p99(read) < 50ms', value: 1, shown: NASTY, limit: 1, unit: 'ns', kept: false },
      { text: 'ok(read) > 9%', value: 1, shown: 'ok', limit: 1, unit: 'ratio', kept: true },
    ],
    outcome: { exit: 1, errors: [{ code: 'GONG-E034', what: NASTY, why: NASTY }] },
  });
  const exits = [{ node: 'n3', code: null, signal: 'SIGSEGV', atNs: 3e9 }];
  const xml = junitXml({ ...record, exits });
  expect(await objections(xml)).toEqual([]);
  expect(xml).toMatch(/<testcase name="fault-1-election"[^>]*>\s*<failure/);
  expect(xml).toMatch(/<testcase name="p99\(read\) &lt; 50ms"[^>]*>\s*<failure/);
  expect(xml).toMatch(/<testcase name="ok\(read\) &gt; 9%"[^>]*\/>/);
  expect(xml).toMatch(/<testcase name="GONG-E034 \(1\)"[^>]*>\s*<error/);
  expect(xml).toContain('node n3 ended by itself at 3.000 s: SIGSEGV');
  // oxlint-disable-next-line no-control-regex -- what XML cannot hold
  expect(xml).not.toMatch(/[\u0000-\u0008\u000B\u000C\u000E-\u001F]/);
});

test('ten thousand keys give a bounded number of cases, each counted once', async () => {
  const record = await recordOf({ isStale: true });
  const { verdict } = record;
  if (verdict === undefined) throw new Error('the sample has a verdict');
  const [failure] = verdict.failures;
  if (failure === undefined) throw new Error('the sample fails');
  const failures = Array.from({ length: 100 }, (_, i) => ({ ...failure, key: `f${i}` }));
  const unknown = Array.from({ length: 900 }, (_, i) => {
    return { key: `u${i}`, reason: 'time', operations: 3 };
  });
  const keys = { total: 110_000, valid: 108_000, invalid: 1_100, unknown: 900 };
  const xml = junitXml({ ...record, verdict: { ...verdict, failures, unknown, keys } });
  expect(await objections(xml)).toEqual([]);
  expect(count(xml, /<testcase /g)).toBeLessThan(1_000);
  expect(xml).toContain('1000 more keys are not linearizable');
  expect(xml).toContain('700 more keys were not decided');
  const groups = [...xml.matchAll(/keys that hold, (\d+) to (\d+)/g)];
  expect(groups[0]?.[1]).toBe('1');
  expect(groups.at(-1)?.[2]).toBe('108000');
  for (const [i, group] of groups.slice(1).entries()) {
    expect(Number(group[1])).toBe(Number(groups[i]?.[2]) + 1);
  }
});

test('a known violation is skipped with its reason; an expired one fails', async () => {
  const expectation = {
    target: 'raft',
    workload: 'register',
    check: 'linearizable',
    reason: 'reads of a cut-off leader',
    expires: '2026-12-31',
  } as const;
  const applied = (isExpired: boolean): Partial<SampleParts> => ({
    outcome: {
      exit: isExpired ? 1 : 0,
      expectations: {
        file: 'known.json',
        today: '2026-11-21',
        entries: [{ expectation, isExpired, keys: 1, outcome: isExpired ? 'expired' : 'seen' }],
        others: 0,
        excuses: !isExpired,
      },
    },
  });
  const known = junitXml(await recordOf({ isStale: true, ...applied(false) }));
  expect(await objections(known)).toEqual([]);
  expect(known).toMatch(/name="key k1"[^>]*>\s*<skipped>known until 2026-12-31: reads of/);
  expect(known).not.toContain('<failure');
  const expired = junitXml(await recordOf({ isStale: true, ...applied(true) }));
  expect(await objections(expired)).toEqual([]);
  expect(expired).toMatch(/name="key k1"[^>]*>\s*<failure/);
  expect(expired).toContain('expired on 2026-12-31');
});

test('any text is written so that a parser reads it, but for what XML cannot hold', async () => {
  const texts = fc.array(fc.string({ unit: 'binary' }), { minLength: 100, maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(texts, async (list) => {
      const children = list.map((text) => ({ name: 'a', attributes: { b: text }, text }));
      const { valid, rawOutput } = await validateXML({
        xml: { fileName: 'a.xml', contents: writeXml({ name: 'all', children }) },
        schema: [ANY_TEXT],
      });
      expect(valid, rawOutput).toBe(true);
    }),
    { numRuns: 2 },
  );
});

const ANY_TEXT = `<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="all"><xs:complexType><xs:sequence>
    <xs:element name="a" maxOccurs="unbounded"><xs:complexType><xs:simpleContent>
      <xs:extension base="xs:string"><xs:attribute name="b" type="xs:string"/></xs:extension>
    </xs:simpleContent></xs:complexType></xs:element>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>`;
