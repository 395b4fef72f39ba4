import type { ResolvedFault } from '../contracts/nemesis.ts';
import type { FaultKind } from './scenario.ts';

/**
 * What a fault does, and to whom where that is known, for traces: `partition leader (groups ((n1) (n2
 * n3)))`. A fault is plain JSON, so that a new kind of it needs no new words.
 */
export function faultInWords(what: FaultKind, resolved?: ResolvedFault): string {
  if (what.type !== 'nemesis') return inWords(what).slice(1, -1);
  const how = resolved === undefined ? '' : ` ${inWords(resolved.value)}`;
  return `${what.kind} ${what.shape}${how}`;
}

function inWords(json: unknown): string {
  if (json === null || typeof json !== 'object') return String(json);
  if (Array.isArray(json)) return `(${json.map((item: unknown) => inWords(item)).join(' ')})`;
  const fields = Object.entries(json).map(([name, value]: readonly [string, unknown]) => {
    // What kind of thing it is needs no name.
    const isNamed = name !== 'type' && name !== 'fault';
    return isNamed ? `${name} ${inWords(value)}` : inWords(value);
  });
  return `(${fields.join(' ')})`;
}
