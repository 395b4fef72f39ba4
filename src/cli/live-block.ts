/** What a terminal must offer: its width changes while the run goes on. */
export interface Screen {
  write(text: string): unknown;
  readonly columns?: number;
}

const COLUMNS_DEFAULT = 80;
/** To the first column, and everything from there on is cleared. */
const CLEAR_BELOW = '\r\u001B[J';

/**
 * A few lines at the end of a terminal that are drawn again and again in place. The cursor stands below
 * them, at the beginning of a line, and is never hidden: whatever ends the process leaves a terminal
 * that is as it should be, and a stray message stands on a line of its own.
 */
export class LiveBlock {
  readonly #screen: Screen;
  #drawn: readonly string[] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** @param lines - printable text without escape sequences; what does not fit is cut off */
  draw(lines: readonly string[]): void {
    // One column stays free: a full line would leave the cursor between two lines.
    const shown = lines.map((line) => fitted(line, this.#columns - 1));
    this.#screen.write(`${this.#clearing()}${shown.map((line) => `${line}\n`).join('')}`);
    this.#drawn = shown;
  }

  /** Writes text above the block's place; the block comes back with the next `draw`. */
  say(text: string): void {
    this.#screen.write(`${this.#clearing()}${text}`);
    this.#drawn = [];
  }

  erase(): void {
    if (this.#drawn.length === 0) return;
    this.#screen.write(this.#clearing());
    this.#drawn = [];
  }

  get #columns(): number {
    return Math.max(2, this.#screen.columns ?? COLUMNS_DEFAULT);
  }

  #clearing(): string {
    if (this.#drawn.length === 0) return '';
    // A terminal that has become narrower shows a line in several rows.
    const rows = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(line.length / this.#columns)),
      0,
    );
    return `\u001B[${rows}A${CLEAR_BELOW}`;
  }
}

/** Characters that take one column each, as far as anybody can know; others become a question mark. */
function fitted(line: string, columns: number): string {
  const narrow = line.replaceAll(/[^\u0020-\u007E\u00A0-\u024F\u2026\u2580-\u259F\u03BC]/gu, '?');
  return narrow.length <= columns ? narrow : `${narrow.slice(0, Math.max(0, columns - 1))}…`;
}

/** A bar of so many columns, filled by a share from 0 to 1. */
export function bar(share: number, columns: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * columns);
  return '█'.repeat(filled) + '░'.repeat(columns - filled);
}
