import type { Workload } from '../src/contracts/workload.ts';
import { append } from './append.ts';
import { counter } from './counter.ts';
import { kv } from './kv.ts';
import { lock } from './lock.ts';
import { queue } from './queue.ts';
import { register } from './register.ts';
import { rwRegister } from './rw-register.ts';
import { sessions } from './sessions.ts';
import { set } from './set.ts';
import { txn } from './txn.ts';

export { resolveWorkloadSettings } from './settings.ts';

/** Every workload by its name. */
export const workloads: ReadonlyMap<string, Workload> = new Map(
  [register, rwRegister, sessions, kv, txn, counter, append, set, queue, lock].map((workload) => [
    workload.name,
    workload,
  ]),
);
