import type { WriteStream } from 'node:tty';
import type { HuntProgress } from '../hunt/index.ts';
import { formatDuration, MILLISECOND, SECOND } from '../lib/duration.ts';
import { bar, LiveBlock, type Screen } from './live-block.ts';

const BAR_COLUMNS = 24;
/** Between two looks at the progress on a terminal, and elsewhere. */
const DRAW_NS = 200 * MILLISECOND;
const LINE_NS = 10 * SECOND;

/** What a person sees while simulations run. */
export interface SimView {
  /** A message that stays. */
  say(text: string): void;
  /**
   * How far a hunt is.
   *
   * @param of - how many seeds there are; undefined when time ends it
   * @param what - what is hunted, where it is not everything
   */
  progress(progress: HuntProgress, of: number | undefined, what?: string): void;
  /** What else goes on: one line, replaced by the next. */
  doing(line: string): void;
  close(): void;
}

/** A line that is drawn in place on a terminal; plain lines now and then everywhere else. */
export function makeSimView(stream: Screen & Pick<WriteStream, 'isTTY'>): SimView {
  const block = stream.isTTY ? new LiveBlock(stream) : undefined;
  let shownNs = -Infinity;
  const isDue = (): boolean => {
    const nowNs = performance.now() * MILLISECOND;
    if (nowNs - shownNs < (block === undefined ? LINE_NS : DRAW_NS)) return false;
    const isFirst = shownNs === -Infinity;
    shownNs = nowNs;
    // What is over in a moment needs no line of progress.
    return block !== undefined || !isFirst;
  };
  const show = (line: string): void => {
    if (!isDue()) return;
    if (block === undefined) stream.write(`${line}\n`);
    else block.draw([line]);
  };
  return {
    say: (text) => (block === undefined ? void stream.write(text) : block.say(text)),
    progress: (progress, of, what) => show(progressLine(progress, of, what)),
    doing: show,
    close: () => block?.erase(),
  };
}

function progressLine(
  { done, simulatedNs, wallNs }: HuntProgress,
  of: number | undefined,
  what: string | undefined,
): string {
  const rate = wallNs > 0 ? Math.round(simulatedNs / wallNs) : 0;
  const seeds = of === undefined ? `${done} seeds` : `${done} of ${of} seeds`;
  const share = of === undefined ? '' : `${bar(done / of, BAR_COLUMNS)}  `;
  const simulated = `${Math.round(simulatedNs / SECOND)} s simulated`;
  return `  ${what === undefined ? '' : `${what}  `}${share}${seeds}  ${simulated}, ${rate} per second  ${formatDuration(wallNs)}`;
}
