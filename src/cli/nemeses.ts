import type { Capability } from '../contracts/cluster.ts';
import type { Nemesis, NemesisShape } from '../contracts/nemesis.ts';
import { nemeses } from '../../nemesis/index.ts';
import { aligned } from './columns.ts';
import { CLUSTERS, type ClusterKind } from './clusters.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** The options of `gong nemeses` as the parser gives them. */
export interface NemesesFlags {
  readonly json?: boolean;
}

/** `gong nemeses`: what may be broken, where, and what a run asks to see of it. */
export function nemesesVerb(flags: NemesesFlags): ExitCode {
  const all = [...nemeses.values()];
  const text =
    flags.json === true
      ? `${JSON.stringify(nemesesAsJson(all, CLUSTERS))}\n`
      : describeNemeses(all, CLUSTERS);
  process.stdout.write(text);
  return EXIT.pass;
}

type Clusters = ReadonlyMap<string, ClusterKind>;
type ShapeFacts = Pick<NemesisShape, 'shape' | 'about' | 'nodesMin' | 'hitsLeader' | 'evidence'>;

/** What `gong nemeses --json` prints. */
export interface NemesesJson {
  readonly schema: 1;
  readonly clusters: readonly {
    readonly name: string;
    readonly about: string;
    readonly capabilities: readonly Capability[];
  }[];
  readonly nemeses: readonly {
    readonly kind: string;
    readonly about: string;
    readonly requires: Capability;
    /** Those that can do it. */
    readonly clusters: readonly string[];
    /** True when the word behind the colon is the user's own, such as the path of a script. */
    readonly takesOwnWord: boolean;
    readonly shapes: readonly ShapeFacts[];
  }[];
}

/** All that the code says of them. */
export function nemesesAsJson(all: readonly Nemesis[], clusters: Clusters): NemesesJson {
  return {
    schema: 1,
    clusters: [...clusters].map(([name, { about, capabilities }]) => ({
      name,
      about,
      capabilities: [...capabilities],
    })),
    nemeses: all.map(({ kind, about, requires, shapes, ...nemesis }) => ({
      kind,
      about,
      requires,
      clusters: capable(requires, clusters),
      takesOwnWord: nemesis.shapeNamed !== undefined,
      shapes: shapes.map(({ shape, about: what, nodesMin, hitsLeader, evidence }) => {
        return { shape, about: what, nodesMin, hitsLeader, evidence };
      }),
    })),
  };
}

function capable(requires: Nemesis['requires'], clusters: Clusters): readonly string[] {
  return [...clusters]
    .filter(([, { capabilities }]) => capabilities.has(requires))
    .map(([name]) => name);
}

/** For people: a line for each kind and each of its shapes. */
export function describeNemeses(all: readonly Nemesis[], clusters: Clusters): string {
  const names = [...clusters.keys()];
  const rows = all.flatMap((nemesis) => [
    [nemesis.kind, '', ...marks(nemesis, clusters), '', nemesis.about],
    ...shapeRows(nemesis, names.length),
  ]);
  const table = aligned([
    ['NEMESIS', 'NODES', ...names.map((name) => name.toUpperCase()), 'MUST SHOW', 'WHAT IT DOES'],
    ...rows,
  ]);
  const legend = [...clusters].map(([name, { about }]) => `${name}: ${about}`);
  return [
    ...table,
    '',
    ...legend,
    'gong run --nemesis partition:halves,kill takes kinds, or kinds with a shape.',
    '',
  ].join('\n');
}

function marks({ requires }: Nemesis, clusters: Clusters): readonly string[] {
  return [...clusters.values()].map(({ capabilities }) =>
    capabilities.has(requires) ? 'yes' : '-',
  );
}

function shapeRows({ kind, shapes, ...nemesis }: Nemesis, columns: number): readonly string[][] {
  const blank = Array.from({ length: columns }, () => '');
  if (nemesis.shapeNamed !== undefined && shapes.length === 0) {
    return [[`  ${kind}:…`, '', ...blank, '', 'the word after the colon is yours']];
  }
  return shapes.map(({ shape, about, nodesMin, evidence }) => [
    `  ${kind}:${shape}`,
    `${nodesMin}+`,
    ...blank,
    evidence.join(', '),
    about,
  ]);
}
