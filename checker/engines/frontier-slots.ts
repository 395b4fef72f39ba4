import { NONE, type Problem } from './problem.ts';

/** Which bit stands for which operation while it is under way: the same in every configuration. */
export interface Slots {
  /** Words of a set of slots. */
  readonly words: number;
  /** Per operation; NONE for those that have none. */
  readonly slotOf: Int32Array;
  /** Operation per rank of the table's events; NONE where the event is of no operation with a slot. */
  readonly operationAt: Int32Array;
  /** Crashed operations in the order in which they ripen, and the rank after whose event that is. */
  readonly ripening: Int32Array;
  readonly ripensAt: Int32Array;
}

/**
 * Gives slots to operations: completed ones hold theirs from invocation to completion. A crashed one
 * is *young* while an operation is under way that was invoked before it, and holds a slot as long;
 * then it is *ripe*, and interchangeable with every ripe one of its class.
 *
 * Ripening is in order of invocation: of two crashed operations the later one saw, when it was invoked,
 * all that was under way at the invocation of the earlier and had not returned since.
 *
 * @param isIgnored - operations that need no slot
 * @param areYoungKept - false: every crashed operation is ripe at once
 */
export function slotsOf(
  problem: Problem,
  isIgnored: (operation: number) => boolean,
  areYoungKept: boolean,
): Slots {
  const { size, completed, table, rows } = problem;
  const operationOfRow = new Int32Array(table.size).fill(NONE);
  for (let operation = 0; operation < size; operation++) {
    if (!isIgnored(operation)) operationOfRow[rows[operation] as number] = operation;
  }
  const slotOf = new Int32Array(size).fill(NONE);
  const operationAt = new Int32Array(table.events.length).fill(NONE);
  const ripening = new Int32Array(size - completed);
  const ripensAt = new Int32Array(size - completed);
  const free: number[] = [];
  let slots = 0;
  let ripe = 0;
  let young = 0;
  // Completions of what is under way: the greatest is all that ripening asks for.
  let lastReturn = NONE;
  for (let rank = 0; rank < operationAt.length; rank++) {
    const event = table.events[rank] as number;
    const operation = operationOfRow[event >>> 1] as number;
    if (operation !== NONE) {
      operationAt[rank] = operation;
      if ((event & 1) === 1) {
        free.push(slotOf[operation] as number);
      } else {
        if (operation < completed) {
          lastReturn = Math.max(lastReturn, problem.return[operation] as number);
          slotOf[operation] = free.pop() ?? slots++;
        } else {
          ripening[young] = operation;
          ripensAt[young] = areYoungKept ? Math.max(lastReturn, rank) : rank;
          if ((ripensAt[young++] as number) > rank) slotOf[operation] = free.pop() ?? slots++;
        }
      }
    }
    while (ripe < young && (ripensAt[ripe] as number) <= rank) {
      const slot = slotOf[ripening[ripe++] as number] as number;
      if (slot !== NONE) free.push(slot);
    }
  }
  return {
    words: Math.max(1, (slots + 31) >>> 5),
    slotOf,
    operationAt,
    ripening: ripening.subarray(0, young),
    ripensAt: ripensAt.subarray(0, young),
  };
}

/**
 * Crashed operations as counters: a field per class that has any, and one per group of classes, packed into
 * words. What a group used is what its classes used: it tells nothing new, but survives when
 * configurations are joined that used different classes of it.
 */
export interface Counters {
  /** Per class: its field; NONE when no operation of it crashed. */
  readonly fieldOf: Int32Array;
  /** Per field: that of its group; NONE for a class that is in none, and for groups. */
  readonly groupOf: Int32Array;
  /** Per field. */
  readonly word: Int32Array;
  readonly shift: Int32Array;
  /** Per field: all bits of the field, not shifted. */
  readonly mask: Int32Array;
  /** Per field; NONE for groups. */
  readonly classOf: Int32Array;
  /** Per word: the guard bit above each field. */
  readonly guards: Int32Array;
}

/** @param groupOfClass - classes with the same number make a group */
export function countersOf(
  problem: Problem,
  groupOfClass: (itsClass: number) => number = (itsClass) => itsClass,
): Counters {
  const fields = problem.crashedRuns.map(({ first, end }) => ({
    itsClass: problem.classOf[first] as number,
    most: end - first,
  }));
  const groups = new Map<number, number[]>();
  for (const [field, { itsClass }] of fields.entries()) {
    const number = groupOfClass(itsClass);
    const members = groups.get(number);
    if (members === undefined) groups.set(number, [field]);
    else members.push(field);
  }
  const groupOf = fields.map(() => NONE);
  for (const members of groups.values()) {
    if (members.length === 1) continue;
    let most = 0;
    for (const member of members) {
      groupOf[member] = fields.length;
      most += fields[member]?.most ?? 0;
    }
    groupOf.push(NONE);
    fields.push({ itsClass: NONE, most });
  }
  return { ...packed(problem.classes, fields), groupOf: Int32Array.from(groupOf) };
}

function packed(
  classes: number,
  fields: readonly { readonly itsClass: number; readonly most: number }[],
): Omit<Counters, 'groupOf'> {
  const fieldOf = new Int32Array(classes).fill(NONE);
  const word = new Int32Array(fields.length);
  const shift = new Int32Array(fields.length);
  const mask = new Int32Array(fields.length);
  const guards: number[] = [];
  let used = 32;
  for (const [field, { itsClass, most }] of fields.entries()) {
    const width = 32 - Math.clz32(most);
    if (used + width + 1 > 32) {
      guards.push(0);
      used = 0;
    }
    if (itsClass !== NONE) fieldOf[itsClass] = field;
    word[field] = guards.length - 1;
    shift[field] = used;
    mask[field] = 2 ** width - 1;
    guards[guards.length - 1] = (guards.at(-1) ?? 0) | (1 << (used + width));
    used += width + 1;
  }
  const classOf = Int32Array.from(fields, ({ itsClass }) => itsClass);
  return { fieldOf, word, shift, mask, classOf, guards: Int32Array.from(guards) };
}
