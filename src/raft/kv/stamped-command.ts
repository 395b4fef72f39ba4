import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { type Command, decodeCommand, readCommand, writeCommand } from './commands.ts';

/** What an entry of the log holds: a command, and what its leader and its client say beside it. */
export interface StampedCommand {
  /**
   * The leader's log time, in milliseconds since the cluster began: as far as the leader knows, and
   * without the time in which nobody was there to count. Locks and sessions expire by it alone.
   */
  readonly timeMs: number;
  /** The session's client has the answers to all numbers below. */
  readonly acknowledged: number;
  readonly command: Command;
}

/**
 * The first byte. A command without a stamp begins with its type, which stays below: entries of
 * before there were stamps are read for ever.
 */
const STAMPED = 0x81;
const STAMPED_AND_ACKNOWLEDGED = 0x82;

const writer = ByteWriter.shared();

/** The bytes are the caller's for good. */
export function encodeStamped({ timeMs, acknowledged, command }: StampedCommand): Uint8Array {
  if (acknowledged === 0) writer.begin().u8(STAMPED).u53(timeMs);
  else writer.begin().u8(STAMPED_AND_ACKNOWLEDGED).u53(timeMs).u53(acknowledged);
  writeCommand(writer, command);
  return writer.take();
}

/** @throws DecodeError */
export function decodeStamped(bytes: Uint8Array): StampedCommand {
  const first = bytes[0] ?? 0;
  if (first < 0x80) return { timeMs: 0, acknowledged: 0, command: decodeCommand(bytes) };
  if (first !== STAMPED && first !== STAMPED_AND_ACKNOWLEDGED) {
    throw new DecodeError(`a command of form ${first} is not known`);
  }
  const reader = new ByteReader(bytes, 1);
  const timeMs = reader.u53();
  const acknowledged = first === STAMPED ? 0 : reader.u53();
  const command = readCommand(reader);
  reader.end();
  return { timeMs, acknowledged, command };
}
