import { defined } from '../../lib/assert.ts';
import { type Cell, isQuiet, type Repetition } from './figures.ts';
import { type LoadOptions, type Measurement, measureLoad } from './load.ts';
import type { System } from './system.ts';

export interface Systems {
  readonly gong: System;
  readonly etcd: System | undefined;
  readonly bare: System;
}

export interface RoundsOptions {
  /** In the order of a turn; one may come several times. */
  readonly cells: readonly Cell[];
  readonly repetitions: number;
  readonly leadInMs: number;
  readonly measuredMs: number;
  /** When `performance.now()` shows it, nothing more is begun. */
  readonly deadlineMs: number;
  readonly told: (cell: Cell, repetition: Repetition) => void;
}

/**
 * Measures every cell so many times. Within a repetition the systems take turns right after each
 * other, another one first each time; repetitions of a cell lie far apart. When all are done, those
 * that others on the machine disturbed are repeated while there is time.
 */
export async function measureRounds(
  systems: Systems,
  options: RoundsOptions,
): Promise<ReadonlyMap<Cell, readonly Repetition[]>> {
  const { cells, repetitions, deadlineMs } = options;
  const found = new Map<Cell, Repetition[]>(cells.map((cell) => [cell, []]));
  const listOf = (cell: Cell): Repetition[] => defined(found.get(cell), 'one for each');
  const repeat = async (cell: Cell, turn: number): Promise<void> => {
    const repetition = await measureCell(systems, cell, turn, options);
    listOf(cell).push(repetition);
    options.told(cell, repetition);
  };
  for (let turn = 0; turn < repetitions; turn++) {
    for (const cell of cells) {
      // Each cell once, whatever the time.
      if (turn > 0 && performance.now() > deadlineMs) return found;
      await repeat(cell, turn);
    }
  }
  for (let turn = repetitions; turn < 2 * repetitions; turn++) {
    for (const cell of cells) {
      if (performance.now() > deadlineMs) return found;
      if (listOf(cell).filter(isQuiet).length < repetitions) await repeat(cell, turn);
    }
  }
  return found;
}

async function measureCell(
  { gong, etcd, bare }: Systems,
  cell: Cell,
  turn: number,
  { leadInMs, measuredMs }: RoundsOptions,
): Promise<Repetition> {
  const load: LoadOptions = { ...cell, leadInMs, measuredMs };
  const measured = new Map<System, Measurement>();
  const order = [gong, ...(etcd === undefined ? [] : [etcd]), bare];
  const first = turn % order.length;
  for (const system of [...order.slice(first), ...order.slice(0, first)]) {
    measured.set(system, await measureLoad(system, load));
  }
  return {
    gong: defined(measured.get(gong), 'measured above'),
    etcd: etcd === undefined ? undefined : measured.get(etcd),
    bare: defined(measured.get(bare), 'measured above'),
  };
}
