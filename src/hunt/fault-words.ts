import type { Json } from '../../checker/index.ts';

/** `(groups ((n1) (n2 n3)))`: what a fault of `nemesis/` does to whom, for traces. */
export function inWords(json: Json): string {
  if (json === null || typeof json !== 'object') return String(json);
  if (Array.isArray(json)) return `(${json.map((item: Json) => inWords(item)).join(' ')})`;
  const fields = Object.entries(json).map(([name, value = null]: [string, Json | undefined]) => {
    return `${name} ${inWords(value)}`;
  });
  return `(${fields.join(' ')})`;
}
