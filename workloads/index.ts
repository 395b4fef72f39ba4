import type { Workload } from '../src/contracts/workload.ts';
import { register } from './register.ts';

/** Every workload by its name. */
export const workloads: ReadonlyMap<string, Workload> = new Map(
  [register].map((workload) => [workload.name, workload]),
);
