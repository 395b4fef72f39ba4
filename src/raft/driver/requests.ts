import { assertNever } from '../../lib/assert.ts';
import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { type NodeId, nodeId } from '../core/types.ts';
import { type Command, decodeCommand, encodeCommand } from '../kv/commands.ts';
import { type Datum, readDatum, writeDatum } from '../kv/datum.ts';
import { readReason, type RefusalReason, writeReason } from '../kv/result.ts';
import { type ReadOf, READS } from '../kv/state-machine.ts';

/**
 * `linearizable` goes through ReadIndex; `stale` is answered from what this node has applied; `lease`
 * is linearizable as long as no clock is more wrong than leaders allow for (thesis §6.4.1), and goes
 * through ReadIndex where the leader holds no lease. Numbers in messages are places in this list.
 */
export const CONSISTENCIES = ['linearizable', 'stale', 'lease'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

/** Which write of which session a command is (thesis §6.3). */
export interface SessionNumber {
  /** The session's, which is the log index of the entry that opened it. */
  readonly id: number;
  readonly sequence: number;
  /** The client has the answers to all numbers below; 0 when it does not say. */
  readonly acknowledged: number;
}

export type Request =
  | {
      readonly type: 'command';
      readonly command: Command;
      /** Takes effect once, however often it is sent. Without, it must not be sent twice. */
      readonly session?: SessionNumber;
    }
  | {
      readonly type: 'read';
      /** What kind of object the key names; by default a value. */
      readonly of?: ReadOf;
      readonly key: string;
      readonly consistency: Consistency;
    }
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
      /** What was read, or what the command answers: null for an absent key and for most commands. */
      readonly value: Datum;
      /** False where a command's condition did not hold; true for reads. */
      readonly applied: boolean;
    } & ServedBy)
  /**
   * This request certainly did not happen, and will not; of an earlier one with its session and
   * number it says nothing. With a reason: the state machine refused it, and will again.
   */
  | {
      readonly type: 'refused';
      readonly error: string;
      readonly reason?: RefusalReason;
      /** Who would serve it: the client is to ask there. Never goes to a peer. */
      readonly leader?: NodeId;
    }
  /** May have happened, may still happen. */
  | { readonly type: 'unknown'; readonly error: string };

/** The numbers of the encoding, beside the places in the lists above and below. */
const FORM = { command: 0, readValue: 1, read: 2, commandOfSession: 3, transfer: 4 };

export function writeRequest(writer: ByteWriter, request: Request): void {
  if (request.type === 'read') {
    const { of = 'value', key, consistency } = request;
    if (of === 'value') writer.u8(FORM.readValue);
    else writer.u8(FORM.read).u8(READS.indexOf(of));
    writer.u8(CONSISTENCIES.indexOf(consistency)).text(key);
    return;
  }
  if (request.type === 'transfer') {
    writer.u8(FORM.transfer).text(request.to ?? '');
    return;
  }
  const { session, command } = request;
  if (session === undefined) writer.u8(FORM.command);
  else {
    writer.u8(FORM.commandOfSession).u53(session.id).u53(session.sequence);
    writer.u53(session.acknowledged);
  }
  writer.block(encodeCommand(command));
}

/** @throws DecodeError */
export function readRequest(reader: ByteReader): Request {
  const form = reader.u8();
  switch (form) {
    case FORM.command:
      return { type: 'command', command: decodeCommand(reader.blockInPlace()) };
    case FORM.transfer: {
      const to = reader.text();
      return { type: 'transfer', to: to === '' ? undefined : nodeId(to) };
    }
    case FORM.commandOfSession: {
      const session = { id: reader.u53(), sequence: reader.u53(), acknowledged: reader.u53() };
      return { type: 'command', command: decodeCommand(reader.blockInPlace()), session };
    }
    case FORM.readValue:
      return { type: 'read', ...readWhat(reader) };
    case FORM.read: {
      const of = READS[reader.u8()];
      if (of === undefined) throw new DecodeError('what is read is not known');
      return { type: 'read', of, ...readWhat(reader) };
    }
    default:
      throw new DecodeError(`request form ${form} is not known`);
  }
}

function readWhat(reader: ByteReader): { readonly key: string; readonly consistency: Consistency } {
  const consistency = CONSISTENCIES[reader.u8()];
  if (consistency === undefined) throw new DecodeError('the consistency is not known');
  return { key: reader.text(), consistency };
}

const ANSWER_FORMS = ['ok', 'refused', 'unknown', 'refused-with-reason'] as const;

export function writeAnswer(writer: ByteWriter, answer: Answer): void {
  if (answer.type === 'refused' && answer.reason !== undefined) {
    writeReason(writer.u8(ANSWER_FORMS.indexOf('refused-with-reason')), answer.reason);
    writer.text(answer.error);
    return;
  }
  writer.u8(ANSWER_FORMS.indexOf(answer.type));
  if (answer.type !== 'ok') {
    writer.text(answer.error);
    return;
  }
  writeDatum(writer, answer.value);
  writer.u8(Number(answer.applied)).text(answer.servedBy);
  writer.u53(answer.term).u53(answer.appliedIndex);
}

/** @throws DecodeError */
export function readAnswer(reader: ByteReader): Answer {
  const form = ANSWER_FORMS[reader.u8()];
  switch (form) {
    case 'ok':
      return {
        type: form,
        value: readDatum(reader),
        applied: reader.u8() === 1,
        servedBy: nodeId(reader.text()),
        term: reader.u53(),
        appliedIndex: reader.u53(),
      };
    case 'refused':
    case 'unknown':
      return { type: form, error: reader.text() };
    case 'refused-with-reason': {
      const reason = readReason(reader);
      return { type: 'refused', reason, error: reader.text() };
    }
    case undefined:
      throw new DecodeError('the form of an answer is not known');
    default:
      return assertNever(form);
  }
}
