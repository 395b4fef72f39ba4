import type { Manifest } from '../rundir/manifest.ts';

/** The command line that repeats the run, its seed included, quoted for a POSIX shell. */
export function commandOf({ argv, seed }: Manifest): string {
  const words = [...argv];
  const isSeeded = words.some((word) => word === '--seed' || word.startsWith('--seed='));
  if (!isSeeded) words.push('--seed', seed);
  return ['npx', ...words.map(quoted)].join(' ');
}

/** An option's final value as text, `?` where the manifest has none. */
export function optionOf(config: Manifest['config'], name: string): string {
  const value = config[name];
  if (value === undefined || value === null) return '?';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** One word of a command for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
