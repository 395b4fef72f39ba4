import { assertNever } from '../../lib/assert.ts';
import type { Command, Value } from './commands.ts';

/** What a command did. `applied` is false only for a CAS that found another value. */
export interface CommandResult {
  readonly applied: boolean;
}

/** The replicated state: the same commands in the same order give the same state everywhere. */
export class StateMachine {
  readonly #values = new Map<string, string>();

  apply(command: Command): CommandResult {
    switch (command.type) {
      case 'put':
        this.#values.set(command.key, command.value);
        return { applied: true };
      case 'delete':
        this.#values.delete(command.key);
        return { applied: true };
      case 'cas': {
        if (this.read(command.key) !== command.from) return { applied: false };
        if (command.to === null) this.#values.delete(command.key);
        else this.#values.set(command.key, command.to);
        return { applied: true };
      }
      default:
        return assertNever(command);
    }
  }

  read(key: string): Value {
    return this.#values.get(key) ?? null;
  }

  get size(): number {
    return this.#values.size;
  }
}
