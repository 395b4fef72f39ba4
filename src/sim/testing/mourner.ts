import type { Life, SimObserver, Stop } from '../observer.ts';

export interface Mourner extends SimObserver {
  readonly stops: readonly { readonly life: Life; readonly stop: Stop }[];
  /** What lives did before they had begun, or after they were over. */
  readonly ghosts: readonly string[];
}

/** Remembers every death, and whatever a life does that is over. */
export function mourner(): Mourner {
  const stops: { life: Life; stop: Stop }[] = [];
  const ghosts: string[] = [];
  const living = new Set<string>();
  const textOf = ({ node, number }: Life): string => `${node}/${number}`;
  const doing =
    (what: string) =>
    (life: Life): void => {
      if (!living.has(textOf(life))) ghosts.push(`${textOf(life)} ${what}`);
    };
  return {
    stops,
    ghosts,
    started: (life) => void living.add(textOf(life)),
    stopped(life, stop) {
      living.delete(textOf(life));
      stops.push({ life, stop });
    },
    stepped: doing('stepped'),
    applied: doing('applied'),
    submitted: doing('submitted'),
    answered: doing('answered'),
  };
}
