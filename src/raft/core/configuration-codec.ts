import { ByteReader, ByteWriter, DecodeError } from '../../lib/bytes.ts';
import { type Configuration, isVoter } from './configuration.ts';
import { nodeId, type NodeId } from './types.ts';

/** Version of the encoding; in every one, since entries and snapshots live long. */
const VERSION = 1;

const writer = ByteWriter.shared();

/** The data of a configuration entry; the bytes are the caller's for good. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  writeConfiguration(writer.begin(), configuration);
  return writer.take();
}

/** @throws DecodeError for anything that `encodeConfiguration` cannot have written */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const reader = new ByteReader(bytes);
  const configuration = readConfiguration(reader);
  reader.end();
  return configuration;
}

export function writeConfiguration(to: ByteWriter, configuration: Configuration): void {
  const { voters, outgoing, learners, addresses } = configuration;
  to.u8(VERSION);
  for (const list of [voters, outgoing, learners]) {
    to.u32(list.length);
    for (const node of list) to.text(node);
  }
  to.u32(addresses.size);
  for (const [node, address] of addresses) to.text(node).text(address);
}

/** @throws DecodeError */
export function readConfiguration(reader: ByteReader): Configuration {
  const version = reader.u8();
  if (version !== VERSION) throw new DecodeError(`configuration version ${version} is not known`);
  const voters = readNodes(reader);
  const outgoing = readNodes(reader);
  const learners = readNodes(reader);
  const addresses = new Map<NodeId, string>();
  // The count is a claim of the sender's: entries are read one by one, and missing bytes throw.
  for (let count = reader.u32(); count > 0; count--) {
    addresses.set(nodeId(reader.text()), reader.text());
  }
  const configuration = { voters, outgoing, learners, addresses };
  if (voters.length === 0 && outgoing.length > 0) throw new DecodeError('C_new has no voter');
  if (learners.some((learner) => isVoter(configuration, learner))) {
    throw new DecodeError('a learner votes');
  }
  return configuration;
}

function readNodes(reader: ByteReader): readonly NodeId[] {
  const nodes: NodeId[] = [];
  for (let count = reader.u32(); count > 0; count--) nodes.push(nodeId(reader.text()));
  if (new Set(nodes).size !== nodes.length) throw new DecodeError('a member is named twice');
  return nodes;
}
