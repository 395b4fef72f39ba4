import type { Life, Stop } from '../observer.ts';
import { DiskError } from '../disk.ts';
import type { Report } from './report.ts';

/**
 * A node stops by itself only where its disk failed it (a file that it asks for and that was never there
 * is no failure of the disk's), and refuses to start only on a disk that was
 * damaged: anything else is an assertion of its own, or a bug.
 */
export function nodeFailed(
  report: Report,
  { node, number }: Life,
  stop: Stop,
  disk: { readonly isDamaged: boolean },
): void {
  if (stop.type === 'killed' || stop.type === 'power-failure') return;
  const { error } = stop;
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  if (stop.type === 'refused') {
    if (disk.isDamaged) return;
    const sentence = `${node} refused to start on a disk that nobody damaged (life ${number}): ${said}`;
    report('node-failed', [node], sentence);
  } else if (!(error instanceof DiskError) || error.code === 'ENOENT') {
    report('node-failed', [node], `${node} stopped by itself in its life ${number}: ${said}`);
  }
}
