import type http from 'node:http';
import { type NodeId, nodeId } from '../../core/types.ts';
import type { Driver } from '../../driver/driver.ts';
import type { ChangeAnswer, MembershipChange } from '../../driver/membership.ts';
import { BadRequest } from '../bad-request.ts';
import { fieldOf } from '../fields.ts';
import type { JsonBodies } from '../json-body.ts';
import { parseAddress } from '../peer-address.ts';

/** What the API asks of the driver about the cluster itself. */
export type ClusterControl = Pick<Driver, 'changeMembers' | 'status'>;

/** Of nodes that vote: more are a mistake, and every write would wait for half of them. */
const VOTERS_MAX = 100;
const NAME_BYTES_MAX = 128;

interface ClusterCall {
  readonly control: ClusterControl;
  readonly bodies: JsonBodies;
  readonly request: http.IncomingMessage;
  readonly method: string;
  /** The path behind `/cluster/`. */
  readonly rest: string;
}

/** What to answer: a status, and the body. */
export interface ClusterReply {
  readonly status: number;
  readonly body: object;
}

/**
 * `GET /cluster/members` says who votes, by this node's log; `POST /cluster/members` with
 * `{"voters":["n1",…],"addresses":{"n4":"HOST:PORT"}}` asks for other voters and answers when they are
 * in force for good (Raft §6). Answers say as any other whether what failed certainly did not happen.
 *
 * @throws BadRequest
 */
export async function answerOfCluster(call: ClusterCall): Promise<ClusterReply> {
  const { control, method, rest } = call;
  if (rest !== 'members') throw new BadRequest(404, 'the path is /cluster/members');
  if (method === 'GET') return { status: 200, body: membersOf(control) };
  if (method !== 'POST') throw new BadRequest(405, `${method} is not for this path`);
  const body = await new Promise<object>((resolve, reject) =>
    call.bodies.read(call.request, resolve, reject),
  );
  const change = parseChange(body);
  const { promise, resolve } = Promise.withResolvers<ChangeAnswer>();
  control.changeMembers(change, resolve);
  const answer = await promise;
  if (answer.type === 'ok') {
    return { status: 200, body: { voters: change.voters, index: answer.index } };
  }
  return { status: 503, body: { error: answer.error, definite: answer.type === 'refused' } };
}

function membersOf(control: ClusterControl): object {
  const { id, leader = null, term, members } = control.status();
  return { ...members, leader, term, servedBy: id };
}

function parseChange(body: object): MembershipChange {
  const named = fieldOf(body, 'voters');
  if (!Array.isArray(named) || named.length === 0 || named.length > VOTERS_MAX) {
    throw new BadRequest(400, `voters must be a list of 1 to ${VOTERS_MAX} names`);
  }
  const voters = named.map(parseName);
  if (new Set(voters).size < voters.length) {
    throw new BadRequest(400, 'voters names a node twice');
  }
  return { voters, addresses: parseAddresses(fieldOf(body, 'addresses'), voters) };
}

function parseName(name: unknown): NodeId {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new BadRequest(400, 'a node has a name that is not empty');
  }
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw new BadRequest(400, `a name is longer than ${NAME_BYTES_MAX} bytes`);
  }
  return nodeId(name);
}

function parseAddresses(
  addresses: unknown,
  voters: readonly NodeId[],
): ReadonlyMap<NodeId, string> {
  if (addresses === undefined) return new Map();
  if (typeof addresses !== 'object' || addresses === null || Array.isArray(addresses)) {
    throw new BadRequest(400, 'addresses must be an object: names and their HOST:PORT');
  }
  return new Map(
    Object.entries(addresses).map(([name, address]: [string, unknown]): [NodeId, string] => {
      if (!voters.some((voter) => voter === name)) {
        throw new BadRequest(400, `addresses names ${name}, which is not among the voters`);
      }
      if (typeof address !== 'string' || parseAddress(address) === undefined) {
        throw new BadRequest(400, `the address of ${name} must be HOST:PORT`);
      }
      return [nodeId(name), address];
    }),
  );
}
