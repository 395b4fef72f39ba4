import type { Target } from '../contracts/target.ts';

/**
 * The same target, whose clients put a prefix before every key: in a store that has lived before this
 * run, keys of an earlier one must not be taken for this one's. The history names keys without it.
 */
export function withKeyPrefix(target: Target, prefix: string): Target {
  return {
    ...target,
    connect(url, options) {
      const client = target.connect(url, options);
      return {
        invoke: (invocation, deadlineNs) =>
          client.invoke({ ...invocation, key: `${prefix}${invocation.key ?? ''}` }, deadlineNs),
        [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
      };
    },
  };
}
