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

/**
 * `linearizable` goes through ReadIndex; `stale` is answered from what this node has applied; `lease`
 * is linearizable as long as no clock is more wrong than leaders allow for (thesis §6.4.1), and goes
 * through ReadIndex where the leader holds no lease. Numbers in messages are places in this list.
 */
export const CONSISTENCIES = ['linearizable', 'stale', 'lease'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

export type Request =
  | { readonly type: 'command'; readonly command: Command }
  | { readonly type: 'read'; readonly key: string; readonly consistency: Consistency }
  /** Another leader; whoever has most of the log, where nobody is named. Its value is the leader then. */
  | { readonly type: 'transfer'; readonly to: NodeId | undefined };

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
  | { readonly type: 'refused'; readonly error: string }
  /** May have happened, may still happen. */
  | { readonly type: 'unknown'; readonly error: string };

/** Its number in the encoding. */
const TRANSFER = 4;

export function writeRequest(writer: ByteWriter, request: Request): void {
  switch (request.type) {
    case 'command':
      writer.u8(0).block(encodeCommand(request.command));
      break;
    case 'read':
      writer.u8(1).u8(CONSISTENCIES.indexOf(request.consistency)).text(request.key);
      break;
    case 'transfer':
      writer.u8(TRANSFER).text(request.to ?? '');
      break;
    default:
      assertNever(request);
  }
}

/** @throws DecodeError */
export function readRequest(reader: ByteReader): Request {
  const type = reader.u8();
  if (type === 0) return { type: 'command', command: decodeCommand(reader.blockInPlace()) };
  if (type === TRANSFER) {
    const to = reader.text();
    return { type: 'transfer', to: to === '' ? undefined : nodeId(to) };
  }
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
