import { assertNever } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { SimCluster } from './cluster.ts';
import { type CrashFault, injectCrashFault } from './crash-fault.ts';
import { type DiskFault, injectDiskFault } from './disk-fault.ts';
import { injectMembershipFault, type MembershipFault } from './membership-fault.ts';
import { injectNetworkFault, type NetworkFault } from './network-fault.ts';
import { injectTransferFault, type TransferFault } from './transfer-fault.ts';
import { injectMuteLeaderFault, type MuteLeaderFault } from './mute-leader-fault.ts';
import { type Victims, victimsOf } from './victims.ts';
import {
  injectYoungLeaderFault,
  injectYoungVoterFault,
  type YoungLeaderFault,
  type YoungVoterFault,
} from './young-leader-fault.ts';

export type { CrashFault } from './crash-fault.ts';
export type { DiskFault, DiskTrouble } from './disk-fault.ts';
export type { Leavers, MembershipAim, MembershipFault } from './membership-fault.ts';
export type { MuteLeaderFault } from './mute-leader-fault.ts';
export type { LinkChoice, LinkTrouble, NetworkFault } from './network-fault.ts';
export type { TransferFault } from './transfer-fault.ts';
export type { Victims } from './victims.ts';
export type { YoungLeaderFault, YoungVoterFault } from './young-leader-fault.ts';

/**
 * What only a simulation can do to a cluster, beside the faults of `nemesis/`. Plain JSON; times are
 * nanoseconds of the simulation. What it does not say is drawn when it comes.
 */
export type SimFault =
  | NetworkFault
  | ClockFault
  | CrashFault
  | PowerFault
  | DiskFault
  | YoungLeaderFault
  | YoungVoterFault
  | MuteLeaderFault
  | TransferFault
  | MembershipFault;

/** Clocks of nodes go wrong. They are monotonic: none ever goes back. */
export interface ClockFault {
  readonly type: 'clock';
  readonly victims: Victims;
  readonly change:
    /** Faster than the simulation by so many parts per million, until the end; drifts add up. */
    | { readonly type: 'drift'; readonly partsPerMillion: number }
    /** Once, and for good. */
    | { readonly type: 'jump'; readonly aheadNs: number };
}

/** Machines lose their power, all at the same instant, and what they did not sync; they start again at the end. */
export interface PowerFault {
  readonly type: 'power-failure';
  readonly victims: Victims;
}

/**
 * Does it.
 *
 * @param random - draws whatever the fault leaves open, victims first
 * @returns what ends it; what happened at one instant stays as it is
 */
export async function injectFault(
  cluster: SimCluster,
  fault: SimFault,
  random: Random,
): Promise<AsyncDisposable> {
  switch (fault.type) {
    case 'network':
      return injectNetworkFault(cluster, fault, random);
    case 'crash':
      return injectCrashFault(cluster, fault, random);
    case 'clock':
      return injectClockFault(cluster, fault, random);
    case 'power-failure':
      return injectPowerFault(cluster, fault, random);
    case 'disk':
      return injectDiskFault(cluster, fault, random);
    case 'membership':
      return injectMembershipFault(cluster, fault, random);
    case 'young-leader':
      return injectYoungLeaderFault(cluster, fault, random);
    case 'young-voter':
      return injectYoungVoterFault(cluster, fault, random);
    case 'mute-leader':
      return injectMuteLeaderFault(cluster, fault, random);
    case 'transfer':
      injectTransferFault(cluster, fault, random);
      return ending([]);
    default:
      return assertNever(fault);
  }
}

function injectClockFault(
  cluster: SimCluster,
  { victims, change }: ClockFault,
  random: Random,
): AsyncDisposable {
  const nodes = victimsOf(cluster, victims, random).map((victim) => cluster.node(victim));
  switch (change.type) {
    case 'drift':
      return ending(nodes.map((node) => node.driftClock(change.partsPerMillion)));
    case 'jump':
      for (const node of nodes) node.jumpClock(change.aheadNs);
      return ending([]);
    default:
      return assertNever(change);
  }
}

function injectPowerFault(
  cluster: SimCluster,
  { victims }: PowerFault,
  random: Random,
): AsyncDisposable {
  const nodes = victimsOf(cluster, victims, random).map((victim) => cluster.node(victim));
  for (const node of nodes) node.stop({ type: 'power-failure' });
  return ending(nodes.map((node) => () => node.start()));
}

function ending(ends: readonly (() => void)[]): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      for (const end of ends) end();
    },
  };
}
