import { expect, test } from 'vitest';
import { type Link, nodeId } from '../contracts/names.ts';
import { openPaths } from './open-paths.ts';

const nodes = ['n1', 'n2', 'n3', 'n4', 'n5'].map(nodeId);
const links = (...names: string[]): Link[] =>
  names.map((name) => {
    const [from = '', to = ''] = name.split('>');
    return { from: nodeId(from), to: nodeId(to) };
  });
const both = (a: string, b: string): string[] => [`${a}>${b}`, `${b}>${a}`];

test('without a cut everybody reaches everybody', () => {
  const reaches = openPaths(nodes, []);
  expect(nodes.every((from) => nodes.every((to) => reaches(from, to)))).toBe(true);
});

test('a node whose every link is cut reaches itself alone', () => {
  const reaches = openPaths(
    nodes,
    links(...nodes.slice(1).flatMap((other) => both(nodes[0] ?? '', other))),
  );
  expect(nodes.filter((to) => reaches('n1', to))).toEqual(['n1']);
  expect(nodes.filter((to) => reaches('n3', to))).toEqual(['n2', 'n3', 'n4', 'n5']);
});

test('over a bridge both halves reach each other', () => {
  const halves = ['n1', 'n2'].flatMap((a) => ['n4', 'n5'].flatMap((b) => both(a, b)));
  expect(openPaths(nodes, links(...halves))('n1', 'n5')).toBe(true);
  const bridge = ['n1', 'n2', 'n4', 'n5'].flatMap((node) => both('n3', node));
  expect(openPaths(nodes, links(...halves, ...bridge))('n1', 'n5')).toBe(false);
});

test('a pair that is cut one way is still connected', () => {
  const others = ['n3', 'n4', 'n5'].flatMap((other) => both('n1', other));
  expect(openPaths(nodes, links(...others, 'n1>n2'))('n1', 'n5')).toBe(true);
  expect(openPaths(nodes, links(...others, ...both('n1', 'n2')))('n1', 'n5')).toBe(false);
});
