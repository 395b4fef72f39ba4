import { onOneLine } from '../lib/one-line.ts';
import type { NodeId } from '../raft/core/types.ts';

/** What a lane shows of a node that does nothing on this line. */
export type LifeLine = 'down' | 'up';

const TIME_WIDTH = 10;
/** `L12 1234/1250` just fits. */
const LANE_WIDTH = 13;
const LINE_WIDTH = 160;
const TEXT_WIDTH_MIN = 60;
/** Begins the text of a line that goes on with the one above. */
const CONTINUED = '  ';

const LIFE_LINES: Readonly<Record<LifeLine, string>> = { down: 'x', up: '|' };

/**
 * Lays lines of a trace out: the time, a lane per node, and the text. ASCII, at most 160 columns with up to
 * five nodes.
 */
export class Lanes {
  readonly #nodes: readonly NodeId[];
  readonly #lifeLines: LifeLine[];
  readonly #textWidth: number;

  constructor(nodes: readonly NodeId[]) {
    this.#nodes = nodes;
    this.#lifeLines = nodes.map(() => 'down');
    const used = TIME_WIDTH + 2 + LANE_WIDTH * nodes.length;
    this.#textWidth = Math.max(TEXT_WIDTH_MIN, LINE_WIDTH - used);
  }

  /** Names the columns. */
  header(): string {
    return this.#line('# seconds', [...this.#nodes], 'what happens');
  }

  set(node: NodeId, lifeLine: LifeLine): void {
    this.#lifeLines[this.#nodes.indexOf(node)] = lifeLine;
  }

  /**
   * @param node - whose line it is; undefined for what is nobody's
   * @param cell - what stands in its lane
   * @param parts - the text; broken between parts only, where it does not fit, and inside one that is too long by itself
   */
  lines(atNs: number, at: { node?: NodeId; cell?: string }, parts: readonly string[]): string[] {
    const cells = this.#nodes.map((node, i) => {
      if (node === at.node && at.cell !== undefined) return at.cell;
      return LIFE_LINES[this.#lifeLines[i] ?? 'down'];
    });
    const time = (atNs / 1e9).toFixed(6).padStart(TIME_WIDTH);
    return this.#broken(parts).map((text) => this.#line(time, cells, text));
  }

  #line(time: string, cells: readonly string[], text: string): string {
    const lanes = cells.map((cell) => cell.padEnd(LANE_WIDTH)).join('');
    return `${time.padEnd(TIME_WIDTH)}  ${lanes}${text}`.trimEnd();
  }

  #broken(parts: readonly string[]): string[] {
    const lines: string[] = [];
    let line = '';
    for (const part of parts.flatMap((one) => this.#chunks(ascii(one)))) {
      const joined = line === '' ? part : `${line} ${part}`;
      if (line !== '' && joined.length > this.#textWidth) {
        lines.push(line);
        line = CONTINUED + part;
      } else line = joined;
    }
    return [...lines, line];
  }

  /** Between words where it can be. */
  #chunks(part: string): string[] {
    const widthMax = this.#textWidth - CONTINUED.length;
    const chunks: string[] = [];
    let rest = part;
    while (rest.length > widthMax) {
      const space = rest.lastIndexOf(' ', widthMax);
      const end = space > 0 ? space : widthMax;
      chunks.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    return [...chunks, rest];
  }
}

/** `Raft §5.2` becomes `Raft section 5.2`; whatever else is not ASCII is written as JSON writes it. */
function ascii(text: string): string {
  return onOneLine(text.replaceAll('§§', 'sections ').replaceAll('§', 'section ')).replaceAll(
    /[^\u0020-\u007E]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
