/**
 * Text of somebody else's as people read it: what would break the line, speak to the terminal, turn the
 * direction of reading or not be seen at all is written as JSON writes it.
 */
export function onOneLine(text: string): string {
  return text.toWellFormed().replaceAll(
    // oxlint-disable-next-line no-control-regex -- control characters are what it is about
    /[\u0000-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069\uFEFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
