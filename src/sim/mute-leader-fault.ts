import type { Random } from '../lib/prng.ts';
import type { NodeId } from '../raft/core/types.ts';
import type { SimCluster } from './cluster.ts';
import { injectNetworkFault } from './network-fault.ts';

/**
 * Whoever is elected falls silent: what it sends is held, before its first message or a little later, and
 * crosses when it is over. A leader whom nobody hears goes on appending what clients ask of it, and its log
 * is newer than those of the majority that elects the next one: what it and that one do with each other's
 * entries is what Raft §5.4.2 (Figure 8) is about, and whole minutes of other faults hardly come to it.
 */
export interface MuteLeaderFault {
  readonly type: 'mute-leader';
  /** From the election to its silence, drawn for each: nothing at all for every other one. */
  readonly afterNsMax: number;
  /** How long nobody hears it, drawn for each up to this. */
  readonly lastsNsMax: number;
}

/** The end lets everybody be heard again. */
export function injectMuteLeaderFault(
  cluster: SimCluster,
  { afterNsMax, lastsNsMax }: MuteLeaderFault,
  random: Random,
): AsyncDisposable {
  let isOn = true;
  const silences = new Set<AsyncDisposable>();
  const mute = async (node: NodeId, afterNs: number, lastsNs: number): Promise<void> => {
    // At once means before it has said that it leads.
    if (afterNs > 0) await cluster.sleep(afterNs);
    if (!isOn) return;
    const links = { of: [node], direction: 'sent' } as const;
    const cut = { type: 'network', links, trouble: { type: 'cut' } } as const;
    const silence = await injectNetworkFault(cluster, cut, random);
    silences.add(silence);
    if (isOn) await cluster.sleep(lastsNs);
    silences.delete(silence);
    await silence[Symbol.asyncDispose]();
  };
  const stopListening = cluster.onElected((node) => {
    const afterNs = random.float() < 0.5 ? 0 : random.integer(1, afterNsMax);
    void mute(node, afterNs, random.integer(1, lastsNsMax));
  });
  return {
    [Symbol.asyncDispose]: async () => {
      isOn = false;
      stopListening();
      for (const silence of silences) await silence[Symbol.asyncDispose]();
    },
  };
}
