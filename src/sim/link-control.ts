import type { LinkControl } from '../contracts/cluster.ts';
import type { Link as Name } from '../contracts/names.ts';
import type { Link } from './link.ts';
import type { Simulation } from './simulation.ts';

/**
 * What may be done to links, as in a real cluster: all of it in force when the promise settles.
 *
 * @param link - throws InvariantError when there is none
 */
export function controlOf(sim: Simulation, link: (from: string, to: string) => Link): LinkControl {
  /** What ends each fault that is in force, in the order of their beginnings. */
  const heals = new Set<() => void>();
  const named = (names: readonly Name[]): readonly Link[] =>
    names.map(({ from, to }) => link(from, to));
  const begun = (end: () => void): AsyncDisposable => {
    heals.add(end);
    return {
      [Symbol.asyncDispose]: async () => {
        if (heals.delete(end)) end();
      },
    };
  };
  const reset = (some: readonly Link[]): number =>
    some.reduce((count, one) => count + one.reset(), 0);
  return {
    async cut(names) {
      const some = named(names);
      for (const one of some) one.gate.cut();
      return begun(() => some.forEach((one) => one.heal()));
    },
    async slow(names, delay) {
      const some = named(names);
      // A delay is known by its identity: this one is this fault's own.
      const own = { ...delay };
      for (const one of some) one.gate.slow(own);
      return begun(() => some.forEach((one) => one.gate.hurry(own)));
    },
    reset: async (names) => reset(named(names)),
    async resetEvery(names, everyNs) {
      const some = named(names);
      let isOn = true;
      const again = (): void => {
        if (!isOn) return;
        reset(some);
        sim.after(everyNs, again);
      };
      again();
      return begun(() => {
        isOn = false;
      });
    },
    async healAll() {
      for (const end of heals) {
        heals.delete(end);
        end();
      }
    },
    traffic: async ({ from, to }) => link(from, to).traffic,
  };
}
