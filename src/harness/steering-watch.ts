import type { Json } from '../../checker/index.ts';
import type { AdminRequest, Steered } from '../contracts/cluster.ts';
import type { NodeId } from '../contracts/names.ts';
import type { JoinedNode, MembersEvidence } from '../rundir/cluster-log.ts';
import type { ClusterObservations } from './observer.ts';

/** What is known of a fault by which the cluster itself was changed. */
export interface SteeringEvidence {
  readonly requests: readonly AdminRequest[];
  readonly members?: MembersEvidence;
}

/** Undefined for a fault that asks nothing of the cluster. */
export function requestsOf(injected: AsyncDisposable): readonly AdminRequest[] | undefined {
  return 'requests' in injected ? (injected as Steered).requests : undefined;
}

/** Watches what becomes of a change that the cluster was asked for. */
export class SteeringWatch {
  readonly #observer: ClusterObservations;
  readonly #requests: readonly AdminRequest[];
  readonly #before: readonly NodeId[];
  /** Known to be committed when the change was complete. */
  #committed: number | null = null;

  /** @param requests - of the injection; more may come with its heal */
  constructor(
    observer: ClusterObservations,
    requests: readonly AdminRequest[],
    before: readonly NodeId[],
  ) {
    this.#observer = observer;
    this.#requests = requests;
    this.#before = before;
  }

  /** To be called when the last request of the injection has been answered. */
  async isInForce(): Promise<void> {
    await this.#observer.refresh();
    const { nodes } = this.#observer.view();
    const known = nodes.flatMap((node) => this.#observer.status(node)?.commitIndex ?? []);
    this.#committed = known.length === 0 ? null : Math.max(...known);
  }

  /** What has been seen so far. To be called before the heal. */
  evidence(): SteeringEvidence {
    const requests = [...this.#requests];
    const changes = requests.flatMap(({ asked }) => votersIn(asked) ?? []);
    const asked = changes.at(-1);
    if (asked === undefined) return { requests };
    const { members } = this.#observer;
    const steps = [this.#before, ...changes];
    const joined = asked.filter((node) => steps.some((step) => !step.includes(node)));
    return {
      requests,
      members: {
        before: this.#before,
        asked,
        after: members === undefined || members.outgoing.length > 0 ? null : members.voters,
        joined: joined.map((node) => this.#joined(node)),
        committed: this.#committed,
      },
    };
  }

  #joined(name: string): JoinedNode {
    const node = this.#observer.view().nodes.find((one) => one === name);
    const status = node === undefined ? undefined : this.#observer.status(node);
    return { node: name, lastApplied: status?.lastApplied ?? null };
  }
}

/** One list of names in a list; undefined when it asks for something else than members. */
function votersIn(asked: Json): readonly [readonly string[]] | undefined {
  return Array.isArray(asked) ? [asked.map(String)] : undefined;
}
