import { createReadStream, readFileSync } from 'node:fs';
import type { Json } from '../../checker/index.ts';
import type { AdminRequest, HookCall } from '../contracts/cluster.ts';
import type { EvidenceKind } from '../contracts/nemesis.ts';
import { UserError } from '../lib/user-error.ts';
import type { AppliedExpectations } from './expectations.ts';
import { LineWriter } from './line-writer.ts';

/** A node as it described itself; null for what it did not tell. */
export interface ObservedStatus {
  readonly role: string | null;
  readonly term: number | null;
  readonly leader: string | null;
  readonly commitIndex: number | null;
  readonly lastApplied: number | null;
  readonly pid: number | null;
}

/** A node that took over: a higher term, led by a node that the fault did not hit. */
export interface ElectionEvidence {
  readonly node: string;
  readonly term: number;
  /** Highest term seen when the fault took effect. */
  readonly termBefore: number;
  readonly atNs: number;
}

/** What became of operations that were sent to the victims while the fault was in force. */
export interface VictimOperations {
  readonly ok: number;
  readonly fail: number;
  readonly info: number;
  /** Among the ok ones: answered by a node that was no victim, before the heal or after it. */
  readonly servedElsewhere: number;
  /** Answered by a node that was no victim, before the heal: through a real cut nothing is. */
  readonly leaked?: number;
  /**
   * Held up by the fault, and not among those that failed or are unknown: answered only after the
   * heal, or under way when the fault began, and waiting for a good while of it.
   */
  readonly delayed?: number;
  /**
   * Sent after the fault took effect and answered with success before its heal, whoever served it: a
   * node that is stopped does not do that.
   */
  readonly answered?: number;
  /** Of a fault that slows links: those that spent at least the delay waiting while it was in force. */
  readonly slowed?: number;
}

/** What the links that a fault acts on carried and held back. */
export interface LinkEvidence {
  /** How many, each direction counted. */
  readonly links: number;
  /** Bytes that crossed them while the fault was in force. */
  readonly forwardedBytes: number;
  /** Those that they crossed: `n1->n2`. */
  readonly leaked: readonly string[];
  /** Bytes held back on the links that victims dial, on those that are dialled to them, and on all. */
  readonly heldFromVictimsBytes: number;
  readonly heldToVictimsBytes: number;
  readonly heldBytes?: number;
  /** Bytes that went through late, because the links were slow. */
  readonly delayedBytes?: number;
  /** Connections that were reset. */
  readonly resets?: number;
  /** Connections that were made since the fault took effect. */
  readonly connections?: number;
}

export interface ProcessEvidence {
  readonly node: string;
  readonly pidBefore: number | null;
  readonly pidAfter: number | null;
}

/** A node that was added, at the end of the fault. */
export interface JoinedNode {
  readonly node: string;
  /** The highest index that it said it has applied; null when it did not tell. */
  readonly lastApplied: number | null;
}

/** Who the members were, as the leader told. */
export interface MembersEvidence {
  readonly before: readonly string[];
  /** What was asked for, last. */
  readonly asked: readonly string[];
  /** Who voted when the fault was over, no change being under way; null when nobody told. */
  readonly after: readonly string[] | null;
  readonly joined: readonly JoinedNode[];
  /** What any node knew to be committed when the change was complete; null when none told. */
  readonly committed: number | null;
}

interface FaultName {
  /** Position in the plan, from 0. */
  readonly fault: number;
  readonly kind: string;
  readonly shape: string;
}

/** What became of a planned fault. Times in nanoseconds since the run began. */
export type FaultRecord = FaultName &
  (
    | {
        readonly outcome: 'injected';
        readonly victims: readonly string[];
        /** The leader, when it was hit because it led. */
        readonly leader: string | null;
        /** Who led when the injection began, as far as that was seen. */
        readonly leaderBefore?: string | null;
        readonly value: Json;
        /**
         * When the injection began, counted from when clients began, and how long after that the heal
         * began: `--schedule` repeats both.
         */
        readonly atNs: number;
        readonly durationNs: number;
        readonly startedNs: number;
        /** When the heal began; the fault was in force from `startedNs` until then. */
        readonly healedNs: number;
        readonly required: readonly EvidenceKind[];
        readonly election: ElectionEvidence | null;
        readonly processes: readonly ProcessEvidence[];
        readonly victimOperations: VictimOperations;
        /**
         * Operations at nodes that are no victims, under way while the fault was in force; absent when
         * every node is a victim.
         */
        readonly otherOperations?: number;
        /** The nodes at which operations were under way while the fault was in force. */
        readonly asked?: readonly string[];
        /** Of a fault that acts on links. */
        readonly links?: LinkEvidence;
        /** Of a fault by the user's own script: each call of it, and what it said. */
        readonly hook?: readonly HookCall[];
        /** Whose votes counted when the injection began, as far as that was seen. */
        readonly voters?: readonly string[];
        /** Of a fault by which the cluster itself is changed: what was asked of it. */
        readonly requests?: readonly AdminRequest[];
        readonly members?: MembersEvidence;
      }
    /** No victims could be named in time: no leader was known, or too few voted. */
    | {
        readonly outcome: 'unresolved';
        readonly waitedNs: number;
        /** Where they were too few: who voted. */
        readonly voters?: readonly string[];
      }
    /** The run ended before its turn. */
    | { readonly outcome: 'skipped' }
  );

/** A run that proved less than it claims to: why, for people. Exit code 5. */
export interface GateFailure {
  /** `fault-2-election`, `enough-cas`: stable, searchable. */
  readonly gate: string;
  /** What was expected, what was seen, what to change. */
  readonly sentence: string;
}

/** Something that went wrong beside the store, as the user was told. */
export interface RunError {
  /** `GONG-E033`; `GONG-E070` for a bug in Gong. */
  readonly code: string;
  readonly what: string;
  readonly why: string;
}

/** Why a run ended before its time, though nothing failed. */
export type EarlyEnd = {
  /** Nanoseconds since the run began. */
  readonly atNs: number;
} & (
  | {
      readonly type: 'violation';
      /** The first that was found; `time` is when its operation completed. */
      readonly violation: {
        readonly key: string | null;
        readonly sentence: string;
        readonly time: number;
      };
    }
  | { readonly type: 'disk'; readonly usedBytes: number; readonly maxBytes: number }
);

/** How the run ended, as Gong said at its end. */
export interface RunOutcome {
  /** The exit code. */
  readonly exit: number;
  readonly interrupted: boolean;
  readonly errors: readonly RunError[];
  /** Gates that were asked and kept; those that failed have an event of their own. */
  readonly gatesKept: readonly string[];
  /** Nodes that did not answer every final read. */
  readonly silentNodes: readonly string[];
  /** Null when clients had all of their time. */
  readonly endedEarly: EarlyEnd | null;
  /** Null without `--expect`. */
  readonly expectations: AppliedExpectations | null;
}

/** One line of `cluster.jsonl`; `time` is nanoseconds since the run began. */
export type ClusterEvent = { readonly time: number } & (
  | ({ readonly type: 'status'; readonly node: string } & ObservedStatus)
  | { readonly type: 'unreachable'; readonly node: string; readonly error?: string }
  /** The members are others than before, by the word of the leader. */
  | {
      readonly type: 'members';
      /** Who told. */
      readonly node: string;
      readonly voters: readonly string[];
      readonly outgoing: readonly string[];
      readonly learners: readonly string[];
    }
  /** The run enters a stage. */
  | { readonly type: 'stage'; readonly stage: string }
  /** The injection of a fault begins; its `start` in the history says that it took effect. */
  | ({
      readonly type: 'inject';
      readonly victims: readonly string[];
      readonly value: Json;
    } & FaultName)
  /** Written once the clients have stopped: the evidence is complete then. */
  | ({ readonly type: 'fault' } & FaultRecord)
  | ({ readonly type: 'gate' } & GateFailure)
  | {
      readonly type: 'unexpected-exit';
      readonly node: string;
      readonly code: number | null;
      readonly signal: string | null;
    }
  /** The last line; absent when Gong did not get that far. */
  | ({ readonly type: 'outcome' } & RunOutcome)
);

/** Appends to `cluster.jsonl`, in the order of the calls. */
export class ClusterLog implements Disposable {
  readonly #writer: LineWriter;

  constructor(path: string) {
    this.#writer = new LineWriter(path);
  }

  append(event: ClusterEvent): void {
    this.#writer.append(JSON.stringify(event));
  }

  [Symbol.dispose](): void {
    this.#writer.close();
  }
}

/**
 * Reads `cluster.jsonl`. A last line without its newline is torn (a crash) and left out.
 *
 * @throws UserError (`usage`, GONG-E044) when another line is malformed
 */
export async function* readClusterLog(path: string): AsyncGenerator<ClusterEvent> {
  let number = 0;
  let torn = '';
  // Not readline: it ends a line at U+2028, too, which may stand inside a JSON text.
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (torn + String(chunk)).split('\n');
    torn = lines.pop() ?? '';
    for (const line of lines) yield parse(line, ++number, path);
  }
}

/** The same of a whole log at once, for those that look for a few of its events. */
export function parseClusterLog(path: string): readonly ClusterEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line, i) => parse(line, i + 1, path));
}

function parse(line: string, number: number, path: string): ClusterEvent {
  let cause: unknown;
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === 'object' && event !== null && 'time' in event && 'type' in event) {
      return event as ClusterEvent;
    }
  } catch (error) {
    cause = error;
  }
  throw new UserError({
    kind: 'usage',
    code: 'GONG-E044',
    what: `${path}, line ${number} is no event of a cluster log`,
    why: cause instanceof Error ? cause.message : 'it has no "time" or no "type"',
    fix: 'the file was changed or damaged after the run: run again',
    cause,
  });
}
