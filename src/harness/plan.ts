import type { NemesisShape, PlannedFault } from '../contracts/nemesis.ts';
import { defined } from '../lib/assert.ts';
import { formatDuration, MILLISECOND, SECOND } from '../lib/duration.ts';
import { makeRandom, type Random } from '../lib/prng.ts';
import { UserError } from '../lib/user-error.ts';
import { type Selection, type SelectionRequest, selectNemeses } from './selection.ts';

/** Clients work undisturbed for so long first: what a fault breaks must have worked before. */
export const FIRST_FAULT_NS: number = 1_500 * MILLISECOND;
/** After the last heal clients go on for so long: recovery is part of what is tested. */
export const RECOVERY_NS: number = 2 * SECOND;
export const DEFAULT_INTERVAL_NS: number = 5 * SECOND;

/** Shares of the interval. */
const JITTER_MAX = 0.1;
const DURATION_MIN = 0.15;
const DURATION_MAX = 0.6;
/** A fault that hits the leader lasts longer, so that the new leader serves for a while. */
const LEADER_DURATION_MIN = 0.5;
/** A shorter fault shows in few operations; where the interval is short, it has two fifths of it. */
const SHORTEST_NS = 500 * MILLISECOND;
const SHORTEST_SHARE = 0.4;

export interface PlanRequest extends SelectionRequest {
  readonly seed: string;
  /** How long clients run. */
  readonly durationNs: number;
  /** From the earliest start of one fault to that of the next. */
  readonly intervalNs: number;
}

/**
 * Plans the faults of a run: a seeded shuffle that holds every word of `--nemesis` at least once and,
 * where the words allow a shape that hits the leader, such a shape at least once. Faults do not
 * overlap, and the same request gives the same plan.
 *
 * @returns faults in the order of their times; empty when no nemesis is named
 * @throws UserError (`usage`) as `selectNemeses`, and when the duration is too short (GONG-E022)
 */
export function planFaults(request: PlanRequest): readonly PlannedFault[] {
  const selections = selectNemeses(request);
  if (selections.length === 0) return [];
  const { durationNs, intervalNs } = request;
  const shortestNs = FIRST_FAULT_NS + lastingNsMax(intervalNs) + RECOVERY_NS;
  const slots = Math.floor((durationNs - shortestNs) / intervalNs) + 1;
  if (slots < selections.length) {
    throw tooShort(request, shortestNs + (selections.length - 1) * intervalNs, selections.length);
  }
  const random = makeRandom(request.seed).fork('plan');
  return drawShapes(selections, slots, random).map(({ word, kind, shape }, i) => {
    const jitterNs = random.float() * JITTER_MAX * intervalNs;
    return {
      kind,
      shape: shape.shape,
      atNs: Math.floor(FIRST_FAULT_NS + i * intervalNs + jitterNs),
      durationNs: drawLength({ shape, intervalNs, random }),
      seed: `${request.seed}/fault/${i}`,
      word,
    };
  });
}

/**
 * Lengths are spread evenly over their logarithm, as many from 15 to 30 % of the interval as from 30 to
 * 60 %: some faults are over before a client loses its patience, others last for many elections.
 */
function drawLength(parts: {
  readonly shape: NemesisShape;
  readonly intervalNs: number;
  readonly random: Random;
}): number {
  const { shape, intervalNs, random } = parts;
  const shortest = Math.max(DURATION_MIN, Math.min(SHORTEST_SHARE, SHORTEST_NS / intervalNs));
  const least = shape.hitsLeader ? LEADER_DURATION_MIN : shortest;
  return Math.floor(least * (DURATION_MAX / least) ** random.float() * intervalNs);
}

/** From the start of a slot to the latest heal in it. */
function lastingNsMax(intervalNs: number): number {
  return Math.ceil((JITTER_MAX + DURATION_MAX) * intervalNs);
}

interface Drawn {
  readonly word: string;
  readonly kind: string;
  readonly shape: NemesisShape;
}

/** Rounds in which each word comes once, shuffled; the first round is the one that must fit. */
function drawShapes(selections: readonly Selection[], slots: number, random: Random): Drawn[] {
  const decks = new Map(selections.map((one) => [one, new Deck(one.shapes, random)]));
  const withLeader = selections.filter(({ shapes }) => shapes.some((one) => one.hitsLeader));
  if (withLeader.length > 0) {
    const chosen = random.pick(withLeader);
    const leaderShape = random.pick(chosen.shapes.filter((one) => one.hitsLeader));
    defined(decks.get(chosen), 'every selection has a deck').putOnTop(leaderShape);
  }
  const drawn: Drawn[] = [];
  while (drawn.length < slots) {
    for (const selection of random.shuffle(selections)) {
      const shape = defined(decks.get(selection), 'every selection has a deck').draw();
      drawn.push({ word: selection.word, kind: selection.nemesis.kind, shape });
    }
  }
  return drawn.slice(0, slots);
}

/** Deals every shape before it deals one again: short plans see as many shapes as they can. */
class Deck {
  readonly #shapes: readonly NemesisShape[];
  readonly #random: Random;
  #left: NemesisShape[];

  constructor(shapes: readonly NemesisShape[], random: Random) {
    this.#shapes = shapes;
    this.#random = random;
    this.#left = random.shuffle(shapes);
  }

  putOnTop(shape: NemesisShape): void {
    this.#left = [...this.#left.filter((one) => one !== shape), shape];
  }

  draw(): NemesisShape {
    if (this.#left.length === 0) this.#left = this.#random.shuffle(this.#shapes);
    return defined(this.#left.pop(), 'a selection has a shape');
  }
}

function tooShort(request: PlanRequest, leastNs: number, faults: number): UserError {
  const least = `${Math.ceil(leastNs / (SECOND / 10)) / 10}s`;
  return new UserError({
    kind: 'usage',
    code: 'GONG-E022',
    what: `${formatDuration(request.durationNs)} is too short for --nemesis ${request.words}`,
    why:
      `each of its ${faults} fault${faults === 1 ? '' : 's'} must come once, ` +
      `${formatDuration(request.intervalNs)} apart, with time to recover`,
    fix: `pass --duration ${least} at least, or a shorter --nemesis-interval`,
  });
}
