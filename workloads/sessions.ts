import type { Workload } from '../src/contracts/workload.ts';
import { register, registerOperations } from './register.ts';

/**
 * The registers of `register`, whose clients hold sessions: what was not answered they ask for again, with
 * the same number, until they are told what came of it. The history knows nothing of that: to it this
 * is one operation, which took long. So a store that does it again at the second request shows: an old
 * value comes back, or a compare-and-set is told to have failed that was applied.
 */
export const sessions: Workload = {
  ...register,
  name: 'sessions',
  about: 'register, with clients that repeat in a session what was not answered',
  finds: 'repeated requests that take effect twice, or are told another answer than the first',
  inSessions: true,
  generator: registerOperations,
};
