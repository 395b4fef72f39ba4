import { type ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { type Datum, readDatum, writeDatum } from './datum.ts';

/**
 * Why a command was refused by the state that it found: `conflict`, what it wants cannot be done to
 * what is there; `session`, it belongs to a session that is over, unknown, or past that number.
 */
export type RefusalReason = 'conflict' | 'session';

/** What a command did, the same on every replica. */
export type Result =
  | {
      readonly type: 'done';
      /** False where the command is for a condition that did not hold; it changed nothing then. */
      readonly applied: boolean;
      readonly value: Datum;
    }
  /** It changed nothing. */
  | { readonly type: 'refused'; readonly reason: RefusalReason; readonly error: string };

export const APPLIED: Result = { type: 'done', applied: true, value: null };
export const NOT_APPLIED: Result = { type: 'done', applied: false, value: null };

export function applied(value: Datum): Result {
  return { type: 'done', applied: true, value };
}

export function conflict(error: string): Result {
  return { type: 'refused', reason: 'conflict', error };
}

const REASONS = ['conflict', 'session'] as const satisfies readonly RefusalReason[];
const FORM = { applied: 0, notApplied: 1, refused: 2 };

export function writeResult(writer: ByteWriter, result: Result): void {
  if (result.type === 'refused') {
    writer.u8(FORM.refused);
    writeReason(writer, result.reason);
    writer.text(result.error);
  } else {
    writeDatum(writer.u8(result.applied ? FORM.applied : FORM.notApplied), result.value);
  }
}

/** @throws DecodeError */
export function readResult(reader: ByteReader): Result {
  const form = reader.u8();
  if (form === FORM.refused) {
    return { type: 'refused', reason: readReason(reader), error: reader.text() };
  }
  if (form > FORM.refused) throw new DecodeError(`${form} is no form of a result`);
  return { type: 'done', applied: form === FORM.applied, value: readDatum(reader) };
}

export function writeReason(writer: ByteWriter, reason: RefusalReason): void {
  writer.u8(REASONS.indexOf(reason));
}

/** @throws DecodeError */
export function readReason(reader: ByteReader): RefusalReason {
  const reason = REASONS[reader.u8()];
  if (reason === undefined) throw new DecodeError('the reason of a refusal is not known');
  return reason;
}
