import { type ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';

/** What an answer holds: JSON whose numbers are safe integers. */
export type Datum =
  null | string | boolean | number | readonly Datum[] | { readonly [name: string]: Datum };

const TAG = { null: 0, text: 1, natural: 2, negative: 3, no: 4, yes: 5, list: 6, record: 7 };
/** Deeper than anything that is written, and far from the end of the stack. */
const DEPTH_MAX = 8;

export function writeDatum(writer: ByteWriter, datum: Datum): void {
  if (datum === null) writer.u8(TAG.null);
  else if (typeof datum === 'string') writer.u8(TAG.text).text(datum);
  else if (typeof datum === 'boolean') writer.u8(datum ? TAG.yes : TAG.no);
  else if (typeof datum === 'number') {
    writer.u8(datum < 0 ? TAG.negative : TAG.natural).u53(Math.abs(datum));
  } else if (isList(datum)) {
    writer.u8(TAG.list).u32(datum.length);
    for (const each of datum) writeDatum(writer, each);
  } else {
    const fields = Object.entries(datum);
    writer.u8(TAG.record).u32(fields.length);
    for (const [name, value] of fields) writeDatum(writer.text(name), value);
  }
}

/** @throws DecodeError */
export function readDatum(reader: ByteReader, depth: number = 0): Datum {
  if (depth > DEPTH_MAX) throw new DecodeError('a datum is too deep');
  const tag = reader.u8();
  switch (tag) {
    case TAG.null:
      return null;
    case TAG.text:
      return reader.text();
    case TAG.natural:
      return reader.u53();
    case TAG.negative:
      return -reader.u53();
    case TAG.no:
    case TAG.yes:
      return tag === TAG.yes;
    case TAG.list: {
      const list: Datum[] = [];
      // The count is a claim: missing bytes throw before it costs anything.
      for (let left = reader.u32(); left > 0; left--) list.push(readDatum(reader, depth + 1));
      return list;
    }
    case TAG.record: {
      const fields: [string, Datum][] = [];
      for (let left = reader.u32(); left > 0; left--) {
        fields.push([reader.text(), readDatum(reader, depth + 1)]);
      }
      return Object.fromEntries(fields);
    }
    default:
      throw new DecodeError(`${tag} is no kind of datum`);
  }
}

/** About how much memory it takes, in UTF-16 units. */
export function unitsOf(datum: Datum): number {
  if (typeof datum === 'string') return datum.length;
  if (typeof datum !== 'object' || datum === null) return 1;
  let units = 1;
  for (const each of isList(datum) ? datum : Object.values(datum)) units += unitsOf(each);
  return units;
}

function isList(datum: Datum): datum is readonly Datum[] {
  return Array.isArray(datum);
}
