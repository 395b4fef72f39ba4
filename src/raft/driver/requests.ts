import { assertNever } from '../../lib/assert.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { type NodeId, nodeId } from '../core/types.ts';
import {
  type Command,
  decodeCommand,
  encodeCommand,
  readValue,
  type Value,
  writeValue,
} from '../kv/commands.ts';

/** `linearizable` goes through ReadIndex; `stale` is answered from what this node has applied. */
export const CONSISTENCIES = ['linearizable', 'stale'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

export type Request =
  | { readonly type: 'command'; readonly command: Command }
  | { readonly type: 'read'; readonly key: string; readonly consistency: Consistency };

/** Who answered, in which term, having applied how much. */
export interface ServedBy {
  readonly servedBy: NodeId;
  readonly term: number;
  readonly appliedIndex: number;
}

export type Answer =
  | ({
      readonly type: 'ok';
      /** Of a read; null for an absent key, and for commands. */
      readonly value: Value;
      readonly applied: boolean;
    } & ServedBy)
  /** Certainly did not happen, and will not. */
  | {
      readonly type: 'refused';
      readonly error: string;
      /** Who would serve it: the client is to ask there. Never goes to a peer. */
      readonly leader?: NodeId;
    }
  /** May have happened, may still happen. */
  | { readonly type: 'unknown'; readonly error: string };

export function writeRequest(writer: ByteWriter, request: Request): void {
  if (request.type === 'command') writer.u8(0).block(encodeCommand(request.command));
  else writer.u8(1).u8(CONSISTENCIES.indexOf(request.consistency)).text(request.key);
}

/** @throws DecodeError */
export function readRequest(reader: ByteReader): Request {
  const type = reader.u8();
  if (type === 0) return { type: 'command', command: decodeCommand(reader.blockInPlace()) };
  if (type !== 1) throw new DecodeError(`request type ${type} is not known`);
  const consistency = CONSISTENCIES[reader.u8()];
  if (consistency === undefined) throw new DecodeError('the consistency is not known');
  return { type: 'read', key: reader.text(), consistency };
}

const ANSWER_TYPES = ['ok', 'refused', 'unknown'] as const satisfies readonly Answer['type'][];

export function writeAnswer(writer: ByteWriter, answer: Answer): void {
  writer.u8(ANSWER_TYPES.indexOf(answer.type));
  if (answer.type !== 'ok') {
    writer.text(answer.error);
    return;
  }
  writeValue(writer, answer.value);
  writer.u8(Number(answer.applied)).text(answer.servedBy);
  writer.u53(answer.term).u53(answer.appliedIndex);
}

/** @throws DecodeError */
export function readAnswer(reader: ByteReader): Answer {
  const type = ANSWER_TYPES[reader.u8()];
  switch (type) {
    case 'ok':
      return {
        type,
        value: readValue(reader),
        applied: reader.u8() === 1,
        servedBy: nodeId(reader.text()),
        term: reader.u53(),
        appliedIndex: reader.u53(),
      };
    case 'refused':
    case 'unknown':
      return { type, error: reader.text() };
    case undefined:
      throw new DecodeError('the answer type is not known');
    default:
      return assertNever(type);
  }
}
