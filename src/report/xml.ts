/** An element: its attributes in order, then its text or its children. */
export interface XmlElement {
  readonly name: string;
  /** Those that are undefined are left out. */
  readonly attributes?: Readonly<Record<string, string | number | undefined>>;
  readonly text?: string;
  readonly children?: readonly XmlElement[];
}

/** A whole document, UTF-8, indented by two spaces; text is written as it is, white space included. */
export function writeXml(root: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, '')}`;
}

function element(
  { name, attributes = {}, text, children = [] }: XmlElement,
  indent: string,
): string {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${attributeText(String(value))}"`)
    .join('');
  const head = `${indent}<${name}${written}`;
  if (text !== undefined) return `${head}>${elementText(text)}</${name}>\n`;
  if (children.length === 0) return `${head}/>\n`;
  const inside = children.map((child) => element(child, `${indent}  `)).join('');
  return `${head}>\n${inside}${indent}</${name}>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

function elementText(text: string): string {
  // A bare carriage return would be read as a newline.
  return allowed(text)
    .replaceAll(/[&<>]/g, (character) => ENTITIES[character] ?? character)
    .replaceAll('\r', '&#13;');
}

function attributeText(text: string): string {
  // White space other than blanks would be read as blanks.
  return allowed(text)
    .replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character)
    .replaceAll(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** XML 1.0 has no way at all to write these: lone surrogates, most control characters, U+FFFE/F. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g;

function allowed(text: string): string {
  return text.toWellFormed().replaceAll(FORBIDDEN, '\uFFFD');
}
