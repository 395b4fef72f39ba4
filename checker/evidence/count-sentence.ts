import type { Operation } from '../history.ts';
import { show } from '../models/register.ts';
import { completedBy, named } from './phrases.ts';
import type { Scene } from './sentence.ts';

/**
 * A counter of additions only: less than what was acknowledged, more than what was asked for, or one sum for
 * two.
 */
export function countSentence({ strong, all }: Scene): string | undefined {
  const additions = all.filter(({ f }) => f !== 'read');
  if (additions.some(({ input }) => Number(input) < 0)) return undefined;
  const tellers = strong.filter(({ f }) => f !== 'add');
  return tooFew(tellers, strong) ?? tooMany(tellers, additions) ?? toldTwice(tellers);
}

function sumOf(additions: readonly Operation[]): number {
  return additions.reduce((total, { input }) => total + Number(input), 0);
}

/** Its own part of the sum, then that of others. */
function additionsOf(count: number): string {
  return `${count} ${count === 1 ? 'addition' : 'additions'}`;
}

function tooFew(tellers: readonly Operation[], strong: readonly Operation[]): string | undefined {
  for (const one of tellers) {
    const before = strong.filter(({ f, return: end }) => f !== 'read' && end < one.invoke);
    const own = one.f === 'read' ? 0 : Number(one.input);
    const sum = sumOf(before);
    if (typeof one.output !== 'number' || sum + own <= one.output || before.length === 0) continue;
    const last = before.reduce((a, b) => (b.return > a.return ? b : a));
    const its = own === 0 ? '' : `, and it added ${own}`;
    return (
      `${named(one)} returned ${one.output}, but ${additionsOf(before.length)} of ${sum} in all had been ` +
      `acknowledged by then, the last ${completedBy(last)}${its}`
    );
  }
  return undefined;
}

function tooMany(
  tellers: readonly Operation[],
  additions: readonly Operation[],
): string | undefined {
  for (const one of tellers) {
    const begun = additions.filter(({ invoke }) => invoke < one.return);
    const sum = sumOf(begun);
    if (typeof one.output !== 'number' || one.output <= sum) continue;
    const which = begun.length === 0 ? 'nothing' : `no more than ${sum}`;
    const how = begun.length === 0 ? '' : `, by ${additionsOf(begun.length)}`;
    return `${named(one)} returned ${one.output}, but ${which} had been asked for by then${how}`;
  }
  return undefined;
}

/** Each addition of something leads to a sum of its own. */
function toldTwice(tellers: readonly Operation[]): string | undefined {
  const incrs = tellers.filter(({ f, input }) => f === 'incr' && Number(input) > 0);
  for (const [i, one] of incrs.entries()) {
    const other = incrs.slice(i + 1).find(({ output }) => output === one.output);
    if (other === undefined) continue;
    return (
      `${named(one)} returned ${show(one.output)}, and so did ${named(other)}: ` +
      'one of them did not count'
    );
  }
  return undefined;
}
