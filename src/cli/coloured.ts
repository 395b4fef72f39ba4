import { styleText } from 'node:util';

/** Standard output, or what stands for it. */
export type OutputStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

/** Words that a line begins with, and how they look. Nothing else is coloured. */
const LOOKS: readonly (readonly [RegExp, Parameters<typeof styleText>[0]])[] = [
  [/^LINEARIZABLE$/, ['bold', 'green']],
  [/^NOT LINEARIZABLE$/, ['bold', 'red']],
  [/^UNKNOWN\b/, ['bold', 'yellow']],
  [/^NOTHING PROVED\b/, ['bold', 'yellow']],
  [/^PROVED NOTHING\b/, ['bold', 'yellow']],
  [/^KNOWN FAILURES\b/, 'yellow'],
  [/^threshold {2}.*, BROKEN$/, 'red'],
];

/**
 * The text as it goes to a stream: on a terminal broken between words at its width, and coloured where
 * `NO_COLOR` does not forbid it; elsewhere as it is.
 */
export function coloured(text: string, stream: OutputStream): string {
  const isTerminal = stream.isTTY === true;
  const lines = text.split('\n');
  const broken = isTerminal ? lines.flatMap((line) => brokenAt(line, stream.columns ?? 80)) : lines;
  return broken
    .map((line) => {
      for (const [words, look] of LOOKS) {
        if (words.test(line)) {
          return line.replace(words, (found) => styleText(look, found, { stream }));
        }
      }
      return line;
    })
    .join('\n');
}

/** A line in several: those that follow are indented by two more than the first. */
function brokenAt(line: string, columns: number): readonly string[] {
  if (line.length <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  const lines: string[] = [];
  let current = indent;
  for (const word of line.slice(indent.length).split(/(?<=\S) /)) {
    const isStart = current.trim() === '';
    const next = isStart ? `${current}${word}` : `${current} ${word}`;
    if (!isStart && next.length > columns) {
      lines.push(current);
      current = `${indent}  ${word.trimStart()}`;
    } else current = next;
  }
  return [...lines, current];
}
