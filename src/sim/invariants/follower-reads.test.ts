import { expect, test } from 'vitest';
import {
  type Envelope,
  type Input,
  logIndex,
  type Message,
  nodeId,
  term,
} from '../../raft/core/types.ts';
import { heartbeat, ToldCluster } from './testing/told-cluster.ts';

const read: Input = { type: 'read', id: 5 };
const to = (node: string, message: Message): Envelope => ({ to: nodeId(node), message });
const from = (node: string, message: Message): Input => {
  return { type: 'message', from: nodeId(node), message };
};
const question = (ask: number): Message => {
  return { type: 'read-index', term: term(1), ask, lease: false };
};
const answer = (ask: number, lease = false): Message => {
  return { type: 'read-index-response', term: term(1), ask, readIndex: logIndex(1), lease };
};

/** n1 leads five; n2 has a read and has asked. */
function asked(): ToldCluster {
  const told = new ToldCluster(5).elect('n1', 1);
  told.step('n2', { term: 1 }, [heartbeat('n1', 1)]);
  return told.step('n2', { messages: [to('n1', question(1))] }, [read]);
}

test('a leader that answers a follower before a majority heard it since breaks it (thesis §6.4)', () => {
  const told = asked().step('n3', { term: 1 }, [heartbeat('n1', 1)]);
  expect(told.step('n1', { messages: [to('n2', answer(1))] }).broken).toBe(
    'read-confirmed: n1 confirmed a linearizable read of n2 as leader of term 1, ' +
      'of which, since it came, only n1, n3, of 5, have heard',
  );
});

test('what a majority has heard since the question left confirms it (thesis §6.4)', () => {
  const told = asked();
  for (const node of ['n3', 'n4']) told.step(node, { term: 1 }, [heartbeat('n1', 1)]);
  told.step('n1', { messages: [to('n2', answer(1))] });
  told.step('n2', { reads: [5] }, [from('n1', answer(1))]);
  expect(told.broken).toBeUndefined();
});

test('the answer to a question that had left before a read came is not for that read (thesis §6.4)', () => {
  const told = asked();
  told.step('n2', {}, [{ type: 'read', id: 6 }]);
  expect(told.step('n2', { reads: [5, 6] }, [from('n1', answer(1))]).broken).toBe(
    'read-confirmed: n2 took for a read the answer to a question that had left before it came',
  );
});

test('a lease that serves a read when another was elected breaks it, at the leader and for others (thesis §6.4.1)', () => {
  const broken =
    'lease-exclusive: n1 served a read by its lease as leader of term 1, though n3 was elected in term 2';
  const own = asked()
    .elect('n3', 2)
    .step('n1', { leaseReads: [7] });
  expect(own.broken).toBe(broken);
  const others = asked().elect('n3', 2);
  expect(others.step('n1', { messages: [to('n2', answer(1, true))] }).broken).toBe(broken);
});

test('a lease may serve before anybody else is elected, and needs nobody to hear (thesis §6.4.1)', () => {
  const told = asked().step('n1', { leaseReads: [7], messages: [to('n2', answer(1, true))] });
  told.step('n2', { reads: [5] }, [from('n1', answer(1, true))]).elect('n3', 2);
  told.step('n3', { leaseReads: [8] }).step('n1', {});
  expect(told.broken).toBeUndefined();
});
