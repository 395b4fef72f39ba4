import type { Capability } from '../contracts/cluster.ts';
import type { Nemesis, NemesisShape } from '../contracts/nemesis.ts';
import { UserError } from '../lib/user-error.ts';

/** One word of `--nemesis`: a kind, and the shapes that may be drawn for it. */
export interface Selection {
  readonly word: string;
  readonly nemesis: Nemesis;
  /** One when the word names a shape; otherwise all that make sense for so many nodes. */
  readonly shapes: readonly NemesisShape[];
}

export interface SelectionRequest {
  /** `partition,kill:leader`; empty or `none` for no faults. */
  readonly words: string;
  readonly nemeses: ReadonlyMap<string, Nemesis>;
  readonly capabilities: ReadonlySet<Capability>;
  readonly nodes: number;
  /** How many run beside them and are no members; by default none. */
  readonly spares?: number | undefined;
}

/**
 * Reads the words of `--nemesis`.
 *
 * @throws UserError (`usage`) for an unknown kind (GONG-E021) or shape (GONG-E023), or for one that
 *   this cluster cannot do or is too small for (GONG-E024)
 */
export function selectNemeses(request: SelectionRequest): readonly Selection[] {
  const words = request.words.split(',').map((word) => word.trim());
  const named = words.filter((word) => word !== '' && word !== 'none');
  return [...new Set(named)].map((word) => select(word, request));
}

/** What to do about a nemesis that this cluster cannot do. */
export function whereDone({ requires }: Nemesis, kind: string): string {
  return requires === 'membership' || requires === 'leadership'
    ? `leave ${kind} out, or choose a target that Gong starts and that says how (its admin)`
    : `leave ${kind} out, or pass --cluster local`;
}

/** The shape of that name; undefined when the kind has none. */
export function shapeOf(nemesis: Nemesis, shape: string): NemesisShape | undefined {
  return nemesis.shapes.find((one) => one.shape === shape) ?? nemesis.shapeNamed?.(shape);
}

function select(
  word: string,
  { nemeses, capabilities, nodes, spares = 0 }: SelectionRequest,
): Selection {
  // Only the first colon parts: a shape may be the path of a script.
  const colon = word.indexOf(':');
  const kind = colon < 0 ? word : word.slice(0, colon);
  const shape = colon < 0 ? undefined : word.slice(colon + 1);
  const nemesis = nemeses.get(kind);
  if (nemesis === undefined) {
    throw usage('GONG-E021', {
      what: `no nemesis is called ${JSON.stringify(kind)}`,
      why: `known are ${[...nemeses.keys()].join(', ')}`,
      fix: 'name one of them, as in --nemesis partition,kill:leader',
    });
  }
  if (!capabilities.has(nemesis.requires)) {
    throw usage('GONG-E024', {
      what: `this cluster cannot do ${kind}`,
      why: `it gives no control of ${nemesis.requires}`,
      fix: whereDone(nemesis, kind),
    });
  }
  const shapes = shape === undefined ? nemesis.shapes : named(nemesis, shape);
  if (shapes.length === 0) throw noShape(nemesis, shape);
  const fitting = shapes.filter((one) => one.nodesMin <= nodes);
  if (fitting.length === 0) {
    const nodesMin = Math.min(...shapes.map((one) => one.nodesMin));
    throw usage('GONG-E024', {
      what: `${word} makes no sense with ${nodes} node${nodes === 1 ? '' : 's'}`,
      why: `it needs ${nodesMin} at least`,
      fix: `pass --nodes ${nodesMin}, or leave ${word} out`,
    });
  }
  const possible = fitting.filter(({ sparesMin = 0 }) => sparesMin <= spares);
  if (possible.length > 0) return { word, nemesis, shapes: possible };
  const sparesMin = Math.min(...fitting.map((one) => one.sparesMin ?? 0));
  throw usage('GONG-E024', {
    what: `${word} cannot be done with ${spares} spare node${spares === 1 ? '' : 's'}`,
    why: `it adds nodes that are no members, and needs ${sparesMin} of them at least`,
    fix: `pass --spares ${sparesMin}, or leave ${word} out`,
  });
}

function named(nemesis: Nemesis, shape: string): readonly NemesisShape[] {
  const found = shape === '' ? undefined : shapeOf(nemesis, shape);
  return found === undefined ? [] : [found];
}

function noShape({ kind, shapes, ...nemesis }: Nemesis, shape: string | undefined): UserError {
  if (nemesis.shapeNamed !== undefined && shapes.length === 0) {
    return usage('GONG-E023', {
      what: `${kind} does not say what to run`,
      why: `the word after ${kind}: is yours to choose, and there is none`,
      fix: `name it, as in --nemesis ${kind}:./cut.sh`,
    });
  }
  const known = shapes.map((one) => one.shape);
  return usage('GONG-E023', {
    what: `${kind} has no shape ${JSON.stringify(shape ?? '')}`,
    why: `its shapes are ${known.join(', ')}`,
    fix: `name one of them, as in --nemesis ${kind}:${known[0]}`,
  });
}

function usage(code: string, parts: { what: string; why: string; fix: string }): UserError {
  return new UserError({ kind: 'usage', code, ...parts });
}
