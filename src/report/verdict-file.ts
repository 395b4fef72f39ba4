import type { Json } from '../../checker/index.ts';

/**
 * What reports read of `verdict.json` (schema 1), which the judge writes: a part of it, so that older
 * and newer directories can be read as well. Times are nanoseconds since the run began.
 */
export interface StoredVerdict {
  readonly valid: boolean | 'unknown';
  readonly model: string;
  readonly operations: number;
  readonly completed: number;
  readonly crashed: number;
  readonly failed: number;
  readonly keys: {
    readonly total: number;
    readonly valid: number;
    readonly invalid: number;
    readonly unknown: number;
  };
  /** The first ones; `keys.invalid` counts all. */
  readonly failures: readonly StoredFailure[];
  readonly stale: { readonly total: number; readonly worst: StoredStaleRead | null };
  readonly unknown: readonly {
    readonly key: string | null;
    readonly reason: string;
    readonly operations: number;
    /** These and the following are absent from older directories. */
    readonly engine?: string | null;
    readonly completionsProven?: number;
    readonly completions?: number;
  }[];
  readonly elapsedNs: number;
  readonly readNs?: number;
  readonly decideNs?: number;
  readonly evidenceNs?: number;
  readonly verifyNs?: number;
  /** How many keys each engine decided, or tried last. */
  readonly engines?: Readonly<Record<string, number>>;
}

/** One key that is not linearizable. */
export interface StoredFailure {
  readonly key: string | null;
  readonly sentence: string;
  readonly couldNotPlace: StoredOperation;
  readonly staleReadsTotal: number;
  readonly duringFaults: readonly StoredFault[];
}

export interface StoredStaleRead {
  readonly read: StoredOperation;
  readonly sentence: string;
  readonly duringFaults: readonly StoredFault[];
}

export interface StoredOperation {
  /** Index of its invocation in the history; its line is one more. */
  readonly id: number;
  readonly process: number;
  readonly f: string;
  readonly key: string | null;
  readonly description: string;
  readonly input: Json;
  readonly output: Json;
  readonly node: string | null;
  readonly servedBy: string | null;
}

/** A fault that was in force, as the history tells. */
export interface StoredFault {
  readonly kind: string;
  readonly shape: string | null;
  readonly victims: readonly string[];
  readonly startTime: number;
  /** Null: it was still in force when the history ended. */
  readonly healTime: number | null;
}

/** The operation that tells most of a failed key: what, on which node, under which fault. */
export interface Culprit {
  readonly key: string | null;
  readonly operation: StoredOperation;
  /** The node that served it, or was asked; null where the history names none. */
  readonly node: string | null;
  readonly faults: readonly StoredFault[];
  /** What happened, from the evidence alone. */
  readonly sentence: string;
}

/**
 * One for each key that failed, as people read them: the key of the worst stale read first, with that
 * read; then the others, with the operation that no order can hold.
 */
export function culprits({ failures, stale }: StoredVerdict): readonly Culprit[] {
  const { worst } = stale;
  const ofWorst = failures.filter(({ key }) => worst !== null && key === worst.read.key);
  const others = failures.filter((failure) => !ofWorst.includes(failure));
  return [
    ...ofWorst.map((failure) => {
      const operation = worst?.read ?? failure.couldNotPlace;
      const { sentence, duringFaults } = worst ?? failure;
      return culprit({ key: failure.key, operation, sentence, faults: duringFaults });
    }),
    ...others.map(({ key, couldNotPlace, sentence, duringFaults }) =>
      culprit({ key, operation: couldNotPlace, sentence, faults: duringFaults }),
    ),
  ];
}

function culprit(parts: Omit<Culprit, 'node'>): Culprit {
  return { ...parts, node: parts.operation.servedBy ?? parts.operation.node };
}

/** In a line of its own: `NOT LINEARIZABLE`. */
export function verdictHeadline(verdict: Pick<StoredVerdict, 'valid' | 'completed'>): string {
  if (verdict.valid === false) return 'NOT LINEARIZABLE';
  if (verdict.valid === 'unknown') return 'UNKNOWN: not everything could be decided';
  return verdict.completed === 0 ? 'NOTHING PROVED: no operation completed' : 'LINEARIZABLE';
}
