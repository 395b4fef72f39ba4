import { SET_MAX } from './limits.ts';
import { APPLIED, conflict, NOT_APPLIED, type Result } from './result.ts';
import { PRESENT, type RowCodec, rowsPrefix, Table } from './table.ts';

/** How large a set is that is not empty. */
interface SetSize {
  readonly elements: number;
  readonly units: number;
}

const SIZE: RowCodec<SetSize> = {
  write: (writer, { elements, units }) => void writer.u53(elements).u53(units),
  read: (reader) => ({ elements: reader.u53(), units: reader.u53() }),
};

const EMPTY: SetSize = { elements: 0, units: 0 };

/** Sets by key; one row for each element. An empty set is as one that never was. */
export class Sets {
  readonly sizes: Table<SetSize> = new Table(SIZE);
  readonly elements: Table<true> = new Table(PRESENT);

  add(key: string, element: string): Result {
    const row = rowsPrefix(key) + element;
    if (this.elements.get(row) !== undefined) return NOT_APPLIED;
    const { elements, units } = this.#grown(key, 1, element);
    if (elements > SET_MAX.elements || units > SET_MAX.units) return conflict('the set is full');
    this.sizes.set(key, { elements, units });
    this.elements.set(row, true);
    return APPLIED;
  }

  remove(key: string, element: string): Result {
    if (!this.elements.delete(rowsPrefix(key) + element)) return NOT_APPLIED;
    const size = this.#grown(key, -1, element);
    if (size.elements === 0) this.sizes.delete(key);
    else this.sizes.set(key, size);
    return APPLIED;
  }

  /** In the order of the elements' UTF-16 units. */
  read(key: string): readonly string[] {
    const elements: string[] = [];
    const prefix = rowsPrefix(key);
    const rows = this.elements.cursor(prefix);
    while (rows.next() && rows.key.startsWith(prefix)) elements.push(rows.key.slice(prefix.length));
    return elements;
  }

  #grown(key: string, by: 1 | -1, element: string): SetSize {
    const { elements, units } = this.sizes.get(key) ?? EMPTY;
    return { elements: elements + by, units: units + by * (element.length + 1) };
  }
}
