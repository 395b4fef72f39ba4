import type { Json } from '../../checker/index.ts';
import type { Random } from '../lib/prng.ts';
import type { Capability, Cluster } from './cluster.ts';
import type { Link, NodeId } from './names.ts';

/** A fault as it was planned: symbolic, and the same for the same seed. */
export interface PlannedFault {
  /** `partition`, `kill`, … */
  readonly kind: string;
  /** `leader-minority`, `one`, …: one of the kind's shapes. */
  readonly shape: string;
  /** Nanoseconds since clients began. */
  readonly atNs: number;
  readonly durationNs: number;
  /** Seeds the choice of victims when the fault is resolved. */
  readonly seed: string;
  /** The word of `--nemesis` that asked for it: `partition`, `kill:leader`. */
  readonly word?: string;
  /** Given by `--schedule`: these victims, at exactly `atNs`, for exactly `durationNs`. */
  readonly resolved?: ResolvedFault;
}

/** What the observer knows when a fault is to be resolved. */
export interface ClusterView {
  /** All of them, members or not. */
  readonly nodes: readonly NodeId[];
  /** Whose votes count, as far as is known: a majority is one of these. In the order of `nodes`. */
  readonly voters: readonly NodeId[];
  /** Whose votes counted in the beginning, where membership can be changed. */
  readonly first?: readonly NodeId[];
  /** The node that leads the highest term seen, if it was seen as leader lately. */
  readonly leader: NodeId | undefined;
  /** Whether there is to be one: then an unknown leader will be known again. By default it is not said. */
  readonly hasLeader?: boolean;
}

/** A fault whose victims are known. */
export interface ResolvedFault {
  /** The nodes that were hit: killed, or cut off from a quorum. */
  readonly victims: readonly NodeId[];
  /** The leader at that time, when it is among the victims *because* it was the leader. */
  readonly leader: NodeId | undefined;
  /** For the history and for people: `{"groups":[["n1","n2"],["n3","n4","n5"]]}`. */
  readonly value: Json;
}

/**
 * What must be seen between injection and heal to say that a fault bit. All that are named are required.
 *
 * - `election`: a higher term, led by a node that is not a victim.
 * - `new-process`: every victim has another pid after the heal, and its clients saw requests fail.
 * - `cut-off-side`: an operation sent to a victim failed, timed out, or was held until the heal; none was
 *   served by a node on the other side, nothing crossed the cut links, and something waited at them. An
 *   answer from elsewhere is no evidence: a healthy follower forwards to its leader.
 * - `links-cut`: nothing crossed the cut links, and something waited at them; for shapes that leave every
 *   node a way to a quorum, so that clients need not feel it.
 * - `stopped`: no operation that was sent to a victim after the injection was answered before the heal,
 *   and at least one failed, timed out or was held until then.
 * - `slowed`: bytes were delayed on the links, and an operation sent to a victim took at least the delay.
 * - `connections-reset`: connections of the links were reset, and new ones were made before the end.
 * - `hook-output`: the user's script ended with 0 for `start` and for `heal`; its output is recorded.
 * - `members-changed`: the configuration that the nodes tell was another one before, became the one that
 *   was asked for and still was at the end; and whoever was added has applied what was committed when
 *   the change was complete.
 * - `led-by-target`: each node that was to lead did, one after the other, each in a higher term.
 */
export type EvidenceKind =
  | 'election'
  | 'new-process'
  | 'cut-off-side'
  | 'links-cut'
  | 'stopped'
  | 'slowed'
  | 'connections-reset'
  | 'hook-output'
  | 'members-changed'
  | 'led-by-target';

/** How a fault's stretch of time is drawn in charts. */
export interface BandStyle {
  /** One word for the legend. */
  readonly label: string;
  /** CSS colour, light and dark theme. */
  readonly light: string;
  readonly dark: string;
}

/** One kind of fault: how to choose its victims, do it, and know that it bit. One file each. */
export interface Nemesis {
  readonly kind: string;
  readonly requires: Capability;
  /** One line for `gong nemeses`. */
  readonly about: string;
  readonly band: BandStyle;
  /** All shapes; asked for without a shape, a plan draws from all of them. */
  readonly shapes: readonly NemesisShape[];
  /** For a kind whose shapes are the user's own words, such as the path of a script; `shapes` is empty then. */
  shapeNamed?(word: string): NemesisShape;
  /**
   * Does it, through the cluster's capability. Disposal heals. Rejects when it did not take effect; but
   * what the cluster itself was asked for and refused is for the evidence to tell.
   */
  inject(cluster: Cluster, fault: ResolvedFault, shape: string): Promise<AsyncDisposable>;
  /** Undoes whatever faults of this kind may have left, whoever made them. Called at the end of every run. */
  healAll(cluster: Cluster): Promise<void>;
  /** Throws when it cannot do what a fault's value says, where that is not about links. */
  check?(fault: ResolvedFault): void;
  /** Every node that a fault's value names, where it does. */
  named?(fault: ResolvedFault): readonly NodeId[];
  /** The links that it acts on, if it acts on links: the run sees for itself what happens on them. */
  links?(fault: ResolvedFault): readonly Link[];
}

export interface NemesisShape {
  readonly shape: string;
  /** One line for `gong nemeses`. */
  readonly about: string;
  /** True when the leader is a victim because it leads: such a fault is held until an election. */
  readonly hitsLeader: boolean;
  /** Fewest nodes for which the shape makes sense. */
  readonly nodesMin: number;
  /** Fewest nodes beside the members with which it can be done; by default none are needed. */
  readonly sparesMin?: number;
  readonly evidence: readonly EvidenceKind[];
  /** Undefined when no victims can be named now (no leader known): ask again later. */
  resolve(view: ClusterView, random: Random): ResolvedFault | undefined;
  /**
   * The `value` of a fault of this shape that hits just these victims, for a schedule written by hand.
   * Absent when the victims alone do not say what is done.
   */
  valueOn?(victims: readonly NodeId[], nodes: readonly NodeId[], random: Random): Json;
}
