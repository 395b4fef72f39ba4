import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nemeses } from '../../nemesis/index.ts';
import { nodeId } from '../contracts/names.ts';
import type { PlannedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { SECOND } from '../lib/duration.ts';
import { UserError } from '../lib/user-error.ts';
import { readSchedule, type ScheduleRequest } from './schedule.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gong-schedule-'));
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId);

function write(name: string, content: unknown): string {
  const path = join(place, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function read(path: string, change: Partial<ScheduleRequest> = {}): readonly PlannedFault[] {
  return readSchedule({
    path,
    nemeses,
    capabilities: new Set(['processes', 'links', 'membership', 'leadership'] as const),
    nodes,
    seed: '7',
    durationNs: 30 * SECOND,
    ...change,
  });
}

const byHand = (...faults: readonly unknown[]): string => write('hand.json', { schema: 1, faults });
const kill = { kind: 'kill', shape: 'one', at: '5s', duration: '2500ms' };

describe('a schedule written by hand', () => {
  test('names nodes, or leaves them to the shape', () => {
    const plan = read(
      byHand({ ...kill, at: 10_000_000_000 }, { ...kill, nodes: ['n2'], seed: 'mine' }),
    );
    expect(plan).toEqual([
      {
        kind: 'kill',
        shape: 'one',
        atNs: 5 * SECOND,
        durationNs: 2.5 * SECOND,
        seed: 'mine',
        resolved: { victims: ['n2'], leader: undefined, value: { nodes: ['n2'] } },
      },
      {
        kind: 'kill',
        shape: 'one',
        atNs: 10 * SECOND,
        durationNs: 2.5 * SECOND,
        seed: '7/schedule/1',
      },
    ]);
  });

  test('of a partition tells by its nodes who is on which side, and may give the value itself', () => {
    const cut = { ...kill, kind: 'partition', shape: 'halves', nodes: ['n4', 'n5'] };
    const groups = [
      ['n4', 'n5'],
      ['n1', 'n2', 'n3'],
    ];
    expect(read(byHand(cut))[0]?.resolved?.value).toEqual({ groups });
    const value = { groups: [['n4'], ['n5'], ['n1', 'n2', 'n3']] };
    expect(read(byHand({ ...cut, value }))[0]?.resolved?.value).toEqual(value);
  });

  test('of every shape with nodes either makes a fault that its nemesis understands, or asks for a value', () => {
    const shapes = [...nemeses.values()].flatMap((nemesis) =>
      nemesis.shapes.map(({ shape }) => ({ nemesis, shape, name: `${nemesis.kind}:${shape}` })),
    );
    const outcome = ({ nemesis, shape }: (typeof shapes)[number]): string => {
      try {
        const path = byHand({ ...kill, kind: nemesis.kind, shape, nodes: ['n1', 'n3'] });
        const { resolved } = defined(read(path)[0], 'there is one fault');
        const links = resolved === undefined ? [] : nemesis.links?.(resolved);
        return `hits ${resolved?.victims.join()}${links?.length === 0 ? ' and no link' : ''}`;
      } catch (error) {
        return error instanceof UserError ? error.code : String(error);
      }
    };
    const outcomes = Map.groupBy(shapes, outcome);
    expect([...outcomes.keys()].toSorted()).toEqual(['GONG-E122', 'hits n1,n3']);
    const asked = outcomes.get('GONG-E122')?.map(({ name }) => name);
    const partial = ['ring', 'bridge', 'one-way'].map((shape) => `partition:${shape}`);
    const changes = ['add', 'remove', 'remove-leader', 'replace', 'several'];
    expect(asked).toEqual([...partial, ...changes.map((shape) => `membership:${shape}`)]);
  });

  test('of other members says who they are to be, and may name spare nodes only that there are', () => {
    const value = { changes: [['n1', 'n2', 'n3', 'n6']] };
    const add = { ...kill, kind: 'membership', shape: 'add', nodes: ['n6'], value };
    const refusal = (change: object, given: Partial<ScheduleRequest> = {}): string => {
      try {
        return String(read(byHand({ ...add, ...change }), given)[0]?.resolved?.victims);
      } catch (error) {
        return error instanceof UserError ? `${error.code} ${error.why}` : String(error);
      }
    };
    const more = { nodes: [...nodes, nodeId('n6')], spares: 1 };
    expect(refusal({}, more)).toBe('n6');
    expect(refusal({})).toContain('GONG-E125');
    expect(refusal({ nodes: ['n2'] })).toContain('GONG-E125');
    expect(refusal({ value: { changes: [] } }, more)).toContain('"changes" has to be a list');
    expect(refusal({ value: undefined, nodes: undefined }, more)).toBe('undefined');
    expect(refusal({ value: undefined, nodes: undefined })).toContain('GONG-E124 it needs 1');
  });
});

const record = {
  fault: 0,
  outcome: 'injected',
  kind: 'partition',
  shape: 'leader',
  victims: ['n3'],
  leader: 'n3',
  value: { groups: [['n3'], ['n1', 'n2', 'n4', 'n5']] },
  atNs: 1_612_345_678,
  durationNs: 3_000_000_001,
};
const repeated = {
  kind: 'partition',
  shape: 'leader',
  atNs: 1_612_345_678,
  durationNs: 3_000_000_001,
  resolved: { victims: ['n3'], leader: undefined, value: record.value },
};
const planned: PlannedFault = {
  kind: 'kill',
  shape: 'leader',
  atNs: 2 * SECOND,
  durationNs: 2 * SECOND,
  seed: '3/fault/0',
  word: 'kill',
};
const manifest = { schema: 1, plan: [planned], config: { duration: '20s' } };
const event = (fields: object): string =>
  `${JSON.stringify({ time: 9, type: 'fault', ...fields })}\n`;
const skipped = event({ fault: 1, kind: 'kill', shape: 'one', outcome: 'skipped' });

describe('what a run left', () => {
  test.each(['directory', 'cluster.jsonl'])(
    'is repeated from its %s: what was injected',
    (form) => {
      write('manifest.json', manifest);
      const log = write('cluster.jsonl', event({ ...record }) + skipped);
      expect(read(form === 'directory' ? place : log)).toMatchObject([repeated]);
    },
  );

  test('is repeated from its plan when nothing was injected, or when the manifest is named', () => {
    const path = write('manifest.json', manifest);
    expect(read(path)).toEqual([planned]);
    expect(read(place)).toEqual([planned]);
    write('cluster.jsonl', skipped);
    expect(read(place)).toEqual([planned]);
  });

  test('and what a dry run or --json printed, is a schedule', () => {
    expect(read(write('dry.json', { plan: [planned] }))).toEqual([planned]);
    const other = { ...record, fault: 1, outcome: 'unresolved' };
    const printed = { schema: 2, exit: 0, faults: [record, other] };
    expect(read(write('result.json', printed))).toMatchObject([repeated]);
  });

  test('and a plan that was itself a schedule, stays one', () => {
    const path = write('manifest.json', {
      ...manifest,
      plan: read(byHand({ ...kill, nodes: ['n2'] })),
    });
    expect(read(path)[0]?.resolved).toMatchObject({ victims: ['n2'], value: { nodes: ['n2'] } });
  });

  test('fits into the time that the run was given, however long its faults were held', () => {
    write('manifest.json', manifest);
    write('cluster.jsonl', event({ ...record, atNs: 19 * SECOND, durationNs: 4 * SECOND }));
    expect(read(place, { durationNs: 20 * SECOND })).toHaveLength(1);
    expect(() => read(place, { durationNs: 19 * SECOND })).toThrow(UserError);
  });
});

function refusal(path: string, change: Partial<ScheduleRequest> = {}): UserError {
  try {
    read(path, change);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

test.each<[string, unknown, string, RegExp]>([
  [
    'an unknown kind',
    { ...kill, kind: 'flood' },
    'GONG-E123',
    /hand\.json, faults\[0\]\.kind.*flood/,
  ],
  ['an unknown shape', { ...kill, shape: 'two' }, 'GONG-E123', /faults\[0\]\.shape.*"two"/],
  ['no shape', { ...kill, shape: undefined }, 'GONG-E122', /faults\[0\]\.shape/],
  ['no time', { ...kill, at: undefined }, 'GONG-E122', /faults\[0\]\.at/],
  ['a time without its unit', { ...kill, at: '5' }, 'GONG-E122', /faults\[0\]\.at/],
  ['a time before clients begin', { ...kill, at: -1 }, 'GONG-E122', /faults\[0\]\.at/],
  ['no length', { ...kill, duration: '0s' }, 'GONG-E122', /faults\[0\]\.duration/],
  ['less than a nanosecond', { ...kill, duration: 0.2 }, 'GONG-E122', /faults\[0\]\.duration/],
  ['a value for no nodes', { ...kill, nodes: [], value: {} }, 'GONG-E122', /faults\[0\]\.nodes/],
  ['a mistyped word', { ...kill, node: ['n1'] }, 'GONG-E122', /faults\[0\]\.node/],
  ['nodes that are no list', { ...kill, nodes: 'n1' }, 'GONG-E122', /faults\[0\]\.nodes/],
  ['no nodes in the list', { ...kill, nodes: [] }, 'GONG-E122', /faults\[0\]\.nodes/],
  ['a value for nobody', { ...kill, value: {} }, 'GONG-E122', /faults\[0\]\.nodes/],
  ['a node that is not there', { ...kill, nodes: ['n6'] }, 'GONG-E125', /faults\[0\]\.nodes.*n6/],
  [
    'a side with a node that is not there',
    { ...kill, kind: 'partition', nodes: ['n1'], value: { groups: [['n1'], ['n7']] } },
    'GONG-E125',
    /faults\[0\]\.value.*n7/,
  ],
  [
    'a side that still reaches others, as of a run with fewer nodes,',
    {
      ...kill,
      kind: 'partition',
      shape: 'leader',
      nodes: ['n1'],
      value: { groups: [['n1'], ['n2', 'n3']] },
    },
    'GONG-E122',
    /faults\[0\]\.value/,
  ],
  [
    'a value that spares a node',
    {
      ...kill,
      kind: 'slow',
      nodes: ['n3'],
      value: { groups: [['n1'], ['n2']], delayNs: 9e7, jitterNs: 0 },
    },
    'GONG-E122',
    /faults\[0\]\.value/,
  ],
  [
    'a value that says nothing',
    { ...kill, kind: 'partition', nodes: ['n1'], value: { sides: 2 } },
    'GONG-E122',
    /faults\[0\]\.value/,
  ],
])('of a fault with %s the place is told', (_, fault, code, what) => {
  expect(refusal(byHand(fault))).toMatchObject({
    kind: 'usage',
    code,
    message: expect.stringMatching(what),
  });
});

test('a script that is not told its seed as a text is refused, not started', () => {
  const fault = { ...kill, kind: 'exec', shape: './cut.sh', nodes: [] };
  const hooks = { capabilities: new Set(['hooks'] as const) };
  expect(read(byHand({ ...fault, value: { seed: '5' } }), hooks)).toHaveLength(1);
  for (const value of [{ seed: 5 }, {}, 'start']) {
    expect(() => read(byHand({ ...fault, value }), hooks)).toThrow(
      expect.objectContaining({ code: 'GONG-E122', message: expect.stringContaining('.value') }),
    );
  }
});

test('a cut that fewer nodes were cut by is refused with the way that is left', () => {
  const value = { groups: [['n1'], ['n2', 'n3']] };
  const fault = { ...kill, kind: 'partition', shape: 'leader', nodes: ['n1'], value };
  expect(refusal(byHand(fault)).why).toMatch(/n1 is to be cut off, and is left a way to n2/);
  expect(read(byHand(fault), { nodes: nodes.slice(0, 3) })).toHaveLength(1);
});

test.each<[string, () => string, RegExp]>([
  ['is not there', () => join(place, 'none.json'), /ENOENT/],
  ['is no JSON', () => write('x.json', '{"schema":1,\n"faults":[}'), /JSON/],
  ['is a list', () => write('x.json', []), /it is no schedule/],
  ['says nothing of faults', () => write('x.json', { schema: 1 }), /neither "faults" nor "plan"/],
  ['has no schema', () => write('x.json', { faults: [kill] }), /"schema" is missing/],
  ['has another schema', () => write('x.json', { schema: 2, faults: [kill] }), /"schema" is 2/],
  ['is empty', () => byHand(), /no fault in it/],
  ['is a log without a fault', () => write('c.jsonl', skipped + skipped), /was injected/],
  ['is a directory of something else', () => place, /no manifest/],
])('a file that %s is refused with the reason', (_, make, why) => {
  const path = make();
  const error = refusal(path);
  expect(error).toMatchObject({ code: 'GONG-E122', why: expect.stringMatching(why) });
  expect(error.message).toContain(path);
});

test('a damaged line of a log is named', () => {
  const path = write('cluster.jsonl', `${event(record)}{"time":1\n`);
  expect(refusal(path)).toMatchObject({
    code: 'GONG-E044',
    message: expect.stringMatching(/line 2/),
  });
});

test('faults that overlap are refused; one may begin as the other heals', () => {
  const next = (at: string) => byHand({ ...kill, at }, kill);
  expect(refusal(next('7s'))).toMatchObject({
    code: 'GONG-E127',
    message: expect.stringMatching(/faults\[0\] begins while .*faults\[1\] is in force/),
  });
  expect(read(next('7500ms'))).toHaveLength(2);
});

test('a run that is too short is refused, and the time that is told is enough', () => {
  const path = byHand({ ...kill, at: '28s' });
  const error = refusal(path);
  expect(error).toMatchObject({ code: 'GONG-E126' });
  const seconds = Number(/--duration ([\d.]+)s/.exec(error.fix)?.[1]);
  expect(read(path, { durationNs: seconds * SECOND })).toHaveLength(1);
});

test('what this cluster cannot do, or has too few nodes for, is refused', () => {
  const capabilities = new Set(['links'] as const);
  expect(refusal(byHand(kill), { capabilities })).toMatchObject({ code: 'GONG-E124' });
  const cut = byHand({ ...kill, kind: 'partition' });
  expect(refusal(cut, { nodes: nodes.slice(0, 2) })).toMatchObject({
    code: 'GONG-E124',
    fix: 'pass --nodes 3',
  });
});
