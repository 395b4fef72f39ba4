import type { Cluster } from '../src/contracts/cluster.ts';
import { type Link, nodeId, type NodeId } from '../src/contracts/names.ts';
import type { ResolvedFault } from '../src/contracts/nemesis.ts';
import { UserError } from '../src/lib/user-error.ts';

/**
 * What a resolved fault carries, and how it is read back: it may come from a file. Links are told in
 * one of two ways: `{"groups":[["n1"],["n2","n3"]]}` means all links from one group to another, both
 * ways, and says nothing of nodes in no group; `{"links":["n1->n2"]}` names each one.
 */
export type FaultValue = ResolvedFault['value'];

type Groups = readonly (readonly NodeId[])[];

/**
 * The links that a fault acts on; each once, at least one.
 *
 * @throws UserError (`usage`, GONG-E131) when the value does not say it, or contradicts itself
 */
export function linksIn(kind: string, value: FaultValue): readonly Link[] {
  const { groups, links } = isRecord(value) ? value : {};
  const malformed = (why: string): UserError =>
    unreadable('GONG-E131', kind, { value, why, example: '{"groups":[["n1"],["n2","n3"]]}' });
  if ((groups === undefined) === (links === undefined)) {
    throw malformed('it has to name either "groups" of nodes or "links"');
  }
  const found = groups === undefined ? linksNamed(links) : linksBetween(groups);
  if (typeof found === 'string') throw malformed(found);
  return found;
}

/** `{"links":["n1->n2"]}` */
export function namingLinks(links: readonly Link[]): { readonly links: readonly string[] } {
  return { links: links.map(textOf) };
}

/** Every directed link from one group to another. */
export function linksAcross(groups: Groups): readonly Link[] {
  return groups.flatMap((group, i) =>
    groups.flatMap((other, j) =>
      i === j ? [] : group.flatMap((from) => other.map((to) => ({ from, to }))),
    ),
  );
}

/** Each of some nodes by itself, and the rest together: across these are all links of those nodes. */
export function eachAlone(nodes: readonly NodeId[], alone: readonly NodeId[]): Groups {
  const rest = nodes.filter((node) => !alone.includes(node));
  return [...alone.map((node) => [node]), ...(rest.length === 0 ? [] : [rest])];
}

/**
 * A whole number of nanoseconds.
 *
 * @throws UserError (`usage`, GONG-E133) when it is absent, no such number, or out of bounds
 */
export function nanosecondsIn(
  kind: string,
  value: FaultValue,
  field: { readonly name: string; readonly min: number; readonly max: number },
): number {
  const { name, min, max } = field;
  const found = isRecord(value) ? value[name] : undefined;
  if (typeof found === 'number' && Number.isInteger(found) && found >= min && found <= max) {
    return found;
  }
  throw unreadable('GONG-E133', kind, {
    value,
    why: `"${name}" has to be a whole number of nanoseconds from ${min} to ${max}`,
    example: `"${name}":${Math.min(max, Math.max(min, 100_000_000))}`,
  });
}

/**
 * A list of names of nodes, each once, at least one.
 *
 * @throws UserError (`usage`, GONG-E134) when it is absent, or something else
 */
export function nodesIn(kind: string, value: FaultValue, name: string): readonly NodeId[] {
  const field = isRecord(value) ? value[name] : undefined;
  const found = field === undefined ? undefined : nodeList(field);
  if (found !== undefined) return found;
  const why = `"${name}" has to be a list of nodes, each of them once`;
  throw unreadable('GONG-E134', kind, { value, why, example: `"${name}":["n3"]` });
}

/**
 * The same of a list of such lists, at least one.
 *
 * @throws UserError (`usage`, GONG-E134)
 */
export function nodeListsIn(
  kind: string,
  value: FaultValue,
  name: string,
): readonly (readonly NodeId[])[] {
  const field = isRecord(value) ? value[name] : undefined;
  const lists = field !== undefined && isList(field) ? field.map(nodeList) : [];
  const found = lists.filter((list) => list !== undefined);
  if (found.length > 0 && found.length === lists.length) return found;
  const why = `"${name}" has to be a list of lists of nodes, in each of them each node once`;
  throw unreadable('GONG-E134', kind, { value, why, example: `"${name}":[["n1","n2","n4"]]` });
}

/** True when a fault's value has that field. */
export function hasField(value: FaultValue, name: string): boolean {
  return isRecord(value) && value[name] !== undefined;
}

/**
 * The nodes to be hit.
 *
 * @throws UserError (`usage`, GONG-E132) when there are none, or one is not of this cluster
 */
export function victimsIn(
  cluster: Cluster,
  kind: string,
  { victims }: ResolvedFault,
): readonly NodeId[] {
  if (victims.length === 0) throw strange(cluster, kind, 'no victims');
  return requireKnown(cluster, kind, victims);
}

/**
 * The same as `linksIn`, of this cluster.
 *
 * @throws UserError (`usage`, GONG-E131, or GONG-E132 when a node is not of this cluster)
 */
export function linksOf(cluster: Cluster, kind: string, value: FaultValue): readonly Link[] {
  const links = linksIn(kind, value);
  requireKnown(
    cluster,
    kind,
    links.flatMap(({ from, to }) => [from, to]),
  );
  return links;
}

/** @throws UserError (`usage`, GONG-E132) when one is not of this cluster */
export function requireKnown(
  cluster: Cluster,
  kind: string,
  nodes: readonly NodeId[],
): readonly NodeId[] {
  const stranger = nodes.find((node) => !cluster.nodes.includes(node));
  if (stranger !== undefined) throw strange(cluster, kind, stranger);
  return nodes;
}

/** A sentence when the groups are none. */
function linksBetween(groups: FaultValue): readonly Link[] | string {
  const lists = isList(groups) ? groups.map(namesIn) : [];
  const named = lists.filter((list) => list !== undefined);
  if (named.length === 0 || named.length < lists.length) return '"groups" are lists of nodes';
  const twice = named.flat().find((node, i, all) => all.indexOf(node) !== i);
  if (twice !== undefined) return `${twice} stands in two places`;
  const links = linksAcross(named);
  return links.length === 0 ? 'there are no links within one group' : links;
}

/** A sentence when the links are none. */
function linksNamed(links: FaultValue | undefined): readonly Link[] | string {
  const texts = links === undefined ? undefined : namesIn(links);
  if (texts === undefined) return '"links" is a list such as ["n1->n2","n2->n1"]';
  if (texts.length === 0) return '"links" is empty';
  const found = texts.map(linkNamed);
  const strange = texts.find((_, i) => found[i] === undefined);
  if (strange !== undefined) return `${JSON.stringify(strange)} is no link such as "n1->n2"`;
  const twice = texts.find((text, i) => texts.indexOf(text) !== i);
  if (twice !== undefined) return `${twice} stands there twice`;
  return found.filter((link) => link !== undefined);
}

function linkNamed(text: string): Link | undefined {
  const [from, to, ...rest] = text.split('->');
  if (!from || !to || rest.length > 0 || from === to) return undefined;
  return { from: nodeId(from), to: nodeId(to) };
}

function textOf({ from, to }: Link): string {
  return `${from}->${to}`;
}

function namesIn(value: FaultValue): readonly NodeId[] | undefined {
  if (!isList(value)) return undefined;
  const names = value.flatMap((name) =>
    typeof name === 'string' && name !== '' ? [nodeId(name)] : [],
  );
  return names.length === value.length ? names : undefined;
}

/** Undefined when it is none: empty, no list of names, or one of them twice. */
function nodeList(value: FaultValue): readonly NodeId[] | undefined {
  const names = namesIn(value);
  return names !== undefined && names.length > 0 && new Set(names).size === names.length
    ? names
    : undefined;
}

function isRecord(value: FaultValue): value is { readonly [key: string]: FaultValue } {
  return typeof value === 'object' && value !== null && !isList(value);
}

function isList(value: FaultValue): value is readonly FaultValue[] {
  return Array.isArray(value);
}

function unreadable(
  code: string,
  kind: string,
  about: { readonly value: FaultValue; readonly why: string; readonly example: string },
): UserError {
  return new UserError({
    kind: 'usage',
    code,
    what: `a ${kind} fault cannot be ${JSON.stringify(about.value)}`,
    why: about.why,
    fix: `correct its value in the schedule, as in ${about.example}`,
  });
}

function strange(cluster: Cluster, kind: string, what: string): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E132',
    what: `a ${kind} fault cannot hit ${what}`,
    why: `the nodes of this cluster are ${cluster.nodes.join(', ')}`,
    fix: 'name its nodes in the schedule, or pass as many --nodes as the schedule was made for',
  });
}
