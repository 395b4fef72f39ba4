/** A store may answer with a page of text: each operation of a history keeps the beginning of it. */
const TEXT_MAX = 300;

/** One line of bounded length that says what was thrown, whatever it was. Never throws. */
export function errorText(error: unknown): string {
  try {
    return oneLine(error instanceof Error ? named(error) : shown(error));
  } catch {
    // Its own members throw.
    return 'an error that cannot be shown';
  }
}

/** The beginning of a text's first line that is not empty. */
export function oneLine(text: string): string {
  const [line = ''] = text.trimStart().split('\n', 1);
  return line.length > TEXT_MAX ? `${line.slice(0, TEXT_MAX)}…` : line;
}

/** A value as people read it. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle, a bigint, or a toJSON that throws.
  }
  if (text !== undefined) return text;
  try {
    return String(value);
  } catch {
    return 'an object that cannot be shown';
  }
}

function named(error: Error): string {
  const { name } = error;
  const message = messageOf(error);
  // What was never sent is told by how it is recorded.
  const isPlain = name === 'Error' || name === 'NeverSentError';
  return isPlain || message === name ? message : `${name}: ${message}`;
}

/** An `Error` may have anything for its message: it is whatever somebody put there. */
function messageOf(error: Error): string {
  const { message }: { readonly message: unknown } = error;
  if (typeof message !== 'string') return shown(message);
  if (message !== '') return message;
  // A name with several addresses, none of which answers: an error for each, and no message.
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map((one) => errorText(one)).join(', ');
  }
  return error.name;
}
