import type { Json } from '../history.ts';
import { isArray, sameJson } from '../json.ts';
import { placeOf } from './elements.ts';
import { show } from './register.ts';

/*
 * Several cells as one state: a list of [key, value] for those that hold something, sorted by the keys'
 * canonical text, so that equal contents are equal states. What is not in the list is absent (null).
 */

/** The cells of a state. */
export function cellsOf(state: Json): readonly Json[] {
  return isArray(state) ? state : [];
}

export function readCell(cells: readonly Json[], key: Json): Json {
  const found = cells.find((each) => sameJson(keyOf(each), key));
  return found === undefined ? null : valueOf(found);
}

/** The cells with one changed. @param value - null empties it */
export function writeCell(cells: readonly Json[], key: Json, value: Json): readonly Json[] {
  const at = placeOf(cells.map(keyOf), key);
  const found = cells[at];
  const isThere = found !== undefined && sameJson(keyOf(found), key);
  if (value === null) return isThere ? cells.toSpliced(at, 1) : cells;
  return cells.toSpliced(at, isThere ? 1 : 0, [key, value]);
}

/** `"a" = 1, "b" = 2`, for people. */
export function describeCells(state: Json): string {
  const texts = cellsOf(state).map((each) => `${show(keyOf(each))} = ${show(valueOf(each))}`);
  return texts.length === 0 ? 'all absent' : texts.join(', ');
}

function keyOf(cell: Json): Json {
  return (isArray(cell) ? cell[0] : undefined) ?? null;
}

function valueOf(cell: Json): Json {
  return (isArray(cell) ? cell[1] : undefined) ?? null;
}
