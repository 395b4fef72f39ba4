import { expect, test } from 'vitest';
import { UserError } from '../lib/user-error.ts';
import { commandOf, readSimFlags, seedsOf, type SimFlags } from './sim-flags.ts';

const FLAGS: SimFlags = { traceLevel: 'story', shrink: true, resultsDir: 'results' };

function refusal(flags: Partial<SimFlags>): UserError {
  try {
    readSimFlags({ ...FLAGS, ...flags });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

test('without a word about seeds, a hundred of them are run', () => {
  const { task, constraints, trace, isShrunk } = readSimFlags(FLAGS);
  expect(task).toEqual({ type: 'many', seeds: { from: 1, to: 100 } });
  expect(constraints).toEqual({ simTimeNs: undefined, nodes: undefined, workload: undefined });
  expect([trace, isShrunk]).toEqual([undefined, true]);
});

test('a duration without seeds goes on until it is over', () => {
  const { task, durationNs } = readSimFlags({ ...FLAGS, duration: '10m' });
  expect(durationNs).toBe(600e9);
  expect(task.type === 'many' && task.seeds.to).toBeGreaterThan(100_000);
});

test('a range names both of its ends', () => {
  const { task } = readSimFlags({ ...FLAGS, seeds: '7..9', simTime: '120s', nodes: '5' });
  if (task.type !== 'many') throw new Error(`it is ${task.type}`);
  expect([...seedsOf(task.seeds)]).toEqual(['7', '8', '9']);
});

test.each<[string, Partial<SimFlags>]>([
  ['GONG-E191', { seeds: '5' }],
  ['GONG-E191', { seeds: '9..3' }],
  ['GONG-E191', { seeds: '1..x' }],
  ['GONG-E192', { seed: '1', seeds: '1..3' }],
  ['GONG-E193', { defects: true, defect: 'vote-twice' }],
  ['GONG-E193', { defects: true, seed: '3' }],
  ['GONG-E193', { defects: true, seeds: '1..3' }],
  ['GONG-E194', { trace: 'x', seeds: '1..3' }],
  ['GONG-E194', { trace: 'x' }],
  ['GONG-E195', { schedule: 'x.json', nodes: '3' }],
  ['GONG-E195', { schedule: 'x.json', workload: 'queue' }],
  ['GONG-E063', { workload: 'bank' }],
  ['GONG-E157', { schedule: '/nowhere/x.json' }],
  ['GONG-E063', { defect: 'nobody' }],
  ['GONG-E063', { seed: '1', traceLevel: 'loud' }],
  ['GONG-E062', { nodes: '8' }],
  ['GONG-E062', { nodes: '0' }],
  ['GONG-E062', { simTime: '0s' }],
  ['GONG-E062', { threads: '0' }],
  ['GONG-E196', { simTime: '1000h' }],
])('%s refuses %j', (code, flags) => {
  const { kind, code: found, why, fix } = refusal(flags);
  expect({ kind, code: found }).toEqual({ kind: 'usage', code });
  expect([why, fix].every((text) => text.length > 0)).toBe(true);
});

test('the command that shows a run again names all that the run depends on', () => {
  const plan = readSimFlags({
    ...FLAGS,
    seeds: '1..9',
    simTime: '1500ms',
    nodes: '3',
    workload: 'queue',
    defect: 'vote-twice',
  });
  expect(commandOf({ seed: '4' }, plan)).toBe(
    'npx gong sim --seed 4 --sim-time 1500ms --nodes 3 --workload queue --defect vote-twice',
  );
  const bare = readSimFlags({ ...FLAGS, seed: '4' });
  expect(commandOf({ seed: '4' }, bare)).toBe('npx gong sim --seed 4');
  expect(commandOf({ schedule: 'results/sim/x/shrunk.json' }, bare)).toBe(
    'npx gong sim --schedule results/sim/x/shrunk.json',
  );
  expect(commandOf({ seed: "a b'c" }, bare)).toBe(String.raw`npx gong sim --seed 'a b'\''c'`);
});
