import { NO_CONFIGURATION } from '../../raft/core/configuration.ts';
import { expect, test } from 'vitest';
import { entry, logOf, ToldCluster } from './testing/told-cluster.ts';

const all = ['n1', 'n2', 'n3'];

test('two leaders in one term break election safety (§5.2)', () => {
  const told = new ToldCluster(3).elect('n1', 4).elect('n3', 4);
  expect(told.violations).toEqual([
    {
      invariant: 'election-safety',
      section: 'Raft §5.2, Figure 3',
      sentence: 'n3 leads in term 4, in which n1 was elected before',
      atNs: 7,
      nodes: ['n1', 'n3'],
    },
  ]);
});

test('a node that is elected again in the same term, in another life, breaks it too (§5.2)', () => {
  const told = new ToldCluster(3).elect('n1', 4).stop('n1').start('n1');
  told.step('n1', { role: 'candidate' }).step('n1', { role: 'leader' });
  expect(told.broken).toBe(
    'election-safety: n1 leads in term 4 in its life 2, though its life 1 led in that term',
  );
});

test('an old leader of a lower term may lead on in a minority (§5.2)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told
    .elect('n3', 2)
    .step('n1', { entries: [entry(2, 1)] })
    .step('n1', {})
    .step('n3', {});
  expect(told.broken).toBeUndefined();
});

test('a sole voter may lead again in a term that never reached its disk (§5.2)', () => {
  const told = new ToldCluster(1);
  told.step('n1', { role: 'leader', term: 1, entries: [entry(1, 1, 'lost')] });
  told
    .stop('n1')
    .start('n1', { hardState: { term: 0 as never, votedFor: undefined }, entries: [] });
  told.elect('n1', 1, [entry(1, 1, 'another')]);
  expect(told.broken).toBeUndefined();
});

test('a leader that replaces an entry of its own log breaks append-only (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 2).step('n1', { entries: [entry(2, 2)] });
  told.step('n1', { entries: [entry(2, 2, 'another')] });
  expect(told.broken).toBe(
    'leader-append-only: n1, leader of term 2 with a log up to index 2, replaced it from index 2 on',
  );
});

test('a leader whose log is shorter than it was breaks append-only (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 2).step('n1', { last: 0 });
  expect(told.broken).toBe(
    'leader-append-only: n1, leader of term 2, shortened its log from index 1 to 0',
  );
});

test('a leader that steps down in the same step may have its log replaced (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 2).elect('n2', 3);
  told.step('n1', { role: 'follower', term: 3, entries: [entry(1, 3)] });
  expect(told.broken).toBeUndefined();
});

test('another content at the same index and term breaks log matching (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1, [entry(1, 1, 'a')]);
  told.step('n2', { term: 1, entries: [entry(1, 1, 'b')] });
  expect(told.broken).toBe('log-matching: entry 1 of term 1 has another content at n2 than at n1');
});

test('another predecessor of the same entry breaks log matching (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1).elect('n1', 2);
  told.step('n2', { term: 2, entries: [entry(1, 2)] });
  told.step('n2', { entries: [entry(2, 2)] });
  expect(told.broken).toBe(
    'log-matching: n2 holds entry 2 of term 2 behind an entry of term 2, n1 behind one of term 1',
  );
});

test('a gap in a log breaks log matching (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.observer.stepped(told.lifeOf('n2'), [], {
    ...readyOf(1),
    entries: [entry(3, 1)],
    lastIndex: 3 as never,
  });
  expect(told.broken).toBe(
    'log-matching: n2 appended entry 3 of term 1, but its log ends at index 0',
  );
});

test('a log that comes back from the disk with another content breaks log matching (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1, [entry(1, 1, 'a')]).stop('n1');
  told.start('n1', { entries: [entry(1, 1, 'b')] });
  expect(told.broken).toBe('log-matching: entry 1 of term 1 has another content at n1 than at n1');
});

test('uncommitted entries may be replaced, and appended again after a truncation (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.replicate(['n2'], { term: 1, entries: logOf(1) });
  told.elect('n3', 2);
  // n2 loses its entry to n3, and gets it back from n1, which leads again.
  told.replicate(['n2'], { term: 2, entries: [entry(1, 2)] });
  told.elect('n1', 3);
  told.replicate(['n2', 'n3'], { term: 3, role: 'follower', entries: logOf(1, 3) });
  told.step('n1', { commit: 2 }).step('n2', { commit: 2 }).step('n3', { commit: 2 });
  expect(told.broken).toBeUndefined();
});

test('a leader that lacks what was committed in an earlier term breaks completeness (§5.4)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.replicate(['n2'], { term: 1, entries: logOf(1) }).step('n1', { commit: 1 });
  told.elect('n3', 2);
  expect(told.broken).toBe(
    'leader-completeness: n3 was elected in term 2 without entry 1 of term 1, ' +
      'which n1 committed in term 1',
  );
});

test('so does one that was elected before the older term committed it (§5.4)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.replicate(['n2'], { term: 1, entries: logOf(1) });
  told.elect('n3', 2).step('n3', { entries: [entry(2, 2), entry(3, 2)] });
  told.step('n1', { commit: 1 });
  expect(told.broken).toBe(
    'leader-completeness: n3 was elected in term 2 without entry 1 of term 1, ' +
      'which n1 committed in term 1',
  );
});

test('an old leader may commit late what the new one was elected with (§5.4)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.replicate(['n2'], { term: 1, entries: logOf(1) });
  told.elect('n2', 2).step('n2', { entries: [entry(3, 2), entry(4, 2)] });
  told.step('n1', { commit: 1 });
  expect(told.broken).toBeUndefined();
});

/** Figure 8 (b): n1 led term 2 and reached n2; n5 led term 3 and reached nobody. */
function figure8(): ToldCluster {
  const five = new ToldCluster(5).elect('n1', 1);
  five.replicate(['n2', 'n3', 'n4', 'n5'], { term: 1, entries: logOf(1) });
  five.elect('n1', 2).replicate(['n2'], { term: 2, entries: [entry(2, 2)] });
  return five;
}

test('Figure 8: to count the copies of an older term breaks completeness (§5.4.2)', () => {
  const five = figure8()
    .elect('n5', 3)
    .elect('n1', 4, [entry(3, 4)]);
  five.replicate(['n3'], { term: 4, entries: [entry(2, 2)] });
  expect(five.broken, 'nothing is wrong with the copies themselves').toBeUndefined();
  five.step('n1', { commit: 2 });
  expect(five.broken).toBe(
    'leader-completeness: n1, leader of term 4, committed entry 2 of term 2, but n5, which lacks ' +
      'it and whose log ends with entry 2 of term 3, could be elected by n2, n3, n4, n5',
  );
});

test('so it is found when who lacks the entry is elected: nobody could foresee it (§5.4.2)', () => {
  const five = figure8().elect('n1', 4, [entry(3, 4)]);
  five.replicate(['n3'], { term: 4, entries: [entry(2, 2)] }).step('n1', { commit: 2 });
  expect(five.broken, 'n5 has nothing newer yet').toBeUndefined();
  five.elect('n5', 5);
  expect(five.broken).toBe(
    'leader-completeness: n5 was elected in term 5 without entry 2 of term 2, ' +
      'which n1 committed in term 4',
  );
});

test('Figure 8 (e): with an entry of its own term on a majority the older one is safe (§5.4.2)', () => {
  const five = figure8()
    .elect('n5', 3)
    .elect('n1', 4, [entry(3, 4)]);
  five.replicate(['n2'], { term: 4, entries: [entry(3, 4)] });
  five.replicate(['n3'], { term: 4, entries: [entry(2, 2), entry(3, 4)] });
  five.step('n1', { commit: 3 }).apply('n1', 1, 2, 3);
  expect(five.broken).toBeUndefined();
});

/** As far as a cluster of three can be in a term: n1 leads, all hold two entries, two committed. */
function settled(): ToldCluster {
  const told = new ToldCluster(3)
    .elect('n1', 1)
    .step('n1', { entries: [entry(2, 1)] })
    .sync('n1');
  told.replicate(['n2', 'n3'], { term: 1, entries: logOf(1, 1) });
  return told.step('n1', { commit: 2 }).step('n2', { commit: 2 });
}

test('another entry at an index that was committed breaks state machine safety (§5.4.3)', () => {
  const told = settled().elect('n2', 2);
  told.step('n3', { term: 2, entries: [entry(2, 2)] }).step('n3', { commit: 2 });
  expect(told.broken).toBe(
    'state-machine-safety: n3 committed entry 2 of term 2 in term 2, ' +
      'where n1 had committed entry 2 of term 1',
  );
});

test('a follower that commits before any leader has breaks it (§5.3)', () => {
  const told = settled()
    .step('n1', { entries: [entry(3, 1)] })
    .step('n2', { entries: [entry(3, 1)] });
  expect(told.step('n2', { commit: 3 }).broken).toBe(
    'committed-by-leader: n2 committed entry 3 of term 1 in term 1, which no leader has committed',
  );
});

test('to commit what is not in the log breaks state machine safety (§5.4.3)', () => {
  const told = settled().step('n3', { commit: 3 });
  expect(told.broken).toBe(
    'state-machine-safety: n3 committed up to index 3 in term 1, but its log ends at index 2',
  );
});

test('to apply another entry than the committed one breaks state machine safety (§5.4.3)', () => {
  const told = settled().apply('n1', 1, 2).apply('n2', 1).apply('n2', entry(2, 2));
  expect(told.broken).toBe(
    'state-machine-safety: n2 applied entry 2 of term 2, which is not what it holds there ' +
      '(an entry of term 1)',
  );
});

test('to apply what took the place of a committed entry breaks state machine safety (§5.4.3)', () => {
  const told = settled().step('n2', { term: 2, entries: [entry(2, 2)] });
  expect(told.apply('n2', 1, 2).broken).toBe(
    'state-machine-safety: n2 applied entry 2 of term 2, where n1 had committed entry 2 of term 1',
  );
});

test.each([
  ['twice', [1, 1], 'n1 applied entry 1 of term 1 after index 1, again or too late'],
  ['with a gap', [2], 'n1 applied entry 2 of term 1 after index 0, and left out what is between'],
])('to apply entries %s breaks their order (Figure 2)', (_name, indexes, sentence) => {
  expect(settled().apply('n1', ...indexes).broken).toBe(`applied-never-back: ${sentence}`);
});

test('to apply before it is committed breaks the order (Figure 2)', () => {
  expect(settled().apply('n3', 1).broken).toBe(
    'applied-never-back: n3 applied entry 1 of term 1, but has committed up to 0 only',
  );
});

test('a commit index that goes back within a life breaks it (Figure 2)', () => {
  expect(settled().step('n2', { commit: 1 }).broken).toBe(
    'commit-never-back: n2 took its commit index back from 2 to 1 in term 1',
  );
});

test('a node that starts again commits and applies from index 1 (Figure 2: volatile state)', () => {
  const told = settled();
  for (const node of all) told.stop(node).start(node);
  told.elect('n3', 2, [entry(3, 2)]).replicate(['n1'], { term: 2, entries: [entry(3, 2)] });
  told.step('n3', { commit: 3 }).apply('n3', 1, 2, 3);
  told.step('n1', { commit: 1 }).apply('n1', 1).step('n1', { commit: 3 }).apply('n1', 2, 3);
  expect(told.broken).toBeUndefined();
});

test('a leader commits older terms with an entry of its own (§5.4.2)', () => {
  const five = new ToldCluster(5).elect('n1', 1);
  five.replicate(['n2'], { term: 1, entries: logOf(1) });
  five.elect('n2', 2).replicate(['n3', 'n4'], { term: 2, entries: logOf(1, 2) });
  five.step('n2', { commit: 2 }).apply('n2', 1, 2);
  expect(five.broken).toBeUndefined();
});

test('only the first invariant that breaks is told: what follows from it is not', () => {
  const told = new ToldCluster(3).elect('n1', 4).elect('n3', 4).step('n3', { commit: 9 });
  expect(told.violations.map(({ invariant }) => invariant)).toEqual(['election-safety']);
});

function readyOf(at: number) {
  return {
    hardState: undefined,
    entries: [],
    write: undefined,
    messages: [],
    messagesAfterSync: [],
    committed: [],
    accepted: [],
    refused: [],
    reads: [],
    refusedReads: [],
    transfers: [],
    transferee: undefined,
    changes: [],
    configuration: NO_CONFIGURATION,
    configurationIndex: 0 as never,
    rejected: [],
    chunks: [],
    needSnapshot: [],
    role: 'follower',
    term: at as never,
    leader: undefined,
    commitIndex: 0 as never,
    firstIndex: 1 as never,
    lastIndex: 0 as never,
    deadlineNs: 0,
  } as const;
}
