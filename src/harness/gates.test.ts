import { describe, expect, test } from 'vitest';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import { nodeId } from '../contracts/names.ts';
import type { FinalAnswers } from './interpreter/final-reads.ts';
import { checkGates, type GateInput } from './gates.ts';

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** A fault with every evidence. */
const whole: Injected = {
  fault: 1,
  kind: 'kill',
  shape: 'leader',
  outcome: 'injected',
  victims: ['n1'],
  leader: 'n1',
  value: { nodes: ['n1'] },
  atNs: 1e9,
  durationNs: 3e9,
  startedNs: 1e9,
  healedNs: 4e9,
  required: ['election', 'new-process', 'cut-off-side'],
  election: { node: 'n2', term: 3, termBefore: 2, atNs: 2e9 },
  processes: [{ node: 'n1', pidBefore: 10, pidAfter: 20 }],
  victimOperations: { ok: 0, fail: 3, info: 1, servedElsewhere: 0 },
};

function failures(fault: FaultRecord, change: Partial<GateInput> = {}) {
  return checkGates({ functions: ['read'], okCount: () => 100, faults: [fault], ...change });
}

test('a run with every evidence and enough operations passes', () => {
  expect(failures(whole)).toEqual([]);
});

/** A cut that was felt. */
const cut: Injected = {
  ...whole,
  kind: 'partition',
  shape: 'one',
  required: ['cut-off-side'],
  links: {
    links: 8,
    forwardedBytes: 0,
    leaked: [],
    heldFromVictimsBytes: 100,
    heldToVictimsBytes: 100,
  },
};
const untouched = { ok: 12, fail: 0, info: 0, servedElsewhere: 0 };

test('an operation that failed, was unanswered or held until the heal shows the cut', () => {
  for (const change of [{ fail: 1 }, { info: 1 }, { ok: 1, servedElsewhere: 1, delayed: 1 }]) {
    const victimOperations = { ...untouched, ...change };
    expect(failures({ ...cut, victimOperations })).toEqual([]);
  }
});

test.each<[string, Partial<Injected>, RegExp]>([
  [
    'an answer from elsewhere is no evidence: a healthy follower forwards to its leader',
    { victimOperations: { ...untouched, servedElsewhere: 12 } },
    /all 12 were answered/,
  ],
  [
    'an answer from the other side during the cut, whatever else failed,',
    { victimOperations: { ...untouched, servedElsewhere: 3, leaked: 2, fail: 7 } },
    /the cut leaked: 2 that were sent there/,
  ],
  [
    'a byte that crosses a cut link',
    {
      links: { ...cut.links, forwardedBytes: 40, leaked: ['n2->n1'] } as Injected['links'] & object,
    },
    /the cut leaked: 40 bytes crossed n2->n1/,
  ],
  [
    'nothing held on the way to the victims in a long cut',
    { links: { ...cut.links, heldToVictimsBytes: 0 } as Injected['links'] & object },
    /held 100 bytes from the victims and 0 to them/,
  ],
])('%s fails the gate of the cut', (_, change, sentence) => {
  const failed = failures({ ...cut, ...change }, { electionTimeoutNsMax: 1.5e9 });
  expect(failed).toMatchObject([
    { gate: 'fault-2-cut-off-side', sentence: expect.stringMatching(sentence) },
  ]);
});

test('a cut shorter than two election timeouts need not have held something both ways', () => {
  const links = { ...cut.links, heldFromVictimsBytes: 0 } as Injected['links'] & object;
  expect(failures({ ...cut, links }, { electionTimeoutNsMax: 1.6e9 })).toEqual([]);
});

test.each(['cut-off-side', 'links-cut'] as const)(
  'a cut at which nothing waited shows no %s, however short it was',
  (evidence) => {
    const short = { healedNs: whole.startedNs + 5e8, required: [evidence] };
    const nothing = { heldFromVictimsBytes: 0, heldToVictimsBytes: 0, heldBytes: 0 };
    const links = { links: 8, forwardedBytes: 0, leaked: [], ...nothing };
    for (const electionTimeoutNsMax of [2e9, undefined]) {
      expect(failures({ ...cut, ...short, links }, { electionTimeoutNsMax })).toMatchObject([
        { gate: `fault-2-${evidence}`, sentence: expect.stringContaining('they held nothing') },
      ]);
      expect(
        failures({ ...cut, ...short, links: { ...links, heldBytes: 9, heldToVictimsBytes: 9 } }),
      ).toEqual([]);
    }
  },
);

test('a kill is felt only by operations that did not succeed', () => {
  const victimOperations = { ...untouched, servedElsewhere: 12, delayed: 3 };
  const kill: Injected = { ...whole, required: ['new-process'], victimOperations };
  expect(failures(kill)).toMatchObject([{ gate: 'fault-2-new-process' }]);
});

test.each<[string, Partial<Injected>, string[], RegExp]>([
  ['no election', { election: null }, ['fault-2-election'], /saw none/],
  [
    'the same process',
    { processes: [{ node: 'n1', pidBefore: 10, pidAfter: 10 }] },
    ['fault-2-new-process'],
    /n1 had pid 10, then 10/,
  ],
  [
    'no process after the heal',
    { processes: [{ node: 'n1', pidBefore: 10, pidAfter: null }] },
    ['fault-2-new-process'],
    /then none/,
  ],
  [
    'clients that felt nothing',
    { victimOperations: untouched },
    ['fault-2-new-process', 'fault-2-cut-off-side'],
    /all 12 were answered while n1/,
  ],
  [
    'no client at the victim',
    { victimOperations: { ...untouched, ok: 0 }, required: ['cut-off-side'] },
    ['fault-2-both-sides'],
    /none was sent to n1.*--concurrency/,
  ],
  [
    'no client on the other side of a cut',
    { otherOperations: 0 },
    ['fault-2-both-sides'],
    /none was sent to the other nodes.*--concurrency/,
  ],
])('%s fails the gate that asks for it', (_, change, gates, sentence) => {
  const failed = failures({ ...whole, ...change });
  expect(failed.map(({ gate }) => gate)).toEqual(gates);
  expect(failed[0]?.sentence).toMatch(sentence);
  expect(failed[0]?.sentence).toContain('fault 2 (kill:leader)');
});

/** Faults of the other kinds, as they should be. */
const links = {
  links: 8,
  forwardedBytes: 10,
  leaked: ['n1->n2'],
  heldFromVictimsBytes: 0,
  heldToVictimsBytes: 0,
  heldBytes: 0,
  delayedBytes: 0,
  resets: 0,
  connections: 0,
};
const call = (word: string, code: number | undefined) => {
  return { words: [word], code, output: '', startedNs: 0, endedNs: 0 };
};
const shown: Readonly<Record<string, Injected>> = {
  'links-cut': {
    ...whole,
    required: ['links-cut'],
    links: { ...links, forwardedBytes: 0, leaked: [], heldBytes: 7 },
  },
  stopped: {
    ...whole,
    required: ['stopped'],
    victimOperations: { ...untouched, ok: 2, delayed: 2 },
  },
  slowed: {
    ...whole,
    required: ['slowed'],
    links: { ...links, delayedBytes: 9 },
    victimOperations: { ...untouched, slowed: 1 },
  },
  'connections-reset': {
    ...whole,
    required: ['connections-reset'],
    links: { ...links, resets: 3, connections: 2 },
  },
  'hook-output': {
    ...whole,
    required: ['hook-output'],
    hook: [call('start', 0), call('heal', 0)],
  },
};

test.each(Object.entries(shown))('a fault that shows %s passes', (_, fault) => {
  expect(failures(fault, { electionTimeoutNsMax: 1e9 })).toEqual([]);
});

test.each<[string, string, Partial<Injected>, RegExp]>([
  ['links-cut', 'a byte that crossed', { links }, /cut leaked: 10 bytes crossed n1->n2/],
  [
    'links-cut',
    'nothing that waited',
    { links: { ...links, forwardedBytes: 0, leaked: [] } },
    /they held nothing/,
  ],
  [
    'stopped',
    'an answer before the heal',
    { victimOperations: { ...untouched, info: 3, answered: 1 } },
    /but 1 were: .*pid in cluster.jsonl/,
  ],
  ['stopped', 'nobody who waited', { victimOperations: untouched }, /all 12 were answered/],
  ['slowed', 'no byte that was late', { links }, /bytes to be delayed .* but none were/],
  ['slowed', 'operations as fast as ever', { victimOperations: untouched }, /all 12 took less/],
  ['slowed', 'no operation', { victimOperations: { ...untouched, ok: 0 } }, /none was sent/],
  ['connections-reset', 'no connection', { links }, /to be reset, but there were none/],
  [
    'connections-reset',
    'none made anew',
    { links: { ...links, resets: 3 } },
    /after 3 had been reset, but none was made/,
  ],
  ['hook-output', 'no call', { hook: [] }, /with 0 for start and for heal/],
  [
    'hook-output',
    'a heal that failed',
    { hook: [call('start', 0), call('heal', 3)] },
    /with 0 for heal, but it did not/,
  ],
  [
    'hook-output',
    'a start that was killed',
    { hook: [call('start', undefined), call('heal', 0)] },
    /with 0 for start, but/,
  ],
])('the gate of %s fails for %s', (evidence, _, change, sentence) => {
  const fault = { ...shown[evidence], ...change } as Injected;
  expect(failures(fault, { electionTimeoutNsMax: 1e9 })).toMatchObject([
    { gate: `fault-2-${evidence}`, sentence: expect.stringMatching(sentence) },
  ]);
});

test('of a bridge both of its ends must have been asked, and the node in the middle need not', () => {
  const bridge = (...asked: string[]): Injected => ({
    ...whole,
    required: ['links-cut'],
    links: { ...links, forwardedBytes: 0, leaked: [], heldBytes: 7 },
    victims: ['n1', 'n2', 'n4', 'n5'],
    value: {
      groups: [
        ['n1', 'n2'],
        ['n4', 'n5'],
      ],
      bridge: 'n3',
    },
    otherOperations: asked.includes('n3') ? 1 : 0,
    asked,
  });
  expect(failures(bridge('n2', 'n4'))).toEqual([]);
  expect(failures(bridge('n1', 'n2', 'n3'))).toMatchObject([
    { gate: 'fault-2-both-sides', sentence: expect.stringContaining('none was sent to n4, n5:') },
  ]);
});

test('of links that a schedule cuts nobody need have wanted to use them', () => {
  const fault: Injected = {
    ...shown['links-cut'],
    links: { ...links, forwardedBytes: 0 },
  } as Injected;
  const promise = { word: 'partition:ring', hitsLeader: false };
  const gates = (isScheduled: boolean) =>
    failures(fault, {
      electionTimeoutNsMax: 1e9,
      promises: [promise, { ...promise, isScheduled }],
    }).length;
  expect([gates(false), gates(true)]).toEqual([1, 0]);
});

test('evidence that a shape does not ask for is not missed', () => {
  expect(failures({ ...whole, required: ['new-process'], election: null })).toEqual([]);
});

test('a fault that was never injected proves nothing', () => {
  const name = { fault: 0, kind: 'kill', shape: 'leader' };
  expect(failures({ ...name, outcome: 'skipped' })).toMatchObject([{ gate: 'fault-1-injected' }]);
  expect(failures({ ...name, outcome: 'unresolved', waitedNs: 1e10 })).toMatchObject([
    {
      gate: 'fault-1-injected',
      sentence: expect.stringContaining('no leader was known for 10.0 s'),
    },
  ]);
});

describe('a skipped fault', () => {
  const promised = (word: string, outcome: 'skipped' | 'injected', hitsLeader = false) => ({
    promise: { word, hitsLeader },
    record: (fault: number): FaultRecord =>
      outcome === 'injected'
        ? { ...whole, fault }
        : { fault, kind: word, shape: 'one', outcome: 'skipped' },
  });
  const gates = (...plan: ReturnType<typeof promised>[]) =>
    checkGates({
      functions: [],
      okCount: () => 0,
      faults: plan.map(({ record }, i) => record(i)),
      promises: plan.map(({ promise }) => promise),
    });

  test('is not missed when its word came before', () => {
    expect(
      gates(
        promised('kill', 'injected', true),
        promised('partition', 'injected'),
        promised('kill', 'skipped', true),
        promised('partition', 'skipped', true),
      ),
    ).toEqual([]);
  });

  test('is missed, once, when no fault of its word came', () => {
    expect(
      gates(
        promised('kill', 'injected'),
        promised('partition', 'skipped'),
        promised('kill', 'skipped'),
        promised('partition', 'skipped'),
      ),
    ).toMatchObject([
      { gate: 'fault-2-injected', sentence: expect.stringContaining('(--nemesis-interval)') },
    ]);
  });

  test('is missed when no leader was hit and the plan held one', () => {
    expect(gates(promised('kill', 'injected'), promised('kill', 'skipped', true))).toMatchObject([
      { gate: 'fault-2-injected' },
    ]);
  });
});

test.each<[string, Partial<GateInput>, string[]]>([
  ['clients that met', { contention: { overlaps: 1, readsOfOthers: 1 } }, []],
  ['clients that never met', { contention: { overlaps: 0, readsOfOthers: 1 } }, ['overlap']],
  [
    'clients that saw only their own writes',
    { contention: { overlaps: 1, readsOfOthers: 0 } },
    ['reads-of-others'],
  ],
  ['reads that cannot be told apart', { contention: { overlaps: 1 } }, []],
  ['one client, of whom it is not asked', { contention: undefined }, []],
  ['a store that refused all but one CAS', { refusedCount: () => 99 }, []],
  ['a store that refused every CAS', { refusedCount: () => 100 }, ['applied-cas']],
])('of %s exactly that is said', (_, change, gates) => {
  const input = { functions: ['cas'], okCount: () => 100, faults: [], ...change };
  expect(checkGates(input).map(({ gate }) => gate)).toEqual(gates);
});

test('a node that answers none of its final reads fails the run; one that misses some does not', () => {
  const answers = (ok: number, error?: string) => ({ node: nodeId('n3'), reads: 32, ok, error });
  const gates = (...finalAnswers: FinalAnswers[]) =>
    checkGates({ functions: [], okCount: () => 0, faults: [], finalAnswers });
  expect(gates(answers(1, 'timeout'), answers(32))).toEqual([]);
  expect(gates({ ...answers(0), reads: 0 })).toEqual([]);
  expect(gates(answers(0, 'timeout'), answers(32))).toMatchObject([
    {
      gate: 'final-reads',
      sentence: expect.stringMatching(/but n3 answered none \(n3: timeout\): see logs\/n3.log/),
    },
  ]);
});

test('each f needs ok operations: five at least, and more in a long run', () => {
  const gates = (counts: Record<string, number>, okMin?: number) =>
    checkGates({
      functions: ['read', 'write'],
      okCount: (f) => counts[f] ?? 0,
      faults: [],
      okMin,
    }).map(({ gate }) => gate);
  expect(gates({})).toEqual(['enough-read', 'enough-write']);
  expect(gates({ read: 5, write: 5 })).toEqual([]);
  expect(gates({ read: 5, write: 4 })).toEqual(['enough-write']);
  expect(gates({ read: 100_000, write: 400 })).toEqual(['enough-write']);
  expect(gates({ read: 5, write: 5 }, 6)).toEqual(['enough-read', 'enough-write']);
});

test('too few operations are told with what the last that did not succeed said', () => {
  const gates = checkGates({
    functions: ['read', 'write'],
    okCount: () => 0,
    faults: [],
    lastError: (f) => (f === 'read' ? 'status 302' : undefined),
  });
  const sentenceOf = (gate: string) => gates.find((one) => one.gate === gate)?.sentence;
  expect(sentenceOf('enough-read')).toContain('(the last that did not succeed: status 302): let');
  expect(sentenceOf('enough-write')).toContain('saw 0 of 0 in all: let');
});

test('nobody is sent to the log of a node that has none', () => {
  const sentence = (hasNodeLogs: boolean) =>
    checkGates({
      functions: [],
      okCount: () => 0,
      faults: [],
      finalAnswers: [{ node: nodeId('n1'), reads: 3, ok: 0, error: 'refused' }],
      hasNodeLogs,
    })[0]?.sentence;
  expect(sentence(true)).toContain('see logs/n1.log, and in cluster.jsonl');
  expect(sentence(false)).toContain('(n1: refused): see in cluster.jsonl');
});
