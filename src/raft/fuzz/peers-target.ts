import fc from 'fast-check';
import { assertNever } from '../../lib/assert.ts';
import { DecodeError } from '../../lib/bytes.ts';
import { decodePeerMessage, encodePeerMessage } from '../driver/peer-message.ts';
import { checkPeerMessage } from '../driver/peer-check.ts';
import { encodeFrame, encodeHandshake, FrameReader } from '../node/frames.ts';
import { sendAlone } from './connection.ts';
import { LiveCluster } from './live-cluster.ts';
import { lie } from './lying-messages.ts';
import { joined, mutate, type Mutation, mutations } from './mutation.ts';
import { type FuzzTarget, Tally } from './target.ts';

/** Connections at a time: fewer than a node keeps of one peer, so that true peers are not displaced. */
const AT_A_TIME = 3;
/** How often the nodes are looked at, in batches. */
const LOOK_EVERY = 200;

/** One piece of a stream: a frame whose checksum is right, whatever is in it, or bytes as they come. */
type Piece =
  | {
      readonly type: 'frame';
      readonly payload: Uint8Array;
      readonly mutations: readonly Mutation[];
    }
  | {
      readonly type: 'damaged';
      readonly payload: Uint8Array;
      readonly mutations: readonly Mutation[];
    }
  | { readonly type: 'handshake'; readonly mutations: readonly Mutation[] }
  | { readonly type: 'raw'; readonly bytes: Uint8Array };

const NOTHING_KNOWN = { term: 3, firstIndex: 1, lastIndex: 9, commitIndex: 8 };
const payload = fc.oneof(
  { weight: 3, arbitrary: lie.map((make) => encodePeerMessage(make(NOTHING_KNOWN))) },
  fc.uint8Array({ maxLength: 200 }),
);
const someMutations = fc.oneof(fc.constant<Mutation[]>([]), mutations);

const piece: fc.Arbitrary<Piece> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('frame'), payload, mutations: someMutations }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('damaged'), payload, mutations }) },
  fc.record({ type: fc.constant('handshake'), mutations: someMutations }),
  fc.record({
    type: fc.constant('raw'),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.constantFrom('GET / HTTP/1.1\r\n\r\n', '\u0016\u0003\u0001', '{}').map(toBytes),
    ),
  }),
);

const stream = fc.record({
  to: fc.nat({ max: 2 }),
  from: fc.nat({ max: 1 }),
  /** Damage to the handshake, and whether its checksum is right all the same. */
  handshake: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    fc.record({ mutations, isFrame: fc.boolean() }),
  ),
  hasHandshake: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
  pieces: fc.array(piece, { maxLength: 4 }),
});
type Stream = typeof stream extends fc.Arbitrary<infer T> ? T : never;

/**
 * Streams of bytes to the ports for peers: no frames, damaged frames, frames whose checksums are right
 * and whose messages cannot be read, handshakes of all kinds. (What can be read is for the liars.)
 */
export const fuzzPeers: FuzzTarget = async ({ inputs, seed, path }) => {
  const tally = new Tally();
  await using cluster = await LiveCluster.start({ hasToken: true });
  let batches = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(stream, { minLength: AT_A_TIME, maxLength: AT_A_TIME }),
      async (streams) => {
        const sent = streams.map(async (one) => {
          const { bytes, what } = assemble(one, cluster.token ?? '');
          tally.add(what);
          await sendAlone(cluster.node(one.to).peerPort, bytes, 0);
        });
        await Promise.all(sent);
        batches += 1;
        if (batches % LOOK_EVERY === 0) await cluster.look();
      },
    ),
    {
      numRuns: Math.ceil(inputs / AT_A_TIME),
      seed,
      endOnFailure: true,
      ...(path === undefined ? {} : { path }),
    },
  );
  return { inputs: batches * AT_A_TIME, counts: { ...tally.counts, ...(await cluster.finish()) } };
};

function assemble(
  { to, from, handshake, hasHandshake, pieces }: Stream,
  token: string,
): { readonly bytes: Uint8Array; readonly what: string } {
  const ids = ['n1', 'n2', 'n3'];
  const own = ids[to] ?? '';
  const [peer = ''] = ids.filter((id) => id !== own).slice(from);
  const whole = encodeHandshake({ clusterId: 'test', from: peer, to: own, clientUrl: '', token });
  let head: Uint8Array = whole;
  if (handshake !== undefined) {
    head = handshake.isFrame
      ? encodeFrame('handshake', mutate(whole.subarray(10), handshake.mutations).bytes)
      : mutate(whole, handshake.mutations).bytes;
  }
  const parts: Uint8Array[] = hasHandshake ? [head] : [];
  for (const one of pieces) {
    const bytes = bytesOf(one, whole);
    if (isReadable(bytes)) continue;
    parts.push(bytes);
  }
  const what = !hasHandshake
    ? 'streams without a handshake'
    : handshake !== undefined
      ? 'streams with a damaged handshake'
      : 'streams of a peer';
  return { bytes: joined(...parts), what };
}

function bytesOf(one: Piece, handshake: Uint8Array): Uint8Array {
  switch (one.type) {
    case 'frame':
      return encodeFrame('message', mutate(one.payload, one.mutations).bytes);
    case 'damaged':
      return mutate(encodeFrame('message', one.payload), one.mutations).bytes;
    case 'handshake':
      return mutate(handshake, one.mutations).bytes;
    case 'raw':
      return one.bytes;
    default:
      return assertNever(one);
  }
}

/** True when a node would take something of it for a message: a lie, which is another matter. */
function isReadable(bytes: Uint8Array): boolean {
  try {
    for (const { kind, payload: read } of new FrameReader().push(bytes)) {
      if (kind !== 'message') continue;
      const message = decodePeerMessage(read);
      if (message.type === 'raft') checkPeerMessage(message.message);
      return true;
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return false;
}

function toBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
