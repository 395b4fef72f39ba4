import type { Nemesis } from '../src/contracts/nemesis.ts';
import { exec } from './exec.ts';
import { kill } from './kill.ts';
import { partition } from './partition.ts';
import { pause } from './pause.ts';
import { reset } from './reset.ts';
import { slow } from './slow.ts';

/** Every nemesis by its kind. */
export const nemeses: ReadonlyMap<string, Nemesis> = new Map(
  [partition, kill, pause, slow, reset, exec].map((nemesis) => [nemesis.kind, nemesis]),
);
