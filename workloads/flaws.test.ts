import { describe, expect, test } from 'vitest';
import { decideHistory } from '../src/hunt/verdict.ts';
import { SECOND } from '../src/lib/duration.ts';
import { workloads } from './index.ts';
import { recordInProcess } from './testing/in-process.ts';
import { FLAWS } from './testing/objects.ts';

const NAMES = [...workloads.keys()];

test('every workload has flaws that it must find', () => {
  expect(NAMES.toSorted()).toEqual(Object.keys(FLAWS).toSorted());
});

describe.each([...workloads.values()])('$name', (workload) => {
  const { name } = workload;

  test('finds nothing wrong with a correct store, and decides every key, whatever answers are lost', async () => {
    for (const lossRate of [0, 0.02, 0.1]) {
      const events = await recordInProcess({ seed: `correct ${lossRate}`, workload, lossRate });
      const verdict = decideHistory(name, events);
      expect(verdict.illegal?.sentence).toBeUndefined();
      expect(verdict).toMatchObject({ valid: true, undecided: [] });
      expect(verdict.operations).toBeGreaterThan(300);
      const ok = new Set(events.filter(({ type }) => type === 'ok').map(({ f }) => f));
      expect(ok).toEqual(new Set(workload.functions));
    }
  });

  test.each(FLAWS[name] ?? [])('finds a store with the flaw %s', async (flaw) => {
    const seeds = ['1', '2', '3'];
    const found: boolean[] = [];
    for (const seed of seeds) {
      const options = { seed, workload, flaw, durationNs: 20 * SECOND };
      found.push(decideHistory(name, await recordInProcess(options)).valid === false);
    }
    expect(found).toEqual(seeds.map(() => true));
  });
});
