import { defined } from '../lib/assert.ts';
import type { Random } from '../lib/prng.ts';
import type { NameFate } from './disk-events.ts';
import type { SimFile } from './disk-file.ts';

interface NameChange {
  readonly sequence: number;
  readonly change: NameFate['change'];
  readonly name: string;
  /** The file that has the name from now on; undefined when nobody has. */
  readonly file: SimFile | undefined;
  /** A name that goes away in the same instant. */
  readonly from?: string;
}

/** Names of files: those that processes see, those on the platter, and the changes between. */
export class SimDirectory {
  #names = new Map<string, SimFile>();
  readonly #durable = new Map<string, SimFile>();
  #dirty: NameChange[] = [];
  #sequence = 0;

  /** Changes up to this one are what a sync that begins now covers. */
  get sequence(): number {
    return this.#sequence;
  }

  get names(): ReadonlyMap<string, SimFile> {
    return this.#names;
  }

  /** What a power failure would leave, unsynced changes aside. */
  get durable(): ReadonlyMap<string, SimFile> {
    return this.#durable;
  }

  get(name: string): SimFile | undefined {
    return this.#names.get(name);
  }

  create(name: string, file: SimFile): void {
    this.#change({ change: 'create', name, file });
  }

  /** Replaces a file that has the name `to`. */
  rename(from: string, to: string): void {
    const file = defined(this.#names.get(from), `there is a file ${from}`);
    this.#change({ change: 'rename', name: to, file, from });
  }

  remove(name: string): void {
    this.#change({ change: 'remove', name, file: undefined });
  }

  /** Every file that has a name, had one, or may have one after a crash; with such a name. */
  files(): ReadonlyMap<SimFile, string> {
    const files = new Map<SimFile, string>();
    for (const { name, file } of this.#dirty) if (file !== undefined) files.set(file, name);
    for (const [name, file] of this.#durable) files.set(file, name);
    for (const [name, file] of this.#names) files.set(file, name);
    return files;
  }

  /** The sync that covered all up to `sequence` is done. @returns the names that it changed */
  settle(sequence: number): readonly string[] {
    const changes = this.#take(sequence);
    for (const change of changes) apply(this.#durable, change);
    return changes.map(({ name }) => name);
  }

  /** That sync failed: of what it covered any part is on the platter, and the rest never will be. */
  drop(sequence: number, random: Random): NameFate[] {
    return this.#take(sequence).map((change) => this.#decide(change, random));
  }

  /** Each unsynced change may have reached the platter, whatever became of the others. */
  powerFailure(random: Random): NameFate[] {
    const fates = this.#take(Infinity).map((change) => this.#decide(change, random));
    this.#names = new Map(this.#durable);
    return fates;
  }

  #decide(change: NameChange, random: Random): NameFate {
    const survived = random.integer(0, 1) === 1;
    if (survived) apply(this.#durable, change);
    return { change: change.change, name: change.name, survived };
  }

  #change(what: Omit<NameChange, 'sequence'>): void {
    this.#sequence += 1;
    const change = { ...what, sequence: this.#sequence };
    apply(this.#names, change);
    this.#dirty.push(change);
  }

  #take(sequence: number): NameChange[] {
    const taken = this.#dirty.filter((change) => change.sequence <= sequence);
    this.#dirty = this.#dirty.filter((change) => change.sequence > sequence);
    return taken;
  }
}

function apply(names: Map<string, SimFile>, { name, file, from }: NameChange): void {
  if (from !== undefined) names.delete(from);
  if (file === undefined) names.delete(name);
  else names.set(name, file);
}
