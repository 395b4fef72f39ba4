import { defined } from '../../lib/assert.ts';
import { applied, APPLIED, NOT_APPLIED, type Result } from './result.ts';
import { orderedNumber, type RowCodec, rowsPrefix, Table, TEXT } from './table.ts';

/** Where a queue that is not empty begins, and the place behind its last element. */
interface QueueEnds {
  readonly head: number;
  readonly tail: number;
}

const ENDS: RowCodec<QueueEnds> = {
  write: (writer, { head, tail }) => void writer.u53(head).u53(tail),
  read: (reader) => ({ head: reader.u53(), tail: reader.u53() }),
};

const EMPTY: QueueEnds = { head: 0, tail: 0 };

/** First in, first out; one row for each element. An empty queue is as one that never was. */
export class Queues {
  readonly ends: Table<QueueEnds> = new Table(ENDS);
  readonly elements: Table<string> = new Table(TEXT);

  enqueue(key: string, element: string): Result {
    const { head, tail } = this.ends.get(key) ?? EMPTY;
    this.elements.set(rowOf(key, tail), element);
    this.ends.set(key, { head, tail: tail + 1 });
    return APPLIED;
  }

  dequeue(key: string): Result {
    const ends = this.ends.get(key);
    if (ends === undefined) return NOT_APPLIED;
    const row = rowOf(key, ends.head);
    const element = defined(this.elements.get(row), 'a queue has all from its head to its tail');
    this.elements.delete(row);
    const head = ends.head + 1;
    if (head === ends.tail) this.ends.delete(key);
    else this.ends.set(key, { head, tail: ends.tail });
    return applied(element);
  }

  length(key: string): number {
    const { head, tail } = this.ends.get(key) ?? EMPTY;
    return tail - head;
  }
}

function rowOf(key: string, place: number): string {
  return rowsPrefix(key) + orderedNumber(place);
}
