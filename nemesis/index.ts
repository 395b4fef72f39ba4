import type { Nemesis } from '../src/contracts/nemesis.ts';
import { exec } from './exec.ts';
import { kill } from './kill.ts';
import { partition } from './partition.ts';

/** Every nemesis by its kind. */
export const nemeses: ReadonlyMap<string, Nemesis> = new Map(
  [kill, partition, exec].map((nemesis) => [nemesis.kind, nemesis]),
);
