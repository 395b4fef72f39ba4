import { assertNever } from '../../lib/assert.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { Message } from '../core/types.ts';
import { readMessage, writeMessage } from './codec.ts';
import {
  type ChangeAnswer,
  type MembershipChange,
  readChange,
  readChangeAnswer,
  writeChange,
  writeChangeAnswer,
} from './membership.ts';
import {
  type Answer,
  readAnswer,
  readRequest,
  type Request,
  writeAnswer,
  writeRequest,
} from './requests.ts';

/** What nodes say to each other: Raft, and requests that a follower hands to its leader. */
export type PeerMessage =
  | { readonly type: 'raft'; readonly message: Message }
  | { readonly type: 'forward'; readonly id: number; readonly request: Request }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'forward-change'; readonly id: number; readonly change: MembershipChange }
  | { readonly type: 'change-answer'; readonly id: number; readonly answer: ChangeAnswer };

const TYPES = [
  'raft',
  'forward',
  'answer',
  'forward-change',
  'change-answer',
] as const satisfies readonly PeerMessage['type'][];

const writer = ByteWriter.shared();

/** The bytes are the caller's for good. */
export function encodePeerMessage(peerMessage: PeerMessage): Uint8Array {
  writer.begin().u8(TYPES.indexOf(peerMessage.type));
  switch (peerMessage.type) {
    case 'raft':
      writeMessage(writer, peerMessage.message);
      break;
    case 'forward':
      writer.u53(peerMessage.id);
      writeRequest(writer, peerMessage.request);
      break;
    case 'answer':
      writer.u53(peerMessage.id);
      writeAnswer(writer, peerMessage.answer);
      break;
    case 'forward-change':
      writeChange(writer.u53(peerMessage.id), peerMessage.change);
      break;
    case 'change-answer':
      writeChangeAnswer(writer.u53(peerMessage.id), peerMessage.answer);
      break;
    default:
      assertNever(peerMessage);
  }
  return writer.take();
}

/** @throws DecodeError for anything that `encodePeerMessage` cannot have written */
export function decodePeerMessage(bytes: Uint8Array): PeerMessage {
  const type = TYPES[bytes[0] ?? TYPES.length];
  if (type === undefined) throw new DecodeError('the peer message type is not known');
  const reader = new ByteReader(bytes, 1);
  const decoded = readPeerMessage(reader, type);
  reader.end();
  return decoded;
}

function readPeerMessage(reader: ByteReader, type: PeerMessage['type']): PeerMessage {
  switch (type) {
    case 'raft':
      return { type, message: readMessage(reader) };
    case 'forward':
      return { type, id: reader.u53(), request: readRequest(reader) };
    case 'answer':
      return { type, id: reader.u53(), answer: readAnswer(reader) };
    case 'forward-change':
      return { type, id: reader.u53(), change: readChange(reader) };
    case 'change-answer':
      return { type, id: reader.u53(), answer: readChangeAnswer(reader) };
    default:
      return assertNever(type);
  }
}
