import { expect, test } from 'vitest';
import { InvariantError } from '../../lib/assert.ts';
import { type Input, nodeId } from '../../raft/core/types.ts';
import { DiskError } from '../disk.ts';
import {
  acknowledgement,
  entry,
  hard,
  heartbeat,
  logOf,
  ToldCluster,
  vote,
  voteRequest,
} from './testing/told-cluster.ts';

/** n1 leads term 1; its entry is on the disks of n1 and n2, and committed. */
function committed(): ToldCluster {
  const told = new ToldCluster(3).elect('n1', 1);
  told.replicate(['n2'], { term: 1, entries: logOf(1) });
  return told.step('n1', { commit: 1 }).apply('n1', 1);
}

test('a commit that is on one disk of three breaks the majority (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.step('n2', { term: 1, entries: logOf(1) }).step('n1', { commit: 1 });
  expect(told.broken).toBe(
    'acknowledged-on-majority-of-disks: n1 committed entry 1 of term 1 as leader of term 1, ' +
      'but it is only on the disks of n1, of 3',
  );
});

test('an answer about what nobody committed breaks it (§8)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.answer('n1', told.submit('n1', 'command'), 1);
  expect(told.broken).toBe(
    'acknowledged-on-majority-of-disks: n1 told a client of what stands up to index 1, ' +
      'which nobody committed',
  );
});

test('a disk that drops an acknowledged entry, and leaves a minority, breaks it (§5.3)', () => {
  const told = committed();
  told.answer('n1', told.submit('n1', 'command'), 1);
  told.replicate(['n2'], { term: 2, entries: [entry(1, 2)] });
  expect(told.broken).toBe(
    'acknowledged-on-majority-of-disks: n2 replaced its log from index 1 on, and entry 1 of ' +
      'term 1, which a client was told of, is now only on the disks of n1, of 3',
  );
});

test('an old append that takes acknowledged entries away breaks it (§5.3)', () => {
  const told = new ToldCluster(3)
    .elect('n1', 1)
    .step('n1', { entries: [entry(2, 1)] })
    .sync('n1');
  told.replicate(['n2'], { term: 1, entries: logOf(1, 1) });
  told.step('n1', { commit: 2 }).apply('n1', 1, 2);
  told.answer('n1', told.submit('n1', 'command'), 2).replicate(['n2'], { entries: logOf(1) });
  expect(told.broken).toContain('replaced its log from index 1 on, and entry 2 of term 1');
});

test('the same entry written again keeps it, and so does a minority that drops it (§5.3)', () => {
  const told = committed().replicate(['n3'], { term: 1, entries: logOf(1) });
  told.answer('n1', told.submit('n1', 'command'), 1).replicate(['n2'], { entries: logOf(1) });
  told.replicate(['n3'], { term: 2, entries: [entry(1, 2)] });
  expect(told.broken).toBeUndefined();
});

test('what is synced counts, not what is written: the rest of a file may be torn (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told
    .step('n2', { term: 1, entries: logOf(1) })
    .sync('n2', 150)
    .step('n1', { commit: 1 });
  expect(told.broken).toContain('acknowledged-on-majority-of-disks');
});

test('a disk that was damaged keeps counting with what was synced to it', () => {
  const told = committed();
  told.observer.happened({ kind: 'bit-flipped', node: nodeId('n2') });
  told.stop('n2', { type: 'killed' }).stop('n2', { type: 'refused', error: new Error('damage') });
  told.answer('n1', told.submit('n1', 'command'), 1);
  expect(told.broken).toBeUndefined();
});

test('a term that goes back on a disk breaks it (§5.1)', () => {
  const told = new ToldCluster(3).write('n1', { hardState: hard(3) });
  expect(told.write('n1', { hardState: hard(2) }).broken).toBe(
    'disk-term-never-back: n1 wrote term 2 to its disk behind term 3',
  );
});

test('a term in memory that goes back breaks it, from what was found on the disk on (§5.1)', () => {
  const told = new ToldCluster(3).step('n1', { term: 3, hard: hard(3) }).sync('n1');
  told.stop('n1').start('n1').step('n1', { term: 0 });
  expect(told.broken).toBe('disk-term-never-back: n1 went back from term 3 to term 0');
});

test('a second vote in a term breaks it, also in another life (§5.2)', () => {
  const told = new ToldCluster(3).write('n3', { hardState: hard(2, 'n1') }).sync('n3');
  told.stop('n3').start('n3', { hardState: hard(2, 'n1') });
  expect(told.write('n3', { hardState: hard(2, 'n2') }).broken).toBe(
    'vote-kept: n3 voted for n1 in term 2, and then for n2 in the same term',
  );
});

test('a vote in the next term, and one that a power failure took, may be given anew (§5.2)', () => {
  const told = new ToldCluster(3).write('n3', { hardState: hard(2, 'n1') }).sync('n3');
  told.write('n3', { hardState: hard(3, 'n2') });
  // It never reached the disk, and so never left the node.
  told.stop('n3').start('n3', { hardState: hard(2, 'n1') });
  told.write('n3', { hardState: hard(3, 'n1') }).sync('n3');
  expect(told.broken).toBeUndefined();
});

test('a vote that arrives before it is on the disk breaks it (§5.2, Figure 2)', () => {
  const told = new ToldCluster(3).step('n1', { role: 'candidate', term: 2, hard: hard(2, 'n1') });
  told.step('n2', { term: 2, hard: hard(2, 'n1') }).step('n1', {}, [vote('n2', 2)]);
  expect(told.broken).toBe(
    'vote-kept: n1 received the vote of n2 in term 2, but on the disk of n2 is term 0 with a ' +
      'vote for nobody',
  );
});

test('a candidate that asks before its own vote is on its disk breaks it (§5.2, Figure 2)', () => {
  const told = new ToldCluster(3).step('n1', { role: 'candidate', term: 2, hard: hard(2, 'n1') });
  const asked = (): ToldCluster => told.step('n2', {}, [voteRequest('n1', 2)]);
  expect(asked().broken).toBe(
    'vote-kept: n1 asked for votes in term 2, but on its disk is term 0 with a vote for nobody',
  );
});

test('a candidate that asks when its vote is on its disk, and is heard later, may (§5.2)', () => {
  const told = new ToldCluster(3).step('n1', { role: 'candidate', term: 2, hard: hard(2, 'n1') });
  told.sync('n1').step('n2', {}, [voteRequest('n1', 2)]);
  told.step('n1', { role: 'follower', term: 3, hard: hard(3) }).sync('n1');
  expect(told.step('n3', {}, [voteRequest('n1', 2)]).broken).toBeUndefined();
});

test.each([
  ['is not on its disk', logOf(1), false, 2, 'is nothing'],
  ['it does not hold', logOf(1), true, 2, 'is nothing'],
  ['differs from the leader', [entry(1, 1), entry(2, 0)], true, 2, 'is entry 2 of term 0'],
])('a follower that acknowledges what %s breaks it (§5.3)', (_, entries, isSynced, index, what) => {
  const told = new ToldCluster(3).elect('n1', 1).step('n1', { entries: [entry(2, 1)] });
  told.step('n2', { term: 1, hard: hard(1, 'n1'), entries: isSynced ? entries : logOf(1, 1) });
  if (isSynced) told.sync('n2');
  expect(told.step('n1', {}, [acknowledgement('n2', 1, index)]).broken).toBe(
    `acknowledgement-on-disk: n2 acknowledged index 2 to n1, leader of term 1, which holds entry 2 ` +
      `of term 1 there, but on the disk of n2 ${what}`,
  );
});

test('a late acknowledgement is none of a later leader, nor of a follower that has gone on (§5.3)', () => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.replicate(['n2'], { term: 1, hard: hard(1, 'n1'), entries: logOf(1) });
  told.step('n1', {}, [acknowledgement('n2', 1, 1)]);
  told.replicate(['n2'], { term: 3, hard: hard(3), entries: [entry(1, 3)] });
  told.step('n1', {}, [acknowledgement('n2', 1, 1)]);
  told.elect('n1', 4).step('n1', {}, [acknowledgement('n2', 3, 7)]);
  expect(told.broken).toBeUndefined();
});

/** n2 holds entry 1 of term 1 and entry 2 of term 2, and votes in term 3 for n1, whose log ends so. */
function voted(last: readonly [number, number]): ToldCluster {
  const told = new ToldCluster(3).elect('n3', 1).elect('n3', 2);
  told.replicate(['n2'], { term: 2, hard: hard(2), entries: logOf(1, 2) });
  told.step('n1', { role: 'candidate', term: 3, hard: hard(3, 'n1') }).sync('n1');
  return told.step('n2', { term: 3, hard: hard(3, 'n1'), votes: 'n1' }, [
    voteRequest('n1', 3, last),
  ]);
}

test.each([
  ['shorter', [1, 2]],
  ['longer, and of an older term', [7, 1]],
] as const)('a vote for a log that is %s breaks it (§5.4.1)', (_how, last) => {
  expect(voted(last).broken).toBe(
    `vote-for-complete-log: n2 voted in term 3 for n1, whose log ends with entry ${last[0]} of term ` +
      `${last[1]}, though its own ends with entry 2 of term 2`,
  );
});

test('a vote for a log that ends as the voter’s, or newer, is right (§5.4.1)', () => {
  expect(voted([2, 2]).broken).toBeUndefined();
  expect(voted([1, 3]).broken).toBeUndefined();
});

test('a late vote of a voter that has gone on is no offence (§5.2)', () => {
  const told = new ToldCluster(3).step('n1', { role: 'candidate', term: 2, hard: hard(2, 'n1') });
  told.step('n2', { term: 2, hard: hard(2, 'n1') }).sync('n2');
  told
    .step('n2', { term: 3, hard: hard(3, 'n3') })
    .sync('n2')
    .step('n1', {}, [vote('n2', 2)]);
  expect(told.broken).toBeUndefined();
});

test.each([
  [
    'its term',
    { hardState: hard(1) },
    'disk-term-never-back: n2 synced term 2 and found term 1 again',
  ],
  [
    'its vote',
    { hardState: hard(2) },
    'vote-kept: n2 synced its vote for n1 in term 2 and found one for nobody again',
  ],
  [
    'an entry',
    { hardState: hard(2, 'n1'), entries: logOf(1) },
    'synced-found-again: n2 synced entry 2 of term 1 and found nothing there again',
  ],
  [
    'what was never written',
    { hardState: hard(2, 'n1'), entries: logOf(1, 1, 1) },
    'synced-found-again: n2 found term 2 and a log up to index 3 on its disk, which was never ' +
      'written so (synced: term 2, index 2)',
  ],
])('a start that does not find %s as it was synced breaks it (Figure 2)', (_what, found, says) => {
  const told = new ToldCluster(3);
  told.replicate(['n2'], { term: 2, hard: hard(2, 'n1'), entries: logOf(1, 1) });
  expect(told.stop('n2').start('n2', { entries: logOf(1, 1), ...found }).broken).toBe(says);
});

test.each([
  ['lost', logOf(1), 'only on the disks of n1'],
  ['there again, in the page cache alone', logOf(1, 1), 'only on the disks of n1'],
])('a write that no sync covered may be %s, and counts as on no disk', (_how, entries, says) => {
  const told = new ToldCluster(3)
    .elect('n1', 1)
    .step('n1', { entries: [entry(2, 1)] })
    .sync('n1');
  told.replicate(['n2'], { term: 1, entries: logOf(1) }).step('n2', { entries: [entry(2, 1)] });
  told.stop('n2', { type: 'killed' }).start('n2', { entries });
  expect(told.broken, 'the start is all right').toBeUndefined();
  expect(told.step('n1', { commit: 2 }).broken).toContain(says);
});

test.each([
  ['where it was', 'wal'],
  ['in a new file', 'wal-2'],
])('what recovery syncs %s counts as on the disk', (_where, file) => {
  const told = new ToldCluster(3).elect('n1', 1);
  told.step('n2', { term: 1, entries: logOf(1) }).stop('n2', { type: 'killed' });
  told.observer.synced(nodeId('n2'), file, 10_000);
  told.start('n2', { entries: logOf(1) }).step('n1', { commit: 1 });
  expect(told.broken).toBeUndefined();
});

test('a batch that was written in the call in which the node died may be found', () => {
  const told = new ToldCluster(3);
  const { observer } = told;
  const handed = { hardState: hard(1, 'n1'), entries: [] };
  told.observer = { ...observer, written: () => {} };
  told.step('n2', { term: 1, hard: handed.hardState });
  told.observer = observer;
  told.stop('n2').start('n2', { hardState: handed.hardState });
  expect(told.broken).toBeUndefined();
});

test.each([
  ['an assertion of its own', new InvariantError('the clock is monotonic'), 'failed'],
  ['a bug', new TypeError('x is not a function'), 'failed'],
  ['asking for a file that was never there', new DiskError('ENOENT', 'read', 'x'), 'failed'],
  ['a disk that nobody damaged', new Error('batch 3 is damaged'), 'refused'],
] as const)('a node that stops by %s is a failure', (_why, error, type) => {
  const told = new ToldCluster(3).stop('n2', { type, error });
  expect(told.broken).toMatch(new RegExp(`^node-failed: n2 .* ${error.message}$`));
});

test('a node that stops since its disk failed, was killed or lost its power is none', () => {
  const told = new ToldCluster(3).stop('n1', { type: 'killed' }).stop('n2');
  told.stop('n3', { type: 'failed', error: new DiskError('EIO', 'sync', 'wal') });
  expect(told.broken).toBeUndefined();
});

/** Two entries are committed, and a client was told of both. */
function acknowledged(): ToldCluster {
  const told = new ToldCluster(3)
    .elect('n1', 1)
    .step('n1', { entries: [entry(2, 1)] })
    .sync('n1');
  told.replicate(['n2'], { term: 1, entries: logOf(1, 1) });
  told.step('n1', { commit: 2 }).apply('n1', 1, 2);
  return told.answer('n1', told.submit('n1', 'command'), 2);
}

test('a linearizable read behind what was acknowledged before it came breaks it (thesis §6.4)', () => {
  const told = acknowledged();
  expect(told.answer('n3', told.submit('n3', 'read'), 1, 'n2').broken).toBe(
    'read-reflects-acknowledged: a linearizable read at n3 was served by n2 in term 1 from a ' +
      'state up to index 1, though n1 had told a client of index 2 before the read began',
  );
});

test('so does a read behind what an earlier read has shown (thesis §6.4)', () => {
  const told = acknowledged()
    .step('n1', { entries: [entry(3, 1)] })
    .sync('n1');
  told
    .replicate(['n2'], { entries: [entry(3, 1)] })
    .step('n1', { commit: 3 })
    .apply('n1', 3);
  told.answer('n1', told.submit('n1', 'read'), 3);
  expect(told.answer('n2', told.submit('n2', 'read'), 2).broken).toContain('of index 3 before');
});

test('so does one that is served in a term that was over before it came (thesis §6.4)', () => {
  const told = acknowledged().elect('n2', 2);
  expect(told.answer('n1', told.submit('n1', 'read'), 2).broken).toBe(
    'read-reflects-acknowledged: a linearizable read at n1 was served by n1 in term 1, ' +
      'though n2 was elected in term 2 before the read began',
  );
});

test('a read that came before the next election may be served by the old leader (thesis §6.4)', () => {
  const told = acknowledged();
  const early = told.submit('n1', 'read');
  expect(told.elect('n2', 2).answer('n1', early, 2).broken).toBeUndefined();
});

test.each([
  ['that came before the answer left', 'read'],
  ['that may be stale', 'stale'],
] as const)('a read %s may show less (thesis §6.4)', (_which, what) => {
  const told = new ToldCluster(3);
  const early = told.submit('n3', 'read');
  told.elect('n1', 1).replicate(['n2'], { term: 1, entries: logOf(1) });
  told.step('n1', { commit: 1 }).apply('n1', 1);
  told.answer('n1', told.submit('n1', 'command'), 1);
  told.answer('n3', what === 'read' ? early : told.submit('n3', 'stale'), 0);
  expect(told.broken).toBeUndefined();
});

const ask: Input = { type: 'read', id: 5 };

test('a read that is confirmed though only a minority heard the leader since breaks it (§6.4)', () => {
  const told = new ToldCluster(3).elect('n1', 1).step('n2', { term: 1 }, [heartbeat('n1', 1)]);
  told.step('n1', {}, [ask]);
  expect(told.step('n1', { reads: [5] }).broken).toBe(
    'read-confirmed: n1 confirmed a linearizable read as leader of term 1, ' +
      'of which, since it came, only n1, of 3, have heard',
  );
});

test('a majority that heard it, and then of the next term, confirms it all the same (§6.4)', () => {
  const told = new ToldCluster(3).elect('n1', 1).step('n1', {}, [ask]);
  told.step('n2', { term: 2 }, [heartbeat('n1', 1)]);
  told.step('n2', {}, [heartbeat('n3', 2)]).step('n1', { reads: [5] });
  expect(told.broken).toBeUndefined();
});

test('what heard the leader in an earlier life of the read’s number does not count (§6.4)', () => {
  const told = new ToldCluster(3).elect('n1', 1).step('n1', {}, [ask]);
  told
    .step('n2', { term: 1 }, [heartbeat('n1', 1)])
    .stop('n1')
    .start('n1');
  told
    .elect('n1', 2)
    .step('n1', {}, [ask])
    .step('n1', { reads: [5] });
  expect(told.broken).toContain('read-confirmed: n1 confirmed');
});
