import type { Slice } from './run.ts';
import { luckySlices, wgl } from './search.ts';
import type { Model } from '../models/model.ts';
import type { Table } from '../table.ts';
import type { Budget, EngineName } from '../verdict.ts';
import type { Decision, Engine } from './decision.ts';

/** A decision and who made it. */
export type Decided = Decision & { readonly engine: EngineName };

/** Slices that one may go on before the other has its turn. */
const TURN = 16;

interface Contender {
  readonly engine: EngineName;
  readonly work: Generator<Slice, Decision>;
}

/**
 * Decides where no special case applies. The general search goes first, for a number of steps that
 * depends on the length alone: it is lucky on valid histories. Then it and the others take turns, so that
 * none starves: what is hard for one is often easy for another. Who gives up leaves its time to the rest.
 *
 * Each may use an equal share of the memory.
 *
 * @param others - engines that are asked whether they apply once the search was not lucky
 */
export function* decideInTurns(
  table: Table,
  model: Model,
  budget: Budget,
  others: readonly Engine[],
): Generator<Slice, Decided> {
  const memoryBytesMax = budget.memoryBytesMax / (1 + others.length);
  const share = { ...budget, memoryBytesMax };
  const contenders: Contender[] = [];
  const begin = (engine: Engine): void => {
    const decide = engine.prepare(table, model);
    if (decide !== undefined) contenders.push({ engine: engine.name, work: decide(share) });
  };
  begin(wgl);
  let turn = luckySlices(table.size);
  let best: Extract<Decided, { readonly type: 'unknown' }> | undefined;
  for (let round = 0; contenders.length > 0; round++) {
    // In this order: who was asked first goes on after the others had a turn.
    for (const contender of [...contenders].reverse()) {
      const decision = yield* goOn(contender.work, turn);
      if (decision === undefined) continue;
      const { engine } = contender;
      if (decision.type !== 'unknown') return { ...decision, engine };
      contenders.splice(contenders.indexOf(contender), 1);
      // The reason is that of the last to give up; what is proven, and by whom, that of the furthest.
      best =
        best === undefined || decision.provenRank >= best.provenRank
          ? { ...decision, engine }
          : { ...best, reason: decision.reason };
    }
    if (round > 0) continue;
    if (best?.reason !== 'time') for (const engine of others) begin(engine);
    turn = TURN;
  }
  return best ?? { type: 'unknown', reason: 'engine', provenRank: 0, engine: wgl.name };
}

/** @returns undefined when it needs more slices */
function* goOn(
  work: Generator<Slice, Decision>,
  slices: number,
): Generator<Slice, Decision | undefined> {
  for (let slice = 0; slice < slices; slice++) {
    const step = work.next();
    if (step.done === true) return step.value;
    yield step.value;
  }
  return undefined;
}
