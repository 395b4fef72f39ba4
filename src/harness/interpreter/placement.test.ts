import { expect, test } from 'vitest';
import { nodeId, type NodeId } from '../../contracts/names.ts';
import { placement, type PlacementParts, type ReadFrom } from './placement.ts';

const names = (...all: readonly string[]): readonly NodeId[] => all.map(nodeId);
const NODES = names('n1', 'n2', 'n3', 'n4', 'n5');
const read = { f: 'read', value: null };
const write = { f: 'write', value: 1 };

function placed(readFrom: ReadFrom = 'any') {
  const state = { members: NODES, leader: nodeId('n2') as NodeId | undefined, nowNs: 0 };
  const parts: PlacementParts = {
    nodes: NODES,
    members: () => state.members,
    leader: () => state.leader,
    readFrom,
    isRead: (f) => f === 'read',
    nowNs: () => state.nowNs,
    lingerNs: 1000,
  };
  const place = placement(parts);
  const all = (what: typeof read | typeof write): string =>
    Array.from({ length: 7 }, (_, client) => place(client, what)).join(' ');
  return { state, all };
}

test('clients are bound to the nodes in turn, whatever they do', () => {
  const { all } = placed();
  expect(all(read)).toBe('n1 n2 n3 n4 n5 n1 n2');
  expect(all(write)).toBe(all(read));
});

test('clients of a node that never was a member have another one; nobody else moves', () => {
  const { state, all } = placed();
  state.members = names('n1', 'n2', 'n3');
  expect(all(write)).toBe('n1 n2 n3 n1 n2 n1 n2');
  state.members = names('n1', 'n2', 'n3', 'n5');
  expect(all(write)).toBe('n1 n2 n3 n5 n5 n1 n2');
});

test('clients of a removed node stay with it for a while: what it answers must be true, too', () => {
  const { state, all } = placed();
  all(write);
  state.members = names('n1', 'n3', 'n4', 'n5');
  state.nowNs = 1000;
  expect(all(write)).toBe('n1 n2 n3 n4 n5 n1 n2');
  state.nowNs = 1001;
  expect(all(write)).toBe('n1 n3 n3 n4 n5 n1 n4');
});

test('as long as nobody knows who the members are, clients stay where they are', () => {
  const { state, all } = placed();
  state.members = [];
  expect(all(write)).toBe('n1 n2 n3 n4 n5 n1 n2');
});

test('reads from the leader follow it, and stay with the last one while none is known', () => {
  const { state, all } = placed('leader');
  expect(all(write)).toBe('n1 n2 n3 n4 n5 n1 n2');
  expect(all(read)).toBe('n2 n2 n2 n2 n2 n2 n2');
  state.leader = undefined;
  expect(all(read)).toBe('n2 n2 n2 n2 n2 n2 n2');
  state.leader = nodeId('n5');
  expect(all(read)).toBe('n5 n5 n5 n5 n5 n5 n5');
});

test('reads from followers go to no leader: its own clients have other nodes in turn', () => {
  const { state, all } = placed('follower');
  expect(all(read)).toBe('n1 n3 n3 n4 n5 n1 n4');
  state.leader = nodeId('n1');
  expect(all(read)).toBe('n2 n2 n3 n4 n5 n3 n2');
  expect(all(write)).toBe('n1 n2 n3 n4 n5 n1 n2');
});

test('a cluster of one node is read from its leader: there is no other', () => {
  const { state, all } = placed('follower');
  state.members = names('n1');
  state.leader = nodeId('n1');
  expect(all(read)).toBe('n1 n1 n1 n1 n1 n1 n1');
});

test('before a leader is known reads go where writes go', () => {
  for (const readFrom of ['leader', 'follower'] as const) {
    const { state, all } = placed(readFrom);
    state.leader = undefined;
    expect(all(read)).toBe(all(write));
  }
});
