import { nodeId } from '../../core/types.ts';
import { BadRequest } from '../bad-request.ts';
import { fieldOf } from '../fields.ts';
import { notForThisPath, type Route } from './call.ts';

/**
 * `POST /cluster/transfer` with `{"to":"n2"}`: n2 is to lead; without `to` whoever has most of the log
 * (thesis §3.10). It is answered as other requests are, when n2 leads: `value` is its name then.
 */
export const transferRoute: Route = (call) => {
  if (call.rest !== 'transfer') throw new BadRequest(404, 'the path is /cluster/transfer');
  if (call.method !== 'POST') throw notForThisPath(call);
  return (body) => {
    const to = fieldOf(body, 'to');
    if (to === undefined) return { type: 'transfer', to };
    if (typeof to !== 'string' || to === '' || !to.isWellFormed()) {
      throw new BadRequest(400, 'to must be the name of a node');
    }
    return { type: 'transfer', to: nodeId(to) };
  };
};
