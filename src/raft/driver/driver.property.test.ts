import { expect, test } from 'vitest';
import {
  checkHistory,
  type EventType,
  type HistoryEvent,
  type Json,
  MODELS,
  pair,
} from '../../../checker/index.ts';
import { defined } from '../../lib/assert.ts';
import { makeRandom, type Random } from '../../lib/prng.ts';
import { PAPER_RULES, type Rules } from '../core/rules.ts';
import type { Entry, NodeId } from '../core/types.ts';
import { DEFECTS } from '../defects/index.ts';
import type { Command } from '../kv/commands.ts';
import { decodeStamped } from '../kv/stamped-command.ts';
import { decodePeerMessage } from './peer-message.ts';
import type { Answer, Request } from './requests.ts';
import { TestDrivers } from './testing/drivers.ts';

const MS = 1_000_000;
const KEYS = ['a', 'b', 'c'] as const;

/** Every value is written by one request only: it names the request. */
interface Operation {
  readonly process: number;
  readonly f: 'read' | 'write' | 'cas';
  readonly key: string;
  readonly value: Json;
  readonly request: Request;
}

/** What clients saw, and what the nodes applied. */
class Record {
  readonly events: HistoryEvent[] = [];
  readonly log = new Map<number, Entry>();
  /** Values of commands that were answered `refused`. */
  readonly refused = new Set<string>();
  readonly answers = { ok: 0, refused: 0, unknown: 0 };

  add(type: EventType, { process, f, key }: Operation, value: Json, applied?: boolean): void {
    const index = this.events.length;
    const isMissed = applied === false ? { applied } : {};
    this.events.push({ index, time: index, type, process, f, key, value, ...isMissed });
  }

  answered(operation: Operation, answer: Answer): void {
    this.answers[answer.type] += 1;
    const { f, value, request } = operation;
    if (answer.type === 'ok') {
      return this.add('ok', operation, f === 'read' ? answer.value : value, answer.applied);
    }
    if (answer.type === 'refused' && request.type === 'command') {
      this.refused.add(valueOf(request.command));
    }
    this.add(answer.type === 'refused' ? 'fail' : 'info', operation, value);
  }

  applied(entry: Entry, before: number): void {
    expect(entry.index, 'entries are applied in the order of the log (§5.3)').toBe(before + 1);
    const known = this.log.get(entry.index) ?? entry;
    expect(entry, `state machine safety (§5.4.3), index ${entry.index}`).toEqual(known);
    this.log.set(entry.index, entry);
  }

  check(): void {
    const values = [...this.log.values()]
      .filter(({ kind }) => kind === 'command')
      .map(({ data }) => valueOf(decodeStamped(data).command));
    expect(new Set(values).size, 'no request stands in the log twice').toBe(values.length);
    const wrong = values.filter((value) => this.refused.has(value));
    expect(wrong, 'what was refused is in nobody’s log').toEqual([]);
    const paired = pair(this.events);
    if (!paired.ok) throw new Error(paired.error.message);
    const model = defined(MODELS.get('cas-register'), 'a model');
    const { valid } = checkHistory(paired.history.operations, model, {
      now: () => 0,
      deadlineNs: Infinity,
      memoryBytesMax: 256 * 1024 * 1024,
    });
    expect(valid, 'what clients saw is linearizable').toBe(true);
  }
}

function valueOf(command: Command): string {
  if (command.type === 'put') return command.value;
  return command.type === 'cas' ? (command.to ?? '') : '';
}

/** Sequential clients that ask any node, and remember what they read. */
class Clients {
  readonly #drivers: TestDrivers;
  readonly #record: Record;
  readonly #random: Random;
  #processes = 0;
  #values = 0;
  readonly #seen = new Map<string, string>();
  /** Who waits for an answer of which node. */
  readonly #waiting = new Map<number, { readonly node: NodeId; readonly operation: Operation }>();

  constructor(drivers: TestDrivers, record: Record, random: Random) {
    this.#drivers = drivers;
    this.#record = record;
    this.#random = random;
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  start(): void {
    if (this.#waiting.size >= 4) return;
    const up = [...this.#drivers.drivers.keys()];
    if (up.length === 0) return;
    this.ask(this.#random.pick(up), this.#next(this.#random.pick(KEYS)));
  }

  /** @param done - called when it is answered, or never when the node dies */
  ask(node: NodeId, operation: Operation, done?: (answer: Answer) => void): void {
    const { process } = operation;
    this.#record.add('invoke', operation, operation.value);
    this.#waiting.set(process, { node, operation });
    this.#drivers.driver(node).submit(operation.request, (answer) => {
      expect(this.#waiting.delete(process), 'a request is answered once').toBe(true);
      if (answer.type === 'ok' && operation.f === 'read' && typeof answer.value === 'string') {
        this.#seen.set(operation.key, answer.value);
      }
      this.#record.answered(operation, answer);
      done?.(answer);
    });
  }

  read(key: string): Operation {
    const process = this.#processes++;
    const request: Request = { type: 'read', key, consistency: 'linearizable' };
    return { process, f: 'read', key, value: null, request };
  }

  /** Whoever waited for this node never hears of it. */
  died(node: NodeId): void {
    for (const [process, waiting] of this.#waiting) {
      if (waiting.node === node) this.#waiting.delete(process);
    }
  }

  #next(key: string): Operation {
    const dice = this.#random.float();
    if (dice < 0.4) return this.read(key);
    const process = this.#processes++;
    const value = `v${this.#values++}`;
    const from = this.#seen.get(key);
    if (dice < 0.7 || from === undefined) {
      const command = { type: 'put', key, value } as const;
      return { process, f: 'write', key, value, request: { type: 'command', command } };
    }
    const command = { type: 'cas', key, from, to: value } as const;
    return { process, f: 'cas', key, value: [from, value], request: { type: 'command', command } };
  }
}

/** Messages are lost, late, out of order, Raft's also twice; disks are slow; nodes die and come back. */
async function runSchedule(seed: number, rules: Rules, steps: number): Promise<Record> {
  const random = makeRandom(`drivers/${seed}`);
  const record = new Record();
  const drivers = new TestDrivers(random.pick([1, 2, 3, 3, 3, 5]), 'always', {
    rules,
    config: {
      electionTimeout: { minNs: random.pick([300, 1000]) * MS, maxNs: 1100 * MS },
      maxEntriesPerAppend: random.pick([1, 4, 64]),
      maxInflightAppends: random.pick([1, 3, 16]),
    },
    requestTimeoutNs: random.pick([500, 1000, 5000]) * MS,
    segmentBytesMax: random.pick([300, 100_000]),
    observer() {
      let applied = 0;
      return {
        restored: ({ base }) => void (applied = base.index),
        stepped() {},
        snapshot() {},
        written() {},
        applied(entry) {
          record.applied(entry, applied);
          applied = entry.index;
        },
      };
    },
  });
  const slowNs = random.pick([2, 40, 300]) * MS;
  const lossRate = random.pick([0, 0.02, 0.1]);
  const twiceRate = random.pick([0, 0.1]);
  const crashRate = random.pick([0.002, 0.01, 0.03]);
  const syncNs = random.pick([0, 10, 200]) * MS;
  let isCalm = false;
  drivers.route = (_from, _to, bytes, arrive) => {
    const isRaft = decodePeerMessage(bytes).type === 'raft';
    const copies = isRaft && random.float() < twiceRate ? 2 : 1;
    for (let copy = 1; copy <= copies; copy++) {
      if (!isCalm && random.float() < lossRate) continue;
      drivers.after(random.integer(1, isCalm ? MS : slowNs), arrive);
    }
  };
  const clients = new Clients(drivers, record, random.fork('clients'));
  await drivers.startAll();
  for (let step = 0; step < steps; step++) {
    const id = random.pick(drivers.ids);
    const dice = random.float();
    if (!drivers.drivers.has(id)) {
      if (dice < 0.3) await drivers.start(id);
    } else if (dice < crashRate) {
      const kept = random.pick([0, 0.5, 1]);
      drivers.crash(id, (unsynced) => unsynced.slice(0, Math.floor(kept * unsynced.length)));
      clients.died(id);
    } else if (dice < 0.1) {
      const peer = random.pick(drivers.ids);
      if (peer !== id) drivers.driver(id).disconnected(peer);
    } else if (dice < 0.5 && syncNs > 0) {
      const disk = defined(drivers.disks.get(id), 'a disk for each');
      disk.gate = new Promise((resolve) => drivers.after(random.integer(1, syncNs), resolve));
    } else if (dice < 0.9) clients.start();
    else if (dice < 0.92) {
      const cut = new Set(drivers.ids.filter(() => random.float() < 0.4));
      drivers.isOpen = (from, to) => cut.has(from) === cut.has(to);
    } else if (dice < 0.95) drivers.isOpen = () => true;
    await drivers.pass(random.integer(0, 60) * MS);
    expect(drivers.fatal).toEqual([]);
  }
  isCalm = true;
  drivers.isOpen = () => true;
  for (const id of drivers.ids) if (!drivers.drivers.has(id)) await drivers.start(id);
  await drivers.runUntil(() => clients.isIdle);
  await readEverywhere(drivers, clients);
  expect(drivers.fatal).toEqual([]);
  record.check();
  return record;
}

/** Once everything is healed, every node answers within simulated seconds. */
async function readEverywhere(drivers: TestDrivers, clients: Clients): Promise<void> {
  await drivers.pass(10_000 * MS);
  for (const id of drivers.ids) {
    for (const key of KEYS) {
      let answer: Answer | undefined;
      clients.ask(id, clients.read(key), (given) => (answer = given));
      await drivers.runUntil(() => answer !== undefined);
      expect(answer, `${id} serves when all is healed`).toMatchObject({ type: 'ok' });
    }
  }
}

test('nodes that lose, reorder and repeat messages, and die, answer once and answer right', async () => {
  const total = { ok: 0, refused: 0, unknown: 0 };
  for (let seed = 1; seed <= 40; seed++) {
    const record = await runSchedule(seed, PAPER_RULES, 300).catch((cause: unknown) => {
      throw new Error(`seed ${seed}: ${String(cause)}`, { cause });
    });
    for (const type of ['ok', 'refused', 'unknown'] as const) total[type] += record.answers[type];
  }
  // A run in which nothing happened proves nothing.
  expect(total.ok).toBeGreaterThan(2000);
  expect(total.refused).toBeGreaterThan(200);
  expect(total.unknown).toBeGreaterThan(50);
});

test('a random schedule finds drivers that acknowledge before fsync', async () => {
  const { rules } = defined(DEFECTS.get('acknowledge-before-fsync'), 'a planted defect');
  for (let seed = 1; seed <= 200; seed++) {
    const hasFailed = await runSchedule(seed, { ...PAPER_RULES, ...rules }, 300).then(
      () => false,
      () => true,
    );
    if (hasFailed) return;
  }
  throw new Error('not found in 200 seeds');
});
