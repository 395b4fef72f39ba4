import { crc32c } from '../../lib/crc32c.ts';
import { decodeStamped, encodeStamped } from '../../raft/kv/stamped-command.ts';
import { StateMachine } from '../../raft/kv/state-machine.ts';
import {
  decodePeerMessage,
  encodePeerMessage,
  type PeerMessage,
} from '../../raft/driver/peer-message.ts';
import { encodeBatch } from '../../raft/driver/wal-segments.ts';
import type { Traffic } from './drivers.ts';

/** One stage of a turn, run over everything of its kind that a run had. */
export interface Stage {
  readonly name: string;
  /** How many things there were. */
  readonly count: number;
  readonly run: () => void;
}

/** Bytes before a batch's payload. */
const BATCH_HEADER_BYTES = 26;

export function stagesOf(traffic: Traffic): readonly Stage[] {
  const { messages, batches } = traffic;
  const decoded = messages.map(decodePeerMessage);
  const payloads = batches.map((bytes) => bytes.subarray(BATCH_HEADER_BYTES));
  const commands = decoded.flatMap(commandsOf);
  return [
    stage('decode a message', messages, decodePeerMessage),
    stage('encode a message', decoded, encodePeerMessage),
    stage('frame a WAL batch', payloads, (payload) =>
      encodeBatch(1, (writer) => writer.raw(payload)),
    ),
    stage('checksum of a WAL batch', payloads, (payload) => crc32c(payload)),
    stage('encode a command', commands.map(decodeStamped), encodeStamped),
    stage('decode and apply a command', commands, applier()),
  ];
}

function commandsOf(peerMessage: PeerMessage): readonly Uint8Array[] {
  if (peerMessage.type !== 'raft' || peerMessage.message.type !== 'append-entries') return [];
  return peerMessage.message.entries
    .filter(({ kind }) => kind === 'command')
    .map(({ data }) => data);
}

function applier(): (data: Uint8Array) => unknown {
  const machine = new StateMachine();
  let index = 0;
  return (data) => machine.apply({ index: ++index, data });
}

function stage<T>(name: string, things: readonly T[], handle: (thing: T) => unknown): Stage {
  const run = (): void => {
    for (const thing of things) handle(thing);
  };
  return { name, count: things.length, run };
}
