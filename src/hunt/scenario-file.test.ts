import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { SECOND } from '../lib/duration.ts';
import { readScenario, readScenarioFile, scenarioJson } from './scenario-file.ts';
import { drawScenario } from './swarm.ts';

const directory = mkdtempSync(join(tmpdir(), 'gong-scenario-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(content: string): string {
  const path = join(directory, 'scenario.json');
  writeFileSync(path, content);
  return path;
}

type Loose = Record<string, unknown> & { faults: Record<string, unknown>[] };

/** A scenario of three nodes with one fault, as loose as a file. */
function loose(change: (scenario: Loose) => void): string {
  const drawn = drawScenario('1', { nodes: 3, simTimeNs: SECOND });
  const what = { type: 'nemesis', kind: 'kill', shape: 'one' };
  const faults = [{ atNs: 0, durationNs: 1, seed: 'a', what }];
  const scenario = structuredClone({ ...scenarioJson(drawn), faults }) as unknown as Loose;
  change(scenario);
  return JSON.stringify(scenario);
}

test('whatever the swarm draws can be written down and read again', () => {
  for (let seed = 0; seed < 300; seed++) {
    const drawn = drawScenario(String(seed));
    const written = JSON.stringify(scenarioJson(drawn));
    expect(readScenario(JSON.parse(written), '')).toEqual(drawn);
  }
});

test('a fault may name its victims', () => {
  const pinned = { victims: ['n1'], value: { nodes: ['n1'] } };
  const path = file(
    loose(({ faults: [fault] }) => Object.assign(fault?.['what'] ?? {}, { pinned })),
  );
  expect(readScenarioFile(path).faults[0]?.what).toMatchObject({ pinned });
});

const what = (change: object) => (scenario: Loose) => {
  Object.assign(scenario.faults[0]?.['what'] ?? {}, change);
};

test.each<[string, string, RegExp, RegExp]>([
  ['no JSON', '{', /^.*scenario\.json is/, /JSON/],
  ['a list', '[]', /json is/, /"schema" is missing/],
  ['another version', loose((one) => (one['schema'] = 2)), /json is/, /"schema" is 2.*reads 1/],
  ['a missing field', loose((one) => delete one['nodes']), /, nodes is/, /missing/],
  ['a mistyped field', loose((one) => (one['node'] = 3)), /, node is/, /no such field.*nodes/],
  ['too many nodes', loose((one) => (one['nodes'] = 9)), /, nodes is/, /9 .* from 1 to 7/],
  [
    'a range the wrong way round',
    loose((one) => Object.assign(one['profile'] ?? {}, { latency: { minNs: 2, maxNs: 1 } })),
    /, profile\.latency is/,
    /minNs is more than its maxNs/,
  ],
  [
    'a fault that is none',
    loose(({ faults }) => faults.push({})),
    /, faults\[1\]\.atNs is/,
    /missing/,
  ],
  ['an unknown sort', loose(what({ type: 'magic' })), /what\.type is/, /"magic" is none of/],
  ['an unknown kind', loose(what({ kind: 'flood' })), /what\.kind is/, /"flood".*partition/],
  ['a script', loose(what({ kind: 'exec' })), /what\.kind is/, /"exec" is none of/],
  ['an unknown shape', loose(what({ shape: 'two' })), /what\.shape is/, /"two".*leader/],
  [
    'a shape that needs more nodes',
    loose(what({ kind: 'partition', shape: 'ring' })),
    /faults\[0\]\.what is/,
    /needs 4 nodes, there are 3/,
  ],
  [
    'a change of the members that is none',
    loose(what({ type: 'sim', fault: { type: 'membership', aim: { type: 'add' }, isUndone: 1 } })),
    /what\.(kind|fault\.aim\.count) is/,
    /no such field|missing/,
  ],
  ['spares that are no number', loose((one) => (one['spares'] = 'n4')), /, spares is/, /"n4"/],
  [
    'a member that is not there',
    loose(({ faults }) => {
      const aim = { type: 'set', voters: ['n1', 'n9'] };
      const fault = { type: 'membership', aim, isUndone: false };
      faults.push({ atNs: 0, durationNs: 1, seed: 'b', what: { type: 'sim', fault } });
    }),
    /faults\[1\]\.what\.fault is/,
    /no node n9/,
  ],
  [
    'a stranger',
    loose(what({ pinned: { victims: ['n4'], value: null } })),
    /what\.pinned is/,
    /no node n4/,
  ],
  [
    'a value that names no links',
    loose(what({ kind: 'partition', pinned: { victims: ['n1'], value: {} } })),
    /pinned\.value is/,
    /"groups"/,
  ],
])('%s is refused, with its place and why', (_, content, place, why) => {
  const refused = { code: 'GONG-E157', kind: 'usage' };
  expect(() => readScenarioFile(file(content))).toThrow(
    expect.objectContaining({
      ...refused,
      message: expect.stringMatching(place) as unknown,
      why: expect.stringMatching(why) as unknown,
    }),
  );
});

test('a file that is not there is a mistake of the one who names it', () => {
  expect(() => readScenarioFile(join(directory, 'none.json'))).toThrow(
    expect.objectContaining({ code: 'GONG-E157', why: expect.stringMatching(/ENOENT/) as unknown }),
  );
});

test('of a directory the files are named that can be played again', () => {
  expect(() => readScenarioFile(directory)).toThrow(
    expect.objectContaining({
      why: 'it is a directory',
      fix: expect.stringMatching(/shrunk\.json/) as unknown,
    }),
  );
});
