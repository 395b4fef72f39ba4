import type { Random } from '../lib/prng.ts';

/**
 * What may happen to each message of a link, by chance. Raft's own messages may be lost, arrive twice
 * and be overtaken; requests that a follower hands to its leader, and their answers, never arrive
 * twice (`Network` of the driver's ports).
 */
export interface MessageTrouble {
  /** Probabilities from 0 to 1, for each message. */
  readonly lossRate: number;
  readonly duplicateRate: number;
  readonly reorderRate: number;
  /** How much later a message that may be overtaken, or its second copy, arrives at most; nanoseconds. */
  readonly lateNsMax: number;
}

/** What was drawn for one message. */
export interface Fate {
  readonly isLost: boolean;
  /** How much later a second copy arrives; undefined when there is none. */
  readonly copyLateNs: number | undefined;
  /** How much later it arrives itself, overtaken by what follows; undefined when it keeps its place. */
  readonly lateNs: number | undefined;
}

const NOTHING: Fate = { isLost: false, copyLateNs: undefined, lateNs: undefined };

/** The troubles of one link that are on, each with a stream of its own. */
export class LinkTroubles {
  readonly #troubles = new Map<MessageTrouble, Random>();

  /** @returns what ends it */
  add(trouble: MessageTrouble, random: Random): () => void {
    const own = { ...trouble };
    this.#troubles.set(own, random);
    return () => void this.#troubles.delete(own);
  }

  fateOf(mayArriveTwice: boolean): Fate {
    if (this.#troubles.size === 0) return NOTHING;
    let fate = NOTHING;
    for (const [{ lossRate, duplicateRate, reorderRate, lateNsMax }, random] of this.#troubles) {
      // As many draws for each message, whatever comes out.
      const isLost = random.float() < lossRate;
      const isDuplicated = random.float() < duplicateRate && mayArriveTwice;
      const isReordered = random.float() < reorderRate;
      const [copyLateNs, lateNs] = [random.integer(0, lateNsMax), random.integer(0, lateNsMax)];
      fate = {
        isLost: isLost || fate.isLost,
        copyLateNs: isDuplicated ? copyLateNs : fate.copyLateNs,
        lateNs: isReordered ? lateNs : fate.lateNs,
      };
    }
    return fate;
  }
}
