import type { Source } from '../contracts/workload.ts';

/**
 * Passes completions on to those sources that want them; without any the combinator does not ask to be
 * told either, so that a workload which needs no completions costs none.
 */
export function tellAll(sources: readonly Source[]): Pick<Source, 'completed'> {
  const listeners = sources.filter((source) => 'completed' in source);
  if (listeners.length === 0) return {};
  return {
    completed(process, invocation, completion) {
      for (const source of listeners) source.completed?.(process, invocation, completion);
    },
  };
}
