import type { Nemesis } from '../src/contracts/nemesis.ts';
import { exec } from './exec.ts';
import { kill } from './kill.ts';
import { membership } from './membership.ts';
import { partition } from './partition.ts';
import { pause } from './pause.ts';
import { reset } from './reset.ts';
import { slow } from './slow.ts';
import { transfer } from './transfer.ts';

/**
 * Every nemesis by its kind. They are healed in this order: membership can be changed only where links are
 * whole and nodes run.
 */
export const nemeses: ReadonlyMap<string, Nemesis> = new Map(
  [partition, kill, pause, slow, reset, exec, membership, transfer].map((nemesis) => [
    nemesis.kind,
    nemesis,
  ]),
);
