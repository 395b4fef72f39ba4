import { createReadStream } from 'node:fs';
import type { Json } from '../../checker/index.ts';
import type { EvidenceKind } from '../contracts/nemesis.ts';
import { UserError } from '../lib/user-error.ts';
import type { AppliedExpectations } from './expectations.ts';
import { LineWriter } from './line-writer.ts';

/** A node as it described itself. */
export interface ObservedStatus {
  readonly role: string;
  readonly term: number;
  readonly leader: string | null;
  readonly commitIndex: number;
  readonly lastApplied: number;
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
}

/** What the links that a fault cut carried and held back. */
export interface LinkEvidence {
  /** How many were cut, each direction counted. */
  readonly links: number;
  /** Bytes that crossed them while the cut was in force. */
  readonly forwardedBytes: number;
  /** Those that they crossed: `n1->n2`. */
  readonly leaked: readonly string[];
  /** Bytes held back on the links from victims to the others, and on those to the victims. */
  readonly heldFromVictimsBytes: number;
  readonly heldToVictimsBytes: number;
}

export interface ProcessEvidence {
  readonly node: string;
  readonly pidBefore: number | null;
  readonly pidAfter: number | null;
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
        readonly value: Json;
        readonly startedNs: number;
        /** When the heal began; the fault was in force from `startedNs` until then. */
        readonly healedNs: number;
        readonly required: readonly EvidenceKind[];
        readonly election: ElectionEvidence | null;
        readonly processes: readonly ProcessEvidence[];
        readonly victimOperations: VictimOperations;
        /** Of a fault that cuts links. */
        readonly links?: LinkEvidence;
      }
    /** No victims could be named in time: no leader was known. */
    | { readonly outcome: 'unresolved'; readonly waitedNs: number }
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
  /** Null without `--expect`. */
  readonly expectations: AppliedExpectations | null;
}

/** One line of `cluster.jsonl`; `time` is nanoseconds since the run began. */
export type ClusterEvent = { readonly time: number } & (
  | ({ readonly type: 'status'; readonly node: string } & ObservedStatus)
  | { readonly type: 'unreachable'; readonly node: string }
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
