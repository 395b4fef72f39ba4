import type { Workload } from '../src/contracts/workload.ts';
import { register } from './register.ts';
import { rwRegister } from './rw-register.ts';

export { resolveWorkloadSettings } from './settings.ts';

/** Every workload by its name. */
export const workloads: ReadonlyMap<string, Workload> = new Map(
  [register, rwRegister].map((workload) => [workload.name, workload]),
);
