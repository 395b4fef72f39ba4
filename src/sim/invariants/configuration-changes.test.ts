import { expect, test } from 'vitest';
import type { Entry } from '../../raft/core/types.ts';
import { entry, hard, heartbeat, logOf, members, ToldCluster } from './testing/told-cluster.ts';

const OLD = ['n1', 'n2', 'n3'];
const NEW = ['n3', 'n4', 'n5'];

/** n1 leads term 1 of five nodes that all vote; its first entry is on three disks, and committed. */
function led(): ToldCluster {
  const told = new ToldCluster(5).elect('n1', 1);
  told.replicate(['n2', 'n3'], { term: 1, entries: logOf(1) });
  return told.step('n1', { commit: 1 }).apply('n1', 1);
}

/** The entries by which only n1, n2 and n3 vote. */
function threeVote(): readonly Entry[] {
  const all = ['n1', 'n2', 'n3', 'n4', 'n5'];
  return [members(2, 1, OLD, { outgoing: all }), members(3, 1, OLD)];
}

/** And it has let only n1, n2 and n3 vote, by way of a joint configuration. */
function ledByThree(): ToldCluster {
  const told = led();
  for (const step of threeVote()) {
    told.replicate(['n1', 'n2', 'n3'], { entries: [step] });
    told.step('n1', { commit: step.index }).apply('n1', step.index);
  }
  return told;
}

test('a change by way of a joint configuration, each step committed, breaks nothing (§6)', () => {
  const told = ledByThree();
  const learning = members(4, 1, OLD, { learners: ['n4'] });
  told.replicate(['n1', 'n2', 'n3'], { entries: [learning] }).step('n1', { commit: 4 });
  told.apply('n1', 4);
  const joint = members(5, 1, ['n1', 'n4'], { outgoing: OLD });
  told.replicate(['n1', 'n2', 'n3'], { entries: [joint] });
  told.replicate(['n4'], {
    term: 1,
    entries: [...logOf(1), ...threeVote(), learning, joint],
  });
  told.step('n1', { commit: 5 }).apply('n1', 5);
  told.replicate(['n1', 'n4'], { entries: [members(6, 1, ['n1', 'n4'])] });
  told.step('n1', { commit: 6 }).apply('n1', 6);
  expect(told.broken).toBeUndefined();
});

test('majorities that may decide without each other, one after the other, break it (§6)', () => {
  const told = led().step('n1', { entries: [members(2, 1, OLD)] });
  expect(told.broken).toBe(
    'one-change-at-a-time: n1, leader of term 1, went on from n1 n2 n3 n4 n5 to n1 n2 n3, ' +
      'which may decide without each other',
  );
});

test('a joint configuration whose old half is not what was in force breaks it (§6)', () => {
  const told = led().step('n1', { entries: [members(2, 1, NEW, { outgoing: OLD })] });
  expect(told.broken).toContain('went on from n1 n2 n3 n4 n5 to n1 n2 n3 -> n3 n4 n5, which');
});

test('C_new before C_old,new is committed breaks it (§6, Figure 11)', () => {
  const told = ledByThree();
  told.replicate(['n1', 'n2'], { entries: [members(4, 1, NEW, { outgoing: OLD })] });
  told.step('n1', { entries: [members(5, 1, NEW)] });
  expect(told.broken).toBe(
    'one-change-at-a-time: n1, leader of term 1, went on from n1 n2 n3 -> n3 n4 n5 to n3 n4 n5, ' +
      'though the entry 4 before is not committed',
  );
});

test('a change by a leader that has committed nothing in its term breaks it (etcd#12359)', () => {
  const told = led().elect('n2', 2);
  told.step('n2', { commit: 1, entries: [members(3, 2, ['n1', 'n2', 'n3', 'n4', 'n5'])] });
  expect(told.broken).toContain('though it has committed nothing in its term');
});

test('who is elected while joint, and knows that C_old,new is committed, may end it at once (§6)', () => {
  const all = ['n1', 'n2', 'n3', 'n4', 'n5'];
  const joint = members(2, 1, OLD, { outgoing: all });
  const told = led();
  told.replicate(['n1', 'n2', 'n3'], { entries: [joint] });
  told.step('n1', { commit: 2 }).apply('n1', 2);
  told.step('n2', { commit: 2 }).apply('n2', 1).apply('n2', 2).elect('n2', 2);
  told.step('n2', { entries: [members(4, 2, OLD)] });
  expect(told.broken).toBeUndefined();
});

test('a majority of disks is one of those who vote: others do not count (§5.3, §6)', () => {
  const told = ledByThree();
  told.step('n1', { entries: [entry(4, 1)] }).sync('n1');
  told.step('n1', { commit: 4 });
  expect(told.broken).toBe(
    'acknowledged-on-majority-of-disks: n1 committed entry 4 of term 1 as leader of term 1, ' +
      'but it is only on the disks of n1, of 3',
  );
});

test('while joint a majority of one half is none (§6)', () => {
  const told = ledByThree();
  const joint = members(4, 1, NEW, { outgoing: OLD });
  told.replicate(['n1', 'n2', 'n3'], { entries: [joint] }).step('n1', { commit: 4 });
  expect(told.broken).toContain('it is only on the disks of n3, n1, n2, of 3 and 3');
});

test('a leader without the votes of a quorum of who votes breaks it (§5.2, §6)', () => {
  const told = ledByThree();
  told.step('n1', { role: 'follower', term: 2, hard: hard(2) }, [heartbeat('n4', 2)]).sync('n1');
  told.step('n2', { role: 'candidate', term: 3, hard: hard(3, 'n2') }).sync('n2');
  told.write('n4', { hardState: hard(3, 'n2') }).sync('n4');
  told.write('n5', { hardState: hard(3, 'n2') }).sync('n5');
  told.step('n2', { role: 'leader' });
  expect(told.broken).toBe(
    'elected-by-quorum: n2 leads in term 3 without the votes of a quorum of n1 n2 n3, ' +
      'the configuration in its log',
  );
});

test('a leader that goes on when it has committed that it left breaks it (§6)', () => {
  const told = ledByThree();
  const joint = members(4, 1, ['n2', 'n3'], { outgoing: OLD });
  told.replicate(['n1', 'n2', 'n3'], { entries: [joint] }).step('n1', { commit: 4 });
  told.replicate(['n1', 'n2', 'n3'], { entries: [members(5, 1, ['n2', 'n3'])] });
  told.step('n1', { commit: 5 });
  expect(told.broken).toBeUndefined();
  told.step('n1', {});
  expect(told.broken).toBe(
    'who-left-leads-no-more: n1 leads on in term 1, though it committed at index 5 that ' +
      'n2 n3 vote, and it does not',
  );
});
