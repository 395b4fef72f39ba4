import { expect, test } from 'vitest';
import { MILLISECOND, SECOND } from '../lib/duration.ts';
import { planted } from './planted.ts';
import { runScenario } from './run-scenario.ts';
import type { Scenario, ScheduledFault } from './scenario.ts';

const ms = (min: number, max: number) => ({ minNs: min * MILLISECOND, maxNs: max * MILLISECOND });

/** Five ordinary machines, ten seconds of 50 operations each. */
function scenario(seed: string, faults: readonly ScheduledFault[]): Scenario {
  return {
    seed,
    nodes: 5,
    durationNs: 10 * SECOND,
    profile: {
      disk: { read: ms(0, 1), sync: ms(1, 5) },
      latency: ms(1, 5),
      clientLatency: ms(1, 2),
      turnNs: 20_000,
      restartNs: ms(100, 300),
      node: {
        electionTimeout: ms(150, 300),
        heartbeatIntervalNs: 50 * MILLISECOND,
        maxEntriesPerAppend: 16,
        maxBytesPerAppend: 65_536,
        maxInflightAppends: 4,
        requestTimeoutNs: SECOND,
        segmentBytesMax: 16_384,
      },
    },
    load: {
      workload: 'register',
      concurrency: 5,
      keyOps: 50,
      values: null,
      settings: {},
      ratePerSecond: 50,
      deadlineNs: SECOND,
    },
    faults,
  };
}

test('an invariant breaks where the history of the clients is linearizable: nobody lost power', async () => {
  const calm = scenario('1', []);
  const defect = planted('acknowledge-before-fsync');
  const { violation, verdict } = await runScenario(calm, defect);
  expect(violation).toMatchObject({
    invariant: 'acknowledged-on-majority-of-disks',
    section: 'Raft §5.3, §8, Figure 2 (persistent state)',
  });
  expect(violation?.sentence).toMatch(
    /^n\d committed entry \d+ of term 1 as leader of term 1, but it is only on the disks? of n\d/,
  );
  expect(verdict, 'the run ended there').toBeUndefined();

  const whole = await runScenario(calm, { ...defect, checksHistoryOnly: true });
  expect(whole.violation, 'the checker alone sees nothing').toBeUndefined();
  expect(whole.verdict?.valid).toBe(true);
  expect(whole.history.filter(({ type }) => type === 'ok').length).toBeGreaterThan(300);
});

const KILLS: readonly ScheduledFault[] = [1, 2, 3, 4, 5, 6, 7, 8].map((second) => ({
  atNs: second * SECOND,
  durationNs: SECOND / 2,
  seed: String(second),
  what: { type: 'nemesis', kind: 'kill', shape: 'leader' },
}));
const LATE: readonly ScheduledFault[] = [
  {
    atNs: SECOND,
    durationNs: 8 * SECOND,
    seed: 'late',
    what: {
      type: 'sim',
      fault: {
        type: 'network',
        links: { of: 'all', direction: 'sent' },
        trouble: {
          type: 'messages',
          lossRate: 0,
          duplicateRate: 0.2,
          reorderRate: 0.2,
          lateNsMax: SECOND,
        },
      },
    },
  },
];

test.each([
  ['vote-twice', KILLS, 'vote-kept'],
  ['acknowledge-before-fsync', [], 'acknowledged-on-majority-of-disks'],
  ['truncate-on-old-append', LATE, 'acknowledged-on-majority-of-disks'],
])(
  '%s is caught by %3$s, and the node as it is breaks nothing',
  async (name, faults, invariant) => {
    const found = new Set<string | undefined>();
    for (const seed of ['1', '2', '3', '4', '5', '6']) {
      const { violation } = await runScenario(scenario(seed, faults), planted(name));
      if (violation === undefined) continue;
      found.add(violation.invariant);
      const sound = await runScenario(scenario(seed, faults));
      expect(sound.violation, seed).toBeUndefined();
      break;
    }
    expect([...found]).toEqual([invariant]);
  },
);

test('a cluster that works has a leader, progress, and few elections that nobody needed', async () => {
  const { liveness, violation } = await runScenario(scenario('2', KILLS));
  expect(violation).toBeUndefined();
  expect(liveness.requests).toBeGreaterThan(300);
  expect(liveness.failedRequests / liveness.requests).toBeLessThan(0.5);
  expect(liveness.elections).toBeGreaterThanOrEqual(8);
  expect(liveness.needlessElections).toBeLessThan(liveness.elections / 4);
  // A killed leader is missed for an election timeout, and replaced within a few.
  expect(liveness.leaderlessNsMax).toBeGreaterThan(150 * MILLISECOND);
  expect(liveness.leaderlessNsMax).toBeLessThan(3 * SECOND);
});
