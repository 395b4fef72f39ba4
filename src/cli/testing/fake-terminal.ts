import { Writable } from 'node:stream';
import type { OutputStream } from '../coloured.ts';

/** A terminal of that many columns, with so many bits of colour; or a pipe. What is written is lost. */
export function fakeOutput(terminal?: {
  readonly columns: number;
  readonly colourDepth?: number;
}): OutputStream {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (terminal === undefined) return Object.assign(stream, { isTTY: false });
  const { columns, colourDepth = 8 } = terminal;
  return Object.assign(stream, { isTTY: true, columns, getColorDepth: () => colourDepth });
}

/** A terminal that shows what a person would see: lines, wrapping, cursor up, clear below. */
export class FakeTerminal {
  columns: number;
  readonly isTTY = true;
  /** Everything written, escape sequences included. */
  written = '';
  #rows: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): boolean {
    this.written += text;
    // oxlint-disable-next-line no-control-regex -- escape sequences begin so
    for (const [token] of text.matchAll(/\u001B\[(\d*)([A-Za-z])|[\s\S]/g)) this.#take(token);
    return true;
  }

  /** The screen, empty lines at its end left out. */
  get shown(): string {
    return this.#rows.join('\n').trimEnd();
  }

  /** Where the next character goes; the row counts from the top. */
  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row, column: this.#column };
  }

  #take(token: string): void {
    if (token === '\n') this.#moveTo(this.#row + 1, 0);
    else if (token === '\r') this.#column = 0;
    else if (token.startsWith('\u001B')) this.#obey(token);
    else {
      if (this.#column === this.columns) this.#moveTo(this.#row + 1, 0);
      const row = this.#rows[this.#row] ?? '';
      const before = row.slice(0, this.#column).padEnd(this.#column);
      this.#rows[this.#row] = before + token + row.slice(this.#column + 1);
      this.#column++;
    }
  }

  #obey(sequence: string): void {
    const count = Number(sequence.slice(2, -1) || 1);
    if (sequence.endsWith('A')) this.#row = Math.max(0, this.#row - count);
    else if (sequence.endsWith('J')) {
      this.#rows.length = this.#row + 1;
      this.#rows[this.#row] = (this.#rows[this.#row] ?? '').slice(0, this.#column);
    } else if (!sequence.endsWith('m')) throw new Error(`not obeyed: ${JSON.stringify(sequence)}`);
  }

  #moveTo(row: number, column: number): void {
    while (this.#rows.length <= row) this.#rows.push('');
    this.#row = row;
    this.#column = column;
  }
}
