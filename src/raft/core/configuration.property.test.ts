import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeConfiguration, encodeConfiguration } from './configuration-codec.ts';
import { Configurations } from './configurations.ts';
import {
  allVoters,
  type Configuration,
  hasQuorum,
  isVoter,
  makeConfiguration,
  members,
  quorumValue,
} from './configuration.ts';
import { type Entry, logIndex, nodeId, term } from './types.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => nodeId(name));
const someNodes = (minLength: number) => fc.subarray(NAMES, { minLength });

const configuration: fc.Arbitrary<Configuration> = fc
  .record({ voters: someNodes(1), outgoing: someNodes(0), rest: someNodes(0) })
  .map(({ voters, outgoing, rest }) =>
    makeConfiguration(voters, {
      outgoing,
      learners: rest.filter((node) => !voters.includes(node) && !outgoing.includes(node)),
      addresses: new Map(voters.map((node) => [node, `127.0.0.1:${node.length}`])),
    }),
  );

test('a joint quorum is a majority of both halves, each by itself (§6)', () => {
  fc.assert(
    fc.property(configuration, someNodes(0), (joint, agreeing) => {
      const agrees = (node: string): boolean => agreeing.some((other) => other === node);
      const half = (voters: readonly string[]): boolean =>
        voters.length === 0 || voters.filter(agrees).length > voters.length / 2;
      expect(hasQuorum(joint, agrees)).toBe(half(joint.voters) && half(joint.outgoing));
    }),
  );
});

test('what a quorum has reached is the greatest value for which a quorum agrees (§5.3, §6)', () => {
  const values = fc.array(fc.nat({ max: 9 }), { minLength: NAMES.length, maxLength: NAMES.length });
  fc.assert(
    fc.property(configuration, values, (joint, reached) => {
      const of = (node: string): number => reached[NAMES.findIndex((name) => name === node)] ?? -1;
      const found = quorumValue(joint, of);
      expect(hasQuorum(joint, (node) => of(node) >= found)).toBe(true);
      expect(hasQuorum(joint, (node) => of(node) > found)).toBe(false);
    }),
  );
});

test('two quorums of a joint configuration and of either half share a server (§6)', () => {
  fc.assert(
    fc.property(configuration, someNodes(0), someNodes(0), (joint, one, other) => {
      fc.pre(joint.outgoing.length > 0 && hasQuorum(joint, (node) => one.includes(node)));
      const halves = [joint.voters, joint.outgoing].map((half) => makeConfiguration(half));
      const shared = one.some((node) => other.includes(node));
      const inHalf = halves.some((half) => hasQuorum(half, (node) => other.includes(node)));
      expect(shared || !inHalf).toBe(true);
    }),
  );
});

test('a joint configuration of the same voters twice counts like the simple one', () => {
  fc.assert(
    fc.property(someNodes(1), someNodes(0), (voters, agreeing) => {
      const agrees = (node: string): boolean => agreeing.some((other) => other === node);
      const joint = makeConfiguration(voters, { outgoing: voters });
      expect(hasQuorum(joint, agrees)).toBe(hasQuorum(makeConfiguration(voters), agrees));
    }),
  );
});

test('members are named once: voters of both halves, then learners', () => {
  fc.assert(
    fc.property(configuration, (joint) => {
      const all = members(joint);
      expect(new Set(all).size).toBe(all.length);
      expect(allVoters(joint).every((node) => isVoter(joint, node))).toBe(true);
      expect(all.slice(allVoters(joint).length)).toEqual(joint.learners);
    }),
  );
});

test('nobody is no quorum: a node that waits to join elects nobody', () => {
  const none: Configuration = { voters: [], outgoing: [], learners: [], addresses: new Map() };
  expect(hasQuorum(none, () => true)).toBe(false);
  expect(quorumValue(none, () => 1)).toBe(-Infinity);
});

test('a configuration survives its encoding; damaged bytes are refused', () => {
  fc.assert(
    fc.property(configuration, fc.nat(), (what, cut) => {
      const bytes = encodeConfiguration(what);
      expect(decodeConfiguration(bytes)).toEqual(what);
      expect(() => decodeConfiguration(bytes.slice(0, cut % bytes.length))).toThrow();
    }),
  );
});

test('a configuration counts when it is appended, and no longer when it is truncated (§6)', () => {
  const simple = (...voters: string[]): Configuration => makeConfiguration(voters.map(nodeId));
  const entry = (index: number, what: Configuration): Entry => ({
    index: logIndex(index),
    term: term(1),
    kind: 'configuration',
    data: encodeConfiguration(what),
  });
  const along = new Configurations({ index: logIndex(0), term: term(0) }, simple('a'));
  along.appended([entry(3, simple('a', 'b')), entry(7, simple('a', 'b', 'c'))]);
  expect(along.current).toEqual(simple('a', 'b', 'c'));
  expect(along.at(logIndex(6))).toEqual(simple('a', 'b'));
  along.truncated(logIndex(5));
  expect(along.current).toEqual(simple('a', 'b'));
  along.compacted({ index: logIndex(4), term: term(1) });
  along.truncated(logIndex(5));
  expect(along.current, 'a snapshot holds it').toEqual(simple('a', 'b'));
  expect(along.at(logIndex(4))).toEqual(simple('a', 'b'));
});
