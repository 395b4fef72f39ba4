import type { NodeId } from '../raft/core/types.ts';
import type { Disk, Network, Scheduler } from '../raft/driver/ports.ts';

/** Every call by which a driver touches the world. */
export const PORT_CALLS = [
  'Disk.list',
  'Disk.read',
  'Disk.append',
  'Disk.sync',
  'Disk.rename',
  'Disk.remove',
  'Disk.syncDirectory',
  'Network.send',
  'Scheduler.wakeAt',
  'Scheduler.soon',
  'Disk.readAt',
  'Disk.allocate',
] as const;
export type PortCall = (typeof PORT_CALLS)[number];

/** Those of them that a node makes only when it starts, to recover its log. */
export const RECOVERY_CALLS: readonly PortCall[] = [
  'Disk.list',
  'Disk.read',
  'Disk.rename',
  'Disk.remove',
];

/** Where in a call a process dies: before it had any effect, or after, when nobody knows yet. */
export type CrashMoment = 'before' | 'after';

/** Unwinds whatever a process was doing when it died. Nobody else may catch it. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied';
}

/** What the ports of one life ask the node. */
export interface LifePorts {
  readonly isAlive: () => boolean;
  /** A call begins; the answer says that the process dies when it has taken effect. Throws ProcessDied. */
  readonly entering: (call: PortCall) => (() => void) | undefined;
  /** Hands on what a call answered: later while the process is stopped. */
  readonly whenRunning: (act: () => void) => void;
}

/**
 * The ports of one life of a node. After the end of that life every call throws, and what was called
 * before is never answered: a dead process does nothing.
 */
export function mortal(ports: {
  readonly life: LifePorts;
  readonly disk: Disk;
  readonly network: Network;
  readonly scheduler: Scheduler;
}): { readonly disk: Disk; readonly network: Network; readonly scheduler: Scheduler } {
  const { life, disk, network, scheduler } = ports;
  const now = <T>(call: PortCall, act: () => T): T => {
    const dies = life.entering(call);
    const value = act();
    if (dies !== undefined) {
      dies();
      throw new ProcessDied();
    }
    return value;
  };
  const later = <T>(call: PortCall, act: () => Promise<T>): Promise<T> => {
    const dies = life.entering(call);
    const settle = (hand: () => void): void => {
      if (!life.isAlive()) return;
      if (dies !== undefined) return dies();
      life.whenRunning(hand);
    };
    return new Promise<T>((resolve, reject: (error: unknown) => void) => {
      act().then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  };
  return {
    disk: {
      list: () => later('Disk.list', () => disk.list()),
      read: (name) => later('Disk.read', () => disk.read(name)),
      readAt: (name, offset, length) =>
        later('Disk.readAt', () => disk.readAt(name, offset, length)),
      append: (name, bytes) => now('Disk.append', () => disk.append(name, bytes)),
      allocate: (name, bytes) => later('Disk.allocate', () => disk.allocate(name, bytes)),
      sync: (name) => later('Disk.sync', () => disk.sync(name)),
      rename: (from, to) => later('Disk.rename', () => disk.rename(from, to)),
      remove: (name) => later('Disk.remove', () => disk.remove(name)),
      syncDirectory: () => later('Disk.syncDirectory', () => disk.syncDirectory()),
    },
    network: {
      send: (to: NodeId, bytes) => now('Network.send', () => network.send(to, bytes)),
    },
    scheduler: {
      now: () => scheduler.now(),
      wakeAt: (atNs, run) => now('Scheduler.wakeAt', () => scheduler.wakeAt(atNs, run)),
      soon: (run, waiting) => now('Scheduler.soon', () => scheduler.soon(run, waiting)),
    },
  };
}
