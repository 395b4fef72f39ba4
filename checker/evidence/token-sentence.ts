import { show } from '../models/register.ts';
import { named } from './phrases.ts';
import type { Scene } from './sentence.ts';

/** A lock with tokens: one operation that does not fit what was before, or one token for two. */
export function tokenSentence({ model, strong, all, own, before }: Scene): string | undefined {
  const [first] = strong;
  if (first === undefined) return undefined;
  if (before !== undefined) {
    if (all.length > 1 + own.length) return undefined;
    const why = model.explainRejection(before.state, first);
    const left = model.describeState(before.state);
    return `${named(first)}: ${why}; all that happened before had left ${left}`;
  }
  const granted = strong.filter(({ f, applied }) => f === 'acquire' && applied);
  for (const one of granted) {
    const same = granted.find(({ id, output }) => id > one.id && output === one.output);
    if (same === undefined) continue;
    return `${named(one)} returned token ${show(one.output)}, and so did ${named(same)}`;
  }
  return undefined;
}
