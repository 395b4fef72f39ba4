import { assertNever } from '../../lib/assert.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import type { Message } from '../core/types.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
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
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer };

const TYPES = ['raft', 'forward', 'answer'] as const satisfies readonly PeerMessage['type'][];

export function encodePeerMessage(peerMessage: PeerMessage): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(TYPES.indexOf(peerMessage.type));
  switch (peerMessage.type) {
    case 'raft':
      writer.raw(encodeMessage(peerMessage.message));
      break;
    case 'forward':
      writer.u53(peerMessage.id);
      writeRequest(writer, peerMessage.request);
      break;
    case 'answer':
      writer.u53(peerMessage.id);
      writeAnswer(writer, peerMessage.answer);
      break;
    default:
      assertNever(peerMessage);
  }
  return writer.finish();
}

/** @throws DecodeError for anything that `encodePeerMessage` cannot have written */
export function decodePeerMessage(bytes: Uint8Array): PeerMessage {
  const type = TYPES[bytes[0] ?? TYPES.length];
  if (type === undefined) throw new DecodeError('the peer message type is not known');
  if (type === 'raft') return { type, message: decodeMessage(bytes.subarray(1)) };
  const reader = new ByteReader(bytes.subarray(1));
  const id = reader.u53();
  const decoded: PeerMessage =
    type === 'forward'
      ? { type, id, request: readRequest(reader) }
      : { type, id, answer: readAnswer(reader) };
  reader.end();
  return decoded;
}
