import type { Request } from '../driver/requests.ts';
import { nodeId } from '../core/types.ts';
import { BadRequest } from './bad-request.ts';

/**
 * `POST /cluster/transfer` `{"to":"n2"}`: n2 is to lead; without `to` whoever has most of the log. It
 * is answered as other requests are, when n2 leads: `value` is its name then.
 *
 * @throws BadRequest
 */
export function parseTransfer(body: object): Request {
  const to: unknown = Object.entries(body).find(([name]) => name === 'to')?.[1];
  if (to === undefined) return { type: 'transfer', to };
  if (typeof to !== 'string' || to === '') throw new BadRequest(400, 'to must be the id of a node');
  return { type: 'transfer', to: nodeId(to) };
}
