import { DecodeError } from '../../lib/bytes.ts';
import { decodeConfiguration } from '../core/configuration-codec.ts';
import type { Entry, Message } from '../core/types.ts';
import { decodeStamped } from '../kv/stamped-command.ts';

/**
 * Terms and indexes of a peer beyond this are refused: no cluster gets there, and a node that took one
 * over could not count on from it.
 */
export const NUMBER_MAX: number = 2 ** 52;

/**
 * Refuses what is decodable and cannot be meant. What stands in the log is applied, here and after
 * every restart: an entry that nobody can apply must not get in.
 *
 * Raft does not bear peers that lie (§5 assumes that they fail by stopping): one that is believed can
 * still mislead a cluster. It cannot take a node down.
 *
 * @throws DecodeError
 */
export function checkPeerMessage(message: Message): void {
  checkNumber('a term', message.term);
  switch (message.type) {
    case 'append-entries':
      checkNumber('an index', message.prev.index);
      for (const entry of message.entries) checkEntry(entry);
      return;
    case 'install-snapshot':
      checkNumber('an index', message.last.index);
      if (message.last.term > message.term) throw new DecodeError('a term is to come');
      if (message.configuration.voters.length === 0) throw new DecodeError('nobody votes');
      return;
    case 'read-index-response':
      if (message.readIndex !== undefined) checkNumber('an index', message.readIndex);
      return;
    case 'read-index':
    case 'request-vote':
    case 'vote-response':
    case 'append-response':
    case 'timeout-now':
    case 'snapshot-response':
      return;
  }
}

/**
 * An entry that the state machine, or the configuration, can be given.
 *
 * @throws DecodeError
 */
export function checkEntry({ kind, data, index }: Entry, numberMax: number = NUMBER_MAX): void {
  checkNumber('an index', index, numberMax);
  if (kind === 'command') checkNumber('a log time', decodeStamped(data).timeMs, numberMax);
  if (kind !== 'configuration') return;
  if (decodeConfiguration(data).voters.length === 0) throw new DecodeError('nobody votes');
}

function checkNumber(what: string, value: number, max: number = NUMBER_MAX): void {
  if (value > max) throw new DecodeError(`${what} of ${value} cannot be`);
}
