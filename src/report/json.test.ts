import { join } from 'node:path';
import { expect, test } from 'vitest';
import { reportJson } from './json.ts';
import { listRuns } from './list.ts';
import { readRunRecord } from './record.ts';
import { sampleRun } from './testing/sample-run.ts';

/** Each place of a document with the types found there: what readers rely on. */
function shapeOf(value: unknown, place: string = '$'): readonly string[] {
  if (Array.isArray(value)) {
    return value.length === 0
      ? [`${place}: []`]
      : [...new Set(value.flatMap((item: unknown) => shapeOf(item, `${place}[]`)))];
  }
  if (value === null) return [`${place}: null`];
  if (typeof value !== 'object') return [`${place}: ${typeof value}`];
  const fields = Object.entries(value);
  if (fields.length === 0) return [`${place}: {}`];
  return fields.flatMap(([name, field]) => shapeOf(field, `${place}.${name}`));
}

test('the documents of --json keep their shape', async () => {
  using run = await sampleRun({
    isStale: true,
    gateFailures: [{ gate: 'enough-cas', sentence: 'too few' }],
    thresholds: [{ text: 't', value: 1, shown: 's', limit: 2, unit: 'ns', kept: true }],
    outcome: {
      errors: [{ code: 'GONG-E034', what: 'what', why: 'why' }],
      expectations: {
        file: 'known.json',
        today: '2026-11-21',
        entries: [
          {
            expectation: {
              target: 'raft',
              workload: 'register',
              check: 'linearizable',
              reason: 'why',
              expires: '2026-12-31',
            },
            outcome: 'seen',
            isExpired: false,
            keys: 1,
          },
        ],
        others: 1,
        excuses: true,
      },
    },
  });
  const record = await readRunRecord(run.paths.root);
  const report: unknown = JSON.parse(JSON.stringify(reportJson(record, ['junit.xml'])));
  const list: unknown = JSON.parse(
    JSON.stringify(await listRuns(join(run.paths.root, '../..'), 5)),
  );
  const shape = [
    'report (run: without files and missing)',
    ...shapeOf(report),
    '',
    'ls',
    ...shapeOf(list),
  ];
  await expect(`${shape.join('\n')}\n`).toMatchFileSnapshot(
    join(import.meta.dirname, 'testdata/json-shape.txt'),
  );
});
