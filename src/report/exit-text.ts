/** What an exit code means, in two words (DESIGN, "Exit codes"). */
const MEANING: Readonly<Record<number, string>> = {
  0: 'pass',
  1: 'violation',
  2: 'unknown',
  3: 'threshold broken',
  4: 'regression',
  5: 'proved nothing',
  64: 'usage',
  70: 'a bug in Gong',
  75: 'infrastructure',
  130: 'interrupted',
  143: 'terminated',
};

export function meaningOfExit(exit: number): string {
  return MEANING[exit] ?? `exit ${exit}`;
}
