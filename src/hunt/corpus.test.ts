import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defined } from '../lib/assert.ts';
import { DEFECTS } from '../raft/defects/index.ts';
import type { Scenario } from './scenario.ts';
import { planted, readCorpus, runCorpus, runScenario } from './index.ts';

const corpus = readCorpus();

test.each(corpus)('what once failed does not fail again: $name', async (entry) => {
  const { ran, failure } = await runCorpus({ entries: [entry] });
  expect({ ran, failure }).toEqual({ ran: 1, failure: undefined });
});

test.each(corpus.filter(({ defect }) => defect !== null))(
  'what showed a defect shows it still: $name',
  async ({ defect, finds, scenario }) => {
    const { violation } = await runScenario(scenario, planted(defect ?? undefined));
    expect(violation?.invariant).toBe(finds);
  },
);

test('every defect has a schedule in the corpus', () => {
  const shown = new Set(corpus.map(({ defect }) => defect));
  expect([...DEFECTS.keys()].filter((name) => !shown.has(name))).toEqual([]);
});

test('the first entry that fails again ends it, with what broke; a signal ends it before', async () => {
  const run = (scenario: Scenario) => runScenario(scenario, planted('vote-twice'));
  const { ran, failure } = await runCorpus({ entries: corpus, run });
  expect(failure?.entry).toBe(corpus[ran - 1]);
  expect(failure?.violation.invariant).toBe('vote-kept');
  expect(ran).toBeLessThanOrEqual(corpus.findIndex(({ defect }) => defect === 'vote-twice') + 1);
  const interrupted = await runCorpus({ entries: corpus, signal: AbortSignal.abort() });
  expect(interrupted).toEqual({ ran: 0, failure: undefined, simulatedNs: 0 });
});

test('an entry that is malformed is refused with its place', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gong-corpus-'));
  try {
    const { name: _, ...entry } = defined(corpus[0], 'the corpus has an entry');
    const wrong = { schema: 1, ...entry, finds: 'bad luck' };
    writeFileSync(join(directory, 'wrong.json'), JSON.stringify(wrong));
    expect(() => readCorpus(directory)).toThrow(
      expect.objectContaining({
        code: 'GONG-E157',
        message: expect.stringContaining('wrong.json, finds') as unknown,
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
