import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENGINES } from '../engines/auto.ts';
import type { EngineName } from '../verdict.ts';
import { disagreement, largerOptions, nothingMet, smallOptions, type Met } from './agreement.ts';

const SMALL = 20_000;
const LARGER = 2_000;
/** Half a minute of work, for a machine with much else to do. */
const TIME_LIMIT_MS = 600_000;

/** Engines that must have had their say on many of a model's histories, where they exist. */
const MADE_FOR: Readonly<Record<string, readonly EngineName[]>> = {
  register: ['zones', 'frontier'],
  'cas-register': ['zones', 'frontier'],
  kv: ['zones', 'frontier'],
  set: ['set'],
  'grow-counter': ['counter'],
  counter: ['counter'],
  queue: ['queue'],
  'unordered-queue': ['bag'],
  stack: ['stack'],
  mutex: ['lock'],
  'reentrant-mutex': ['lock'],
  'fenced-lock': ['lock'],
  'lease-lock': [],
  'append-list': ['list'],
  'multi-register': [],
  'txn-kv': [],
};

/**
 * Random histories of each model: brute force, every engine that applies and `auto` say the same.
 */
export function engineAgreement(models: readonly string[]): void {
  describe.each(models)('%s', (model) => {
    test(
      `every engine agrees with trying every order, on ${SMALL} small histories`,
      () => {
        const met = nothingMet();
        fc.assert(
          fc.property(smallOptions(model), (options) => {
            expect(disagreement(options, met, 'brute force')).toBeUndefined();
          }),
          { numRuns: SMALL },
        );
        expect(met.valid).toBeGreaterThan(SMALL / 4);
        expect(met.invalid).toBeGreaterThan(SMALL / 5);
        expect(met.crashed).toBeGreaterThan(SMALL / 5);
        const hasCas = ['cas-register', 'kv', 'lease-lock', 'txn-kv'].includes(model);
        expect(met.observed).toBeGreaterThan(hasCas ? SMALL / 20 : -1);
        expectDecisions(model, met, SMALL);
      },
      TIME_LIMIT_MS,
    );

    test(
      `every engine agrees with every other, on ${LARGER} larger histories`,
      () => {
        const met = nothingMet();
        fc.assert(
          fc.property(largerOptions(model), (options) => {
            expect(disagreement(options, met, 'each other')).toBeUndefined();
          }),
          { numRuns: LARGER },
        );
        expect(met.valid).toBeGreaterThan(LARGER / 5);
        expect(met.invalid).toBeGreaterThan(LARGER / 5);
        expectDecisions(model, met, LARGER);
      },
      TIME_LIMIT_MS,
    );
  });
}

/** `auto` and the general search decided most; those made for the model a good part. */
function expectDecisions(model: string, met: Met, runs: number): void {
  expect(met.decided.get('auto')).toBeGreaterThan(runs * 0.8);
  expect(met.decided.get('wgl')).toBeGreaterThan(runs * 0.75);
  const made = (MADE_FOR[model] ?? []).filter((name) => ENGINES.has(name));
  for (const name of made) expect(met.decided.get(name), name).toBeGreaterThan(runs / 10);
}
