import { expect, test } from 'vitest';
import { nodeId } from '../raft/core/types.ts';
import type { Disk, Network, Scheduler } from '../raft/driver/ports.ts';
import { type CrashMoment, mortal, PORT_CALLS, type PortCall, ProcessDied } from './node-ports.ts';

/** Ports that write down what took effect. */
function recordingPorts() {
  const effects: PortCall[] = [];
  const now =
    <T>(call: PortCall, value: T) =>
    (): T => {
      effects.push(call);
      return value;
    };
  const later =
    <T>(call: PortCall, value: T) =>
    async (): Promise<T> => {
      effects.push(call);
      return value;
    };
  const disk: Disk = {
    list: later('Disk.list', []),
    read: later('Disk.read', new Uint8Array()),
    readAt: later('Disk.readAt', new Uint8Array()),
    append: now('Disk.append', undefined),
    allocate: later('Disk.allocate', undefined),
    sync: later('Disk.sync', undefined),
    rename: later('Disk.rename', undefined),
    remove: later('Disk.remove', undefined),
    syncDirectory: later('Disk.syncDirectory', undefined),
  };
  const network: Network = { send: now('Network.send', true) };
  const scheduler: Scheduler = {
    now: () => 0,
    wakeAt: now('Scheduler.wakeAt', undefined),
    soon: now('Scheduler.soon', undefined),
  };
  return { effects, ports: { disk, network, scheduler } };
}

/** Makes the call; the answer says how it ended, if it did. */
async function call(
  { disk, network, scheduler }: ReturnType<typeof mortal>,
  which: PortCall,
): Promise<string> {
  const calls: Record<PortCall, () => unknown> = {
    'Disk.list': () => disk.list(),
    'Disk.read': () => disk.read('a'),
    'Disk.readAt': () => disk.readAt('a', 1, 2),
    'Disk.append': () => disk.append('a', new Uint8Array(1)),
    'Disk.allocate': () => disk.allocate('a', 1),
    'Disk.sync': () => disk.sync('a'),
    'Disk.rename': () => disk.rename('a', 'b'),
    'Disk.remove': () => disk.remove('a'),
    'Disk.syncDirectory': () => disk.syncDirectory(),
    'Network.send': () => network.send(nodeId('n2'), new Uint8Array(1)),
    'Scheduler.wakeAt': () => scheduler.wakeAt(1, () => {}),
    'Scheduler.soon': () =>
      scheduler.soon(
        () => {},
        () => 0,
      ),
  };
  let ended = 'never answered';
  const run = async (): Promise<void> => {
    try {
      await calls[which]();
      ended = 'answered';
    } catch (error) {
      ended = error instanceof ProcessDied ? 'died' : 'failed';
    }
  };
  void run();
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  return ended;
}

const cases = PORT_CALLS.flatMap((which) =>
  (['before', 'after'] as const).map((moment): { which: PortCall; moment: CrashMoment } => ({
    which,
    moment,
  })),
);

test.for(cases)(
  'a process that dies $moment $which gets no answer, and does nothing any more',
  async ({ which, moment }) => {
    const { effects, ports } = recordingPorts();
    let isAlive = true;
    const mortals = mortal({
      life: {
        isAlive: () => isAlive,
        entering(entered) {
          if (!isAlive) throw new ProcessDied();
          if (entered !== which) return undefined;
          const die = () => void (isAlive = false);
          if (moment === 'after') return die;
          die();
          throw new ProcessDied();
        },
        whenRunning: (act) => act(),
      },
      ...ports,
    });
    for (const other of PORT_CALLS.filter((one) => one !== which)) {
      expect(await call(mortals, other)).toBe('answered');
    }
    const before = effects.length;
    expect(await call(mortals, which)).not.toBe('answered');
    expect(effects.slice(before)).toEqual(moment === 'after' ? [which] : []);
    const dead = effects.length;
    for (const other of PORT_CALLS) expect(await call(mortals, other)).toBe('died');
    expect(effects).toHaveLength(dead);
  },
);

test('a stopped process hears what its disk answers when it goes on', async () => {
  const { ports } = recordingPorts();
  const inbox: (() => void)[] = [];
  const mortals = mortal({
    life: {
      isAlive: () => true,
      entering: () => undefined,
      whenRunning: (act) => void inbox.push(act),
    },
    ...ports,
  });
  let answered = false;
  const reading = mortals.disk.read('a').then(() => (answered = true));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  expect([answered, inbox.length]).toEqual([false, 1]);
  inbox[0]?.();
  await reading;
  expect(answered).toBe(true);
});
