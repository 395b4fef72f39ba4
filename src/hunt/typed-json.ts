/** Something of a file is not what it has to be. */
export class Misfit extends Error {
  override readonly name = 'Misfit';
  /** Where: `faults[3].what.kind`; empty for the whole. */
  readonly place: string;

  constructor(place: string, why: string) {
    super(why);
    this.place = place;
  }
}

/** Takes what JSON.parse gave, and says what it is. @throws Misfit */
export type Read<T> = (value: unknown, place: string) => T;

/** A field of a record that may be absent. */
export interface Optional<T> {
  readonly optional: Read<T>;
}

type Fields<T> = { readonly [K in keyof T]-?: Field<T, K> };
type Field<T, K extends keyof T> = undefined extends T[K]
  ? Optional<Exclude<T[K], undefined>>
  : Read<T[K]>;

export const text: Read<string> = (value, place) => {
  if (typeof value === 'string') return value;
  throw new Misfit(place, `${shown(value)} is no text`);
};

export const flag: Read<boolean> = (value, place) => {
  if (typeof value === 'boolean') return value;
  throw new Misfit(place, `${shown(value)} is neither true nor false`);
};

/** A whole number in these bounds. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): Read<number> {
  return (value, place) => {
    if (Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max) {
      return Number(value);
    }
    throw new Misfit(place, `${shown(value)} is no whole number from ${min} to ${max}`);
  };
}

/** Any number in these bounds. */
export function number(min: number, max: number): Read<number> {
  return (value, place) => {
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw new Misfit(place, `${shown(value)} is no number from ${min} to ${max}`);
  };
}

export function oneOf<const T extends string>(choices: readonly T[]): Read<T> {
  return (value, place) => {
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw new Misfit(place, `${shown(value)} is none of ${choices.join(', ')}`);
  };
}

export function orNull<T>(read: Read<T>): Read<T | null> {
  return (value, place) => (value === null ? null : read(value, place));
}

export function optional<T>(read: Read<T>): Optional<T> {
  return { optional: read };
}

export function list<T>(read: Read<T>): Read<readonly T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw new Misfit(place, `${shown(value)} is no list`);
    return value.map((one, i) => read(one, `${place}[${i}]`));
  };
}

/** An object of any names. */
export function dictionary<T>(read: Read<T>): Read<Readonly<Record<string, T>>> {
  return (value, place) =>
    Object.fromEntries(
      Object.entries(object(value, place)).map(([key, one]) => [key, read(one, under(place, key))]),
    );
}

/** An object of just these fields: a word that is mistyped would be lost without a sound. */
export function record<T extends object>(fields: Fields<T>): Read<T> {
  const readers = Object.entries<Read<unknown> | Optional<unknown>>(fields);
  return (value, place) => {
    const given = object(value, place);
    const unknown = Object.keys(given).find((key) => !Object.hasOwn(fields, key));
    if (unknown !== undefined) {
      const known = readers.map(([key]) => key).join(', ');
      throw new Misfit(under(place, unknown), `there is no such field; there are ${known}`);
    }
    const found: Record<string, unknown> = {};
    for (const [key, reader] of readers) {
      const isOptional = typeof reader !== 'function';
      if (given[key] === undefined) {
        if (isOptional) continue;
        throw new Misfit(under(place, key), 'it is missing');
      }
      found[key] = (isOptional ? reader.optional : reader)(given[key], under(place, key));
    }
    // Each field was read by the reader of its own type, and none is left over.
    return found as T;
  };
}

/** One of several records, which one says the field `tag`. */
export function variants<T extends object>(
  tag: string,
  readers: Readonly<Record<string, Read<T>>>,
): Read<T> {
  const choose = oneOf(Object.keys(readers));
  return (value, place) => {
    const name = choose(object(value, place)[tag], under(place, tag));
    const read = readers[name];
    if (read === undefined) throw new Misfit(place, `${name} is not known`);
    return read(value, place);
  };
}

function object(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new Misfit(place, `${shown(value)} is no object`);
}

function under(place: string, key: string): string {
  return place === '' ? key : `${place}.${key}`;
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 60)}…` : json;
}
