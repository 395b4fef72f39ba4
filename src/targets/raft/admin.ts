import type { AdminOutcome, Members } from '../../contracts/cluster.ts';
import { nodeId, type NodeId } from '../../contracts/names.ts';
import type { TargetAdmin } from '../../contracts/target.ts';
import { type Exchange, exchange, type HttpRequest, openConnection } from '../http/exchange.ts';

/** How the reference node's members and leader are changed: `/cluster/members`, `/cluster/transfer`. */
export const raftAdmin: Required<TargetAdmin> = {
  async members(url, timeoutNs) {
    const result = await once(url, { method: 'GET', path: '/cluster/members' }, timeoutNs);
    if (result.type !== 'answer' || result.status !== 200) return undefined;
    return parseMembers(result.body);
  },
  // Its nodes know each other's addresses from their start: nobody is told where a spare one listens.
  changeMembers: (url, voters, timeoutNs) =>
    ask(url, { path: '/cluster/members', body: { voters } }, timeoutNs),
  transferLeadership: (url, to, timeoutNs) =>
    ask(url, { path: '/cluster/transfer', body: { to } }, timeoutNs),
};

async function ask(
  url: string,
  { path, body }: { readonly path: string; readonly body: object },
  timeoutNs: number,
): Promise<AdminOutcome> {
  const request = { method: 'POST', path, body: JSON.stringify(body) } as const;
  const result = await once(url, request, timeoutNs);
  if (result.type === 'never-sent') return { type: 'refused', error: result.error };
  if (result.type === 'maybe-sent') return { type: 'unknown', error: result.error };
  if (result.status === 200) return { type: 'done' };
  const answer = parseObject(result.body);
  const error = `${result.status} ${JSON.stringify(answer?.['error'] ?? null)}`;
  return { type: answer?.['definite'] === true ? 'refused' : 'unknown', error };
}

async function once(url: string, request: HttpRequest, timeoutNs: number): Promise<Exchange> {
  const connection = openConnection(url);
  try {
    return await exchange(connection, request, timeoutNs);
  } finally {
    await connection.destroy();
  }
}

function parseMembers(body: string): Members | undefined {
  const answer = parseObject(body);
  if (answer === undefined) return undefined;
  const [voters, outgoing, learners] = ['voters', 'outgoing', 'learners'].map((name) =>
    parseNames(answer[name]),
  );
  if (voters === undefined || outgoing === undefined || learners === undefined) return undefined;
  const { committed } = answer;
  return { voters, outgoing, learners, isCommitted: committed !== false };
}

function parseNames(value: unknown): readonly NodeId[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = value.flatMap((one: unknown) => (typeof one === 'string' ? [nodeId(one)] : []));
  return names.length === value.length ? names : undefined;
}

function parseObject(body: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}
