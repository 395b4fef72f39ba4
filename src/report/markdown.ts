/** Longest text of the store's or the user's in one place: a key may be megabytes long. */
const TEXT_MAX = 400;

/**
 * Text from a history or a command line inside a paragraph or a table cell: one line, nothing in it is
 * Markdown or HTML, and what a terminal would obey is replaced.
 */
export function plain(text: string): string {
  return (
    printable(shortened(text))
      .replaceAll(/[\\`*[\]|~]/g, String.raw`\$&`)
      // Between letters an underscore means nothing.
      .replaceAll(/(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])/g, String.raw`\_`)
      // Before a blank or a digit they begin neither a tag nor a link nor an entity.
      .replaceAll(/[<&](?=[A-Za-z#/!?])/g, String.raw`\$&`)
  );
}

/** Lines as they are, in a fence longer than any inside; bounded by the caller. */
export function fenced(lines: readonly string[], language: string = 'text'): readonly string[] {
  const safe = lines.map((line) => printable(shortened(line, TEXT_MAX * 5)));
  const longest = Math.max(2, ...safe.flatMap((line) => fencesIn(line)));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, ...safe, fence];
}

function fencesIn(line: string): readonly number[] {
  return [...line.matchAll(/`+/g)].map(([run]) => run.length);
}

/** A table that is aligned in a terminal as well. The first column is text, the others are numbers. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const cells = [header, ...rows].map((row) => row.map(plain));
  const widths = header.map((_, column) =>
    Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`;
  const [head = [], ...body] = cells;
  const rule = widths.map((width, i) =>
    i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(head), line(rule), ...body.map(line)];
}

/** The end is cut off, and that is shown. */
export function shortened(text: string, lengthMax: number = TEXT_MAX): string {
  return text.length <= lengthMax
    ? text
    : `${text.slice(0, lengthMax).toWellFormed()}… (${text.length - lengthMax} more)`;
}

/** On one line: line breaks become blanks; control and direction characters become U+FFFD. */
export function printable(text: string): string {
  return (
    text
      .toWellFormed()
      .replaceAll(/\r\n|[\n\r\u2028\u2029]/g, ' ')
      // oxlint-disable-next-line no-control-regex -- control characters are what it is about
      .replaceAll(/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, '\uFFFD')
  );
}
