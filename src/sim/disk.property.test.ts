import { expect, test } from 'vitest';
import { assert, defined } from '../lib/assert.ts';
import { makeRandom, type Random } from '../lib/prng.ts';
import type { Disk } from '../raft/driver/ports.ts';
import type { TornReport, WriteFate } from './disk-events.ts';
import { LoneDisk } from './testing/lone-disk.ts';

/** Contents are texts of one-byte characters: they compare, slice and sit in sets. */
interface Write {
  readonly at: number;
  readonly text: string;
}

interface ModelFile {
  readonly names: string[];
  cache: string;
  /** What the platter may hold: one text after a sync, many after a tear. */
  platter: Set<string>;
  /** Where the next append goes; only zeros follow. */
  end: number;
  dirty: Write[];
}

interface NameOp {
  readonly change: 'create' | 'rename' | 'remove';
  readonly name: string;
  readonly from?: string;
  readonly file: ModelFile | undefined;
}

/** The same disk, as simple as it can be: a name is never used twice. */
class Model {
  names = new Map<string, ModelFile>();
  durable = new Map<string, ModelFile>();
  dirty: NameOp[] = [];

  change(op: NameOp): void {
    apply(this.names, op);
    this.dirty.push(op);
  }

  syncDirectory(): void {
    for (const op of this.dirty.splice(0)) apply(this.durable, op);
  }

  powerFailure(report: TornReport): void {
    const files = new Set([...this.dirty.flatMap((op) => op.file ?? []), ...this.durable.values()]);
    for (const file of files) {
      const fates = report.writes.filter(({ name }) => file.names.includes(name));
      expect(fates.map(({ bytes }) => bytes)).toEqual(file.dirty.map(({ text }) => text.length));
      for (const [i, written] of file.dirty.entries()) {
        const fate = defined(fates[i], 'one for each');
        file.platter = new Set([...file.platter].flatMap((text) => torn(text, written, fate)));
      }
      file.dirty = [];
    }
    expect(report.names.map(({ change, name }) => [change, name])).toEqual(
      this.dirty.map(({ change, name }) => [change, name]),
    );
    for (const [i, op] of this.dirty.splice(0).entries()) {
      if (report.names[i]?.survived === true) apply(this.durable, op);
    }
    this.names = new Map(this.durable);
  }
}

function apply(names: Map<string, ModelFile>, { name, from, file }: NameOp): void {
  if (from !== undefined) names.delete(from);
  if (file === undefined) names.delete(name);
  else names.set(name, file);
}

function write(text: string, at: number, added: string): string {
  return text.slice(0, at).padEnd(at, '\0') + added + text.slice(at + added.length);
}

function done(text: string, written: Write): string {
  return write(text, written.at, written.text);
}

function settle(file: ModelFile): void {
  file.platter = new Set([...file.platter].map((text) => file.dirty.reduce(done, text)));
  file.dirty = [];
}

/** Everything that a fate allows. */
function torn(text: string, written: Write, fate: WriteFate): string[] {
  const { at, text: added } = written;
  if (fate.shape === 'none') return [text];
  if (fate.shape === 'whole') return [done(text, written)];
  if (fate.shape === 'prefix') {
    return Array.from({ length: added.length - 1 }, (_, i) =>
      write(text, at, added.slice(0, i + 1)),
    );
  }
  const old = text.padEnd(at + added.length, '\0');
  let found = [old];
  for (let from = at; from < at + added.length;) {
    const to = Math.min(at + added.length, (Math.floor(from / 512) + 1) * 512);
    const sector = added.slice(from - at, to - at);
    const [start] = [from];
    found = found.flatMap((one) => [one, write(one, start, sector)]);
    from = to;
  }
  // Zeros over zeros: no sector of them is missed.
  return /^\0*$/.test(added) ? found : found.filter((one) => one !== done(old, written));
}

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

async function step(random: Random, model: Model, disk: Disk, fresh: () => string): Promise<void> {
  const names = [...model.names.keys()];
  const roll = random.integer(0, 19);
  if (names.length === 0 || roll === 0) {
    // Near the border between two sectors.
    const text = 'x'.repeat(random.integer(480, 520));
    const platter = new Set([text]);
    const file = { names: [fresh()], cache: text, platter, end: text.length, dirty: [] };
    const name = defined(file.names[0], 'it has one');
    model.change({ change: 'create', name, file });
    disk.append(name, Buffer.from(text, 'latin1'));
    return disk.sync(name);
  }
  const name = random.pick(names);
  const file = defined(model.names.get(name), 'it is there');
  if (roll <= 2) {
    const text = '\0'.repeat(random.integer(1, 600));
    file.dirty.push({ at: file.cache.length, text });
    file.cache += text;
    settle(file);
    return disk.allocate(name, text.length);
  }
  if (roll <= 12) {
    const letter = random.integer(97, 122);
    const text = String.fromCharCode(letter).repeat(random.integer(1, 12));
    file.dirty.push({ at: file.end, text });
    file.cache = write(file.cache, file.end, text);
    file.end += text.length;
    return disk.append(name, Buffer.from(text, 'latin1'));
  }
  if (roll <= 15) {
    settle(file);
    return disk.sync(name);
  }
  if (roll === 16) {
    const to = fresh();
    file.names.push(to);
    model.change({ change: 'rename', name: to, from: name, file });
    return disk.rename(name, to);
  }
  if (roll === 17) {
    model.change({ change: 'remove', name, file: undefined });
    return disk.remove(name);
  }
  model.syncDirectory();
  return disk.syncDirectory();
}

test('the disk is as a simple model says, crash by crash: names, sizes, sectors', async () => {
  const shapes = new Map<string, number>();
  let promised = 0;
  for (let seed = 1; seed <= 200; seed++) {
    const random = makeRandom(seed);
    const lone = new LoneDisk(seed);
    const model = new Model();
    let named = 0;
    for (let life = 0; life < 4; life++) {
      const handle = lone.disk.attach();
      await lone.drive(async () => {
        expect((await handle.list()).toSorted(), `seed ${seed}`).toEqual(
          [...model.names.keys()].toSorted(),
        );
        for (const [name, file] of model.names) {
          const text = toText(await handle.read(name));
          if (life > 0 && file.dirty.length === 0 && file.platter.size > 1) {
            assert(file.platter.has(text), `seed ${seed}: a tear that no fate allows`);
            file.platter = new Set([text]);
            file.cache = text;
          }
          expect(text, `seed ${seed}`).toBe(file.cache);
          file.end = text.length;
        }
        for (let i = random.integer(5, 25); i > 0; i--) {
          await step(random, model, handle, () => `f${named++}`);
        }
      });
      if (random.integer(0, 2) === 0) {
        lone.disk.kill();
        continue;
      }
      const synced = [...model.durable.keys()].map((name) => {
        const text = model.names.get(name)?.cache.slice(0, lone.disk.syncedBytes(name)) ?? '';
        return [name, text] as const;
      });
      const report = lone.disk.powerFailure();
      for (const fate of report.writes) {
        shapes.set(fate.shape, (shapes.get(fate.shape) ?? 0) + 1);
      }
      for (const { change, survived } of report.names) {
        const key = `${change} ${survived}`;
        shapes.set(key, (shapes.get(key) ?? 0) + 1);
      }
      model.powerFailure(report);
      for (const file of model.names.values()) {
        if (file.platter.size === 1) [file.cache = ''] = file.platter;
      }
      for (const [name, text] of synced) {
        promised += text.length;
        for (const held of model.names.get(name)?.platter ?? []) {
          assert(held.startsWith(text), `seed ${seed}: ${name} had ${text.length} bytes synced`);
        }
      }
    }
  }
  expect(promised, 'bytes that were said to be synced').toBeGreaterThan(10_000);
  for (const what of ['none', 'prefix', 'whole', 'holes']) {
    expect(shapes.get(what), what).toBeGreaterThan(50);
  }
  for (const change of ['create', 'rename', 'remove']) {
    for (const survived of [true, false]) {
      expect(shapes.get(`${change} ${survived}`), `${change} ${survived}`).toBeGreaterThan(20);
    }
  }
});
