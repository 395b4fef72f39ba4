import type { ScriptEnd } from './script-call.ts';

/** What gong and the guardian of its fault scripts say to each other, over Node's IPC channel. */

/** On the guardian's command line, as JSON: known before anything can go wrong. */
export interface GuardianParts {
  /** Absolute paths; `heal` of each is called when gong is gone. */
  readonly scripts: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limitMs: number;
  readonly logFile: string;
}

export type ToGuardian =
  | {
      readonly type: 'call';
      readonly id: number;
      readonly script: string;
      readonly words: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  /** Kills the script that runs now; its call is answered as any other. */
  | { readonly type: 'kill' }
  /** Everything has healed: it need not guard any more. It kills what scripts left running, and ends. */
  | { readonly type: 'release' };

export type FromGuardian =
  | { readonly type: 'ready' }
  /** The script's process group, so that gong can end it should the guardian be killed. */
  | { readonly type: 'called'; readonly id: number; readonly pid: number | null }
  | { readonly type: 'ended'; readonly id: number; readonly end: ScriptEnd };
