import type { Json } from '../checker/index.ts';
import type { Invocation } from '../src/contracts/client.ts';
import type {
  Effect,
  Source,
  Workload,
  WorkloadOptions,
  WorkloadSetting,
} from '../src/contracts/workload.ts';
import { each, limit } from '../src/generator/base.ts';
import { mix } from '../src/generator/mix.ts';
import type { Random } from '../src/lib/prng.ts';
import { KEYS, onKeys, READ_SHARE } from './keys.ts';
import { HandedOut } from './register-keys.ts';
import { settingOf } from './settings.ts';

const GROUP_KEYS: WorkloadSetting = {
  name: 'groupKeys',
  what: 'how many keys transactions meet on',
  fallback: 3,
  min: 2,
  max: 26,
  isWhole: true,
};

const GROUP_OPS: WorkloadSetting = {
  name: 'groupOps',
  what: 'how many transactions a group of keys gets, at most, before a new one takes its place',
  fallback: 100,
  min: 1,
  max: 100_000,
  isWhole: true,
};

/** Of what changes something: the rest is done whatever is there. */
const CONDITIONAL_SHARE = 0.5;
/** Of changes: the rest writes. */
const DELETE_SHARE = 0.1;

/**
 * Transactions on several keys at once. A transaction may meet any other of its group, and so a group of
 * keys is one object of the history: its name is the operations' key, and the keys inside are named by
 * letters. Groups are as independent of each other as keys are elsewhere.
 */
export const txn: Workload = {
  name: 'txn',
  about: 'transactions that compare, read and write several keys at once',
  finds: 'transactions that are seen in part, lost or applied twice, comparisons of an old state',
  model: 'txn-kv',
  functions: ['txn'],
  mutations: ['txn'],
  settings: [READ_SHARE, KEYS, GROUP_KEYS, GROUP_OPS],
  effects({ value }, ok) {
    if (ok.applied === false) return [];
    return partsOf(ok.value ?? value).flatMap(([word, , its]): readonly Effect[] => {
      if (its === null || word === 'if') return [];
      return [{ type: word === 'read' ? 'read' : 'wrote', value: its }];
    });
  },
  lookAt: (key) => [transaction(key, lettersOf(GROUP_KEYS.fallback).map(READ))],
  generator(options, random) {
    const letters = lettersOf(settingOf(options, GROUP_KEYS));
    const readAll = (key: string): Invocation => transaction(key, letters.map(READ));
    return onKeys({
      keys: settingOf(options, KEYS),
      options,
      random,
      source: (key) => {
        const readShare = settingOf(options, READ_SHARE);
        const group = new Group(letters, options, random);
        const changes = each(() => transaction(key, group.draw()));
        const all = mix(
          [
            { weight: readShare, source: each(() => readAll(key)) },
            { weight: 1 - readShare, source: changes },
          ],
          random,
        );
        return listening(key, limit(settingOf(options, GROUP_OPS), all), group);
      },
      lookAt: (key) => [readAll(key)],
    });
  },
};

/** The keys of a group. */
function lettersOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => String.fromCodePoint(97 + i));
}

type Part = readonly [word: string, letter: string, value: Json];

const READ = (letter: string): Part => ['read', letter, null];

function transaction(key: string, parts: readonly Part[]): Invocation {
  return { f: 'txn', key, value: parts };
}

function partsOf(value: Json): readonly Part[] {
  return Array.isArray(value) ? (value as readonly Part[]) : [];
}

function listening(key: string, source: Source, group: Group): Source {
  return {
    ...source,
    completed(_, invocation, completion) {
      if (invocation.key !== key || completion.type !== 'ok') return;
      if (completion.applied !== false) group.saw(partsOf(completion.value));
    },
  };
}

/** The keys of one group, and what is known of them. */
class Group {
  readonly #letters: readonly string[];
  readonly #random: Random;
  readonly #values: HandedOut;
  /** What was there a moment ago. */
  readonly #latest = new Map<string, Json>();

  constructor(letters: readonly string[], options: WorkloadOptions, random: Random) {
    this.#letters = letters;
    this.#random = random;
    this.#values = new HandedOut(options, random);
  }

  saw(parts: readonly Part[]): void {
    for (const [word, letter, value] of parts) {
      if (word !== 'if') this.#latest.set(letter, value);
    }
  }

  /** A transaction that changes two keys or more, and reads another or one of them. */
  draw(): readonly Part[] {
    const random = this.#random;
    const letters = random.shuffle(this.#letters);
    const isConditional = random.float() < CONDITIONAL_SHARE;
    const changed = letters.slice(0, random.integer(2, Math.min(3, letters.length)));
    const compared = isConditional ? letters.slice(0, random.integer(1, 2)) : [];
    return [
      ...compared.map((letter): Part => ['if', letter, this.#latest.get(letter) ?? null]),
      READ(random.pick(letters)),
      ...changed.map((letter): Part => {
        if (random.float() < DELETE_SHARE) return ['delete', letter, null];
        return ['write', letter, this.#values.draw()];
      }),
    ];
  }
}
