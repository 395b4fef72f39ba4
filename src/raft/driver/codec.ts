import { assertNever } from '../../lib/assert.ts';
import { type ByteReader, type ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { readConfiguration, writeConfiguration } from '../core/configuration-codec.ts';
import {
  type Entry,
  type EntryKind,
  logIndex,
  type LogPosition,
  type Message,
  term,
} from '../core/types.ts';

/** Version of the encoding of entries; in every entry, since they live long. */
const ENTRY_VERSION = 1;
const ENTRY_KINDS = ['noop', 'command', 'configuration'] as const satisfies readonly EntryKind[];
const HAS_CLIENT = 1;

export function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer
    .u8(ENTRY_VERSION)
    .u8(ENTRY_KINDS.indexOf(entry.kind))
    .u8(entry.client === undefined ? 0 : HAS_CLIENT)
    .u53(entry.index)
    .u53(entry.term);
  if (entry.client !== undefined) writer.u53(entry.client.id).u53(entry.client.sequence);
  writer.block(entry.data);
}

/** @throws DecodeError */
export function readEntry(reader: ByteReader): Entry {
  const version = reader.u8();
  if (version !== ENTRY_VERSION) throw new DecodeError(`entry version ${version} is not known`);
  const kindNumber = reader.u8();
  const kind = ENTRY_KINDS[kindNumber];
  if (kind === undefined) throw new DecodeError(`entry kind ${kindNumber} is not known`);
  const flags = reader.u8();
  const index = logIndex(reader.u53());
  const at = term(reader.u53());
  if ((flags & HAS_CLIENT) === 0) return { index, term: at, kind, data: reader.block() };
  const client = { id: reader.u53(), sequence: reader.u53() };
  return { index, term: at, kind, data: reader.block(), client };
}

/** Flags of a request for a vote. */
const PRE_VOTE = 1;
const TRANSFER = 2;

const MESSAGE_TYPES = [
  'request-vote',
  'vote-response',
  'append-entries',
  'append-response',
  'timeout-now',
  'install-snapshot',
  'snapshot-response',
  'read-index',
  'read-index-response',
] as const satisfies readonly Message['type'][];

/** The caller frames it: version, length and checksum are the frame's. */
export function writeMessage(writer: ByteWriter, message: Message): void {
  writer.u8(MESSAGE_TYPES.indexOf(message.type)).u53(message.term);
  switch (message.type) {
    case 'request-vote':
      writer.u8((message.preVote ? PRE_VOTE : 0) + (message.transfer === true ? TRANSFER : 0));
      writePosition(writer, message.lastLog);
      break;
    case 'vote-response':
      writer.u8(Number(message.preVote)).u8(Number(message.granted));
      break;
    case 'append-entries':
      writePosition(writer, message.prev);
      writer.u53(message.leaderCommit).u53(message.round).u32(message.entries.length);
      for (const entry of message.entries) writeEntry(writer, entry);
      break;
    case 'append-response':
      writer.u53(message.round).u8(Number(message.result.success));
      if (message.result.success) writer.u53(message.result.matchIndex);
      else {
        writer.u53(message.result.prevIndex);
        writePosition(writer, message.result.hint);
      }
      break;
    case 'timeout-now':
      break;
    case 'install-snapshot':
      writePosition(writer, message.last);
      writeConfiguration(writer, message.configuration);
      writer.u53(message.offset).block(message.data).u8(Number(message.done));
      break;
    case 'snapshot-response':
      writePosition(writer, message.last);
      writer.u53(message.nextOffset).u8(Number(message.isDamaged));
      break;
    case 'read-index':
      writer.u53(message.ask).u8(Number(message.lease));
      break;
    case 'read-index-response':
      writer
        .u53(message.ask)
        .u8(Number(message.lease))
        .u8(Number(message.readIndex !== undefined));
      if (message.readIndex !== undefined) writer.u53(message.readIndex);
      break;
    default:
      assertNever(message);
  }
}

/** @throws DecodeError for anything that `writeMessage` cannot have written */
export function readMessage(reader: ByteReader): Message {
  const type = MESSAGE_TYPES[reader.u8()];
  return readBody(reader, type);
}

function readBody(reader: ByteReader, type: Message['type'] | undefined): Message {
  if (type === undefined) throw new DecodeError('the message type is not known');
  const at = term(reader.u53());
  switch (type) {
    case 'request-vote': {
      const flags = reader.u8();
      if (flags > PRE_VOTE + TRANSFER) throw new DecodeError(`${flags} are no flags of a vote`);
      const preVote = (flags & PRE_VOTE) !== 0;
      const lastLog = readPosition(reader);
      const isTransfer = (flags & TRANSFER) !== 0;
      return { type, term: at, preVote, lastLog, ...(isTransfer ? { transfer: true } : {}) };
    }
    case 'vote-response':
      return { type, term: at, preVote: readFlag(reader), granted: readFlag(reader) };
    case 'append-entries': {
      const prev = readPosition(reader);
      const leaderCommit = logIndex(reader.u53());
      const round = reader.u53();
      const entries = readEntries(reader, prev);
      if ((entries.at(-1)?.term ?? prev.term) > at) throw new DecodeError('a term is to come');
      return { type, term: at, prev, leaderCommit, round, entries };
    }
    case 'append-response': {
      const round = reader.u53();
      if (readFlag(reader)) {
        const matchIndex = logIndex(reader.u53());
        return { type, term: at, round, result: { success: true, matchIndex } };
      }
      const prevIndex = logIndex(reader.u53());
      const hint = readPosition(reader);
      return { type, term: at, round, result: { success: false, prevIndex, hint } };
    }
    case 'timeout-now':
      return { type, term: at };
    case 'install-snapshot': {
      const last = readPosition(reader);
      const configuration = readConfiguration(reader);
      const offset = reader.u53();
      return {
        type,
        term: at,
        last,
        configuration,
        offset,
        data: reader.block(),
        done: readFlag(reader),
      };
    }
    case 'snapshot-response':
      return {
        type,
        term: at,
        last: readPosition(reader),
        nextOffset: reader.u53(),
        isDamaged: readFlag(reader),
      };
    case 'read-index':
      return { type, term: at, ask: reader.u53(), lease: readFlag(reader) };
    case 'read-index-response': {
      const [ask, lease] = [reader.u53(), readFlag(reader)];
      const readIndex = readFlag(reader) ? logIndex(reader.u53()) : undefined;
      return { type, term: at, ask, lease, readIndex };
    }
    default:
      return assertNever(type);
  }
}

function readEntries(reader: ByteReader, prev: LogPosition): Entry[] {
  const count = reader.u32();
  const entries: Entry[] = [];
  let before = prev;
  // The count is a claim of the sender's: entries are read one by one, and missing bytes throw.
  for (let i = 0; i < count; i++) {
    const entry = readEntry(reader);
    if (entry.index !== before.index + 1) throw new DecodeError('entries are not consecutive');
    if (entry.term < before.term) throw new DecodeError('terms go back along the entries');
    entries.push(entry);
    before = entry;
  }
  return entries;
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw new DecodeError(`${flag} is no flag`);
  return flag === 1;
}

function writePosition(writer: ByteWriter, position: LogPosition): void {
  writer.u53(position.index).u53(position.term);
}

function readPosition(reader: ByteReader): LogPosition {
  return { index: logIndex(reader.u53()), term: term(reader.u53()) };
}
